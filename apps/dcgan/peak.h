// SPDX-License-Identifier: MIT
// What the processor can do at most: the speed of a loop of multiply-adds that touch no memory.
#pragma once

// FLOP/s of all threads in use together, for one run of the loop, a few milliseconds, in the vectors of an
// instruction set of the kernels. A set that is not known has the vectors of every x86-64, and so has the
// scalar one.
double peak_flops(const char *isa);
