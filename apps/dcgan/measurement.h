// SPDX-License-Identifier: MIT
// Times of iterations and of every step of the programs that run in them. After each iteration a loop of
// multiply-adds is timed (peak.h), so that both see the same machine.
#pragma once

#include "autograd/program.h"

#define MEASUREMENT_PROGRAMS 32

typedef struct measured_program {
    const char *name;  // borrowed, and so is the program
    ag_program *program;
    int n_steps;
    double *running;  // [n_steps], seconds of the iteration at hand
    double *seconds;  // [iterations, n_steps]
} measured_program;

typedef struct measurement {
    int64_t iterations, done;
    const char *isa;  // of the loop; borrowed
    bool apart;       // the programs run between end and keep
    int n_programs;
    double opened;
    double *started, *seconds;  // [iterations], of each: seconds since `opened`, and how long it took
    double *peaks;              // [iterations], FLOP/s of the loop after each
    double *sorted;             // [iterations], scratch
    measured_program programs[MEASUREMENT_PROGRAMS];
} measurement;

// Close it on failure too, and before its programs are freed.
bool measurement_open(measurement *m, int64_t iterations, const char *isa, ag_error *error);
void measurement_close(measurement *m);

// From now on the program's steps are timed.
bool measurement_watch(measurement *m, const char *name, ag_program *program, ag_error *error);

// An iteration is what happens from begin to end. Until keep, programs
// may run that are no part of it and have times of their own.
void measurement_begin(measurement *m);
void measurement_end(measurement *m);
void measurement_keep(measurement *m);
bool measurement_done(const measurement *m);

typedef struct spread {
    double median, mean, least, most;
} spread;

// Over the iterations done, of which there is one at least, of values that lie `stride` apart.
spread measurement_spread(const measurement *m, const double *values, int64_t stride);

// Arithmetic of one evaluation of a step, nominal: products with padding count.
double measurement_flops(const measured_program *program, int step);
