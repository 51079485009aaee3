// SPDX-License-Identifier: MIT
// One row per op: how to build it, at which shapes and values, and what it must compute. test_op.c puts every
// row through the same proofs; a row that the scheme does not fit (sources, effects) brings a check of its
// own.
#pragma once

#include "autograd/autograd.h"
#include "tests/support/reference.h"
#include "tests/support/values.h"

#define OP_CASE_INPUTS 5

// One set of input shapes with the op's arguments; which fields count is the row's business.
typedef struct op_config {
    ag_shape in[OP_CASE_INPUTS];
    bool large;  // too many entries for finite differences: forward only
    ag_shape
        shape;  // reshape, broadcast, sum_to: the result; slice: the extent; conv gradients: the third array
    int axes[AG_MAX_RANK];                            // transpose; concat: axes[0]
    int64_t before[AG_MAX_RANK], after[AG_MAX_RANK];  // pad; slice: the begin
    unsigned mask;                                    // reductions
    bool keep, transpose_a, transpose_b;
    ag_conv_params conv;
    double p, q;
} op_config;

typedef struct op_case {
    const char *op;    // descriptor's name
    const char *file;  // of autograd/ops/, without the suffix
    const char *via;   // how the graph reaches the op, when not by the function of its name
    int n_inputs;
    ag_node *(*build)(ag_node *const *in, const op_config *config);
    // The result: entry by entry from broadcast inputs, or as a whole (out has the node's shape).
    double (*formula)(const double *in, const op_config *config);
    void (*reference)(const ref_array *in, const op_config *config, ref_array *out);
    const op_config *configs;
    int n_configs;
    value_domain domain[OP_CASE_INPUTS];
    // Sets of inputs (bit i: input i) in which the op is jointly linear, the others held fixed; 0 ends.
    unsigned linear[2];
    bool no_gradient;
    double f32_bound;  // relative to max(|entry|, largest |entry|) of the reference; pointwise: to the entry
                       // alone
    void (*check)(void);  // instead of build and all below
} op_case;

// Row i of all; NULL past the end.
const op_case *op_case_at(int i);

// The node that `y`'s vjp records for one of its inputs: the way to ops that have no function in the
// catalogue.
ag_node *op_case_vjp(ag_node *y, ag_node *dy, int input);

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define CONFIGS(array) .configs = array, .n_configs = COUNT(array)

// The families, a file op_cases_*.c each.
extern const op_case op_pointwise_cases[], op_shape_cases[], op_sum_cases[], op_conv2d_cases[],
    op_batch_norm_cases[];
extern const int op_pointwise_cases_count, op_shape_cases_count, op_sum_cases_count, op_conv2d_cases_count,
    op_batch_norm_cases_count;

// The checks of rows that the scheme does not fit (op_checks_*.c); each asserts by Criterion.
void op_check_input(void);
void op_check_constant(void);
void op_check_read(void);
void op_check_stop_gradient(void);
void op_check_random_normal(void);
void op_check_random_uniform(void);
void op_check_assign(void);
void op_check_adam(void);
void op_check_sgd(void);
void op_check_rmsprop(void);
