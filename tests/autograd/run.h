// SPDX-License-Identifier: MIT
// Running graphs in tests: one node through the plain evaluation and through a compiled program.
#pragma once

#include "autograd/autograd.h"

// The value of `node` by a program compiled for it alone, poisoned between steps; NULL after an error. The
// caller frees it.
ag_tensor *run_program(ag_node *node, int n_feeds, const ag_feed *feeds, ag_clock clock, ag_error *error);

// The value of a node that needs no failure: asserts by Criterion, names `what`.
ag_tensor *run_evaluate(const char *what, ag_node *node, int n_feeds, const ag_feed *feeds);

// A program for n outputs that must compile, fed and run once; asserts by Criterion.
ag_program *run_compile(const char *what, ag_tape *tape, int n, ag_node *const *outputs);
void run_step(const char *what, ag_program *program, int n_feeds, const ag_feed *feeds, ag_clock clock);

// A copy of an output's values as a tensor; asserts by Criterion.
ag_tensor *run_output(const char *what, const ag_program *program, const ag_node *node);

// Number of nodes on the tape whose op has this name.
int run_count_op(const ag_tape *tape, const char *op);
