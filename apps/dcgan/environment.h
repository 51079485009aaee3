// SPDX-License-Identifier: MIT
// The environment that the libraries read: some of it before main runs, some when they are first used.
#pragma once

#include "autograd/check.h"

#define ENVIRONMENT_ISA 32

// One OpenBLAS thread, since the program's own threads call it; and threads that sleep while they wait:
// beside other work on the machine, spinning ones took the processor from those with work to do (55 images/s
// instead of 190 on two cores, one of them busy). They spin for some microseconds before they sleep, though:
// waking up takes as long as a step of a small batch (405 instead of 315 images/s with a batch of 8). What
// the user has set stays. Starts the program again when something was missing; returns when nothing was, or
// when it cannot.
void environment_prepare(char **argv);

// The instruction set that the kernels were chosen for, into text; returns text.
char *environment_isa(char text[ENVIRONMENT_ISA]);

// Makes `name` that instruction set; to be called before the first kernel is. AG_STATUS_USAGE when this
// processor cannot run it or there is none of this name.
bool environment_choose_isa(const char *name, ag_error *error);
