// SPDX-License-Identifier: MIT
// A program's own fields, for the files of this room that run and describe it.
#pragma once

#include "autograd/plan.h"

struct ag_workspace {
    char *memory;
    int64_t bytes;
    const struct ag_program *holder;  // whose values it holds; NULL: nobody's
};

bool ag_workspace_reserve(ag_workspace *workspace, int64_t bytes, ag_error *error);

typedef struct ag_output {
    const ag_node *node;
    void *copy;  // for an output that lies in a parameter, a constant or an input: its value before the step
} ag_output;

struct ag_program {
    ag_tape *tape;
    ag_plan plan;
    ag_workspace *workspace;
    bool owns_workspace;
    char *own;          // memory of inputs and outputs
    const char *bound;  // workspace memory that the calls point into
    void **values;      // by node
    const struct ag_kernels *kernels;
    ag_call *calls;       // by step
    const void **inputs;  // AG_MAX_INPUTS per step
    int n_outputs;
    ag_output *outputs;
    bool *fed;    // by node: inputs that hold a value
    int n_unfed;  // inputs that a run needs and that hold none
    ag_clock clock;
    bool has_run, stale;  // stale: fed since the last run
    bool computed;        // values wait for their effects
    double *seconds;      // by step: where to add up times; NULL: nowhere
    bool poison;
    double frozen_flops;
};

// Before step s: NaN into every byte of the arena that holds no value which s or a later step reads.
void ag_program_poison_step(ag_program *program, int s);
