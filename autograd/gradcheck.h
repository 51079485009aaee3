// SPDX-License-Identifier: MIT
// Gradient checks, public so that users check their own ops: central differences in f64 (as
// torch.autograd.gradcheck), the analytic pass twice with identical bits, kinks (LeakyReLU at 0) detected and
// counted, not excused.
#pragma once

#include "autograd/program.h"

typedef struct ag_gradcheck_params {
    double epsilon;     // step; 0 means 1e-6
    double atol, rtol;  // |analytic - numeric| <= atol + rtol * |numeric|; 0 means 1e-5 and 1e-3
    int64_t samples;    // entries checked per input, spread evenly; 0 means all
    double kink_limit;  // fraction of entries that may be skipped as kinks; 0 means 0.01
    uint64_t seed;
} ag_gradcheck_params;

typedef struct ag_gradcheck_result {
    int64_t checked, kinks;  // entries, those on kinks among them
    double worst;            // largest |analytic - numeric| / max(|analytic|, |numeric|, atol / rtol)
} ag_gradcheck_result;

// Builds a graph on the given tape from the n inputs and returns its result (any shape; a fixed random
// projection makes it a scalar). Called several times; must record the same graph each time.
typedef ag_node *(*ag_graph_function)(ag_tape *tape, int n, ag_node *const *inputs, void *context);

// Checks d result / d input for all n inputs at the given values (f64). False, with *error naming the op, the
// input, the index and both values, at the first mismatch. The analytic side runs through the compiled,
// planned program, numeric through it as well.
AG_API bool ag_gradcheck(const char *name, ag_graph_function graph, void *context, int n,
                         ag_tensor *const *values, ag_gradcheck_params params, ag_gradcheck_result *result,
                         ag_error *error);
// The same for the gradient itself: second order.
AG_API bool ag_gradgradcheck(const char *name, ag_graph_function graph, void *context, int n,
                             ag_tensor *const *values, ag_gradcheck_params params,
                             ag_gradcheck_result *result, ag_error *error);

// Checks one parameter's gradient in a program: `loss` and `gradient` are outputs of `program` (f64), the
// values are perturbed in place and restored bit by bit. No effect is run.
AG_API bool ag_gradcheck_parameter(ag_program *program, ag_parameter *parameter, const ag_node *loss,
                                   const ag_node *gradient, ag_clock clock, ag_gradcheck_params params,
                                   ag_gradcheck_result *result, ag_error *error);
