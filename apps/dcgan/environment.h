// SPDX-License-Identifier: MIT
// The environment that the libraries read before main runs.
#pragma once

// One OpenBLAS thread, since the program's own threads call it; and threads that sleep while they wait:
// beside other work on the machine, spinning ones took the processor from those with work to do (55 images/s
// instead of 190 on two cores, one of them busy). What the user has set stays. Starts the program again when
// something was missing; returns when nothing was, or when it cannot.
void environment_prepare(char **argv);
