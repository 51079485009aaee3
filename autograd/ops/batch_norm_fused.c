// SPDX-License-Identifier: MIT
// Batch normalization with a leaky ReLU behind it, and the gradient of both: what rewrites put in the place
// of the nodes in batch_norm.c. With z the normalization, which is computed again instead of read, and
// dz = leaky_relu_gradient(dy, z):
//
//     batch_norm_leaky_relu            y = leaky_relu(z)
//     batch_norm_leaky_relu_sums       sums = dbeta, dgamma = sum dz, sum dz xhat
//     batch_norm_leaky_relu_gradient   dx, of dy, sums and z's inputs
//
// in the same order of operations, so that the bits are those of the nodes apart.
#include "autograd/ops/array.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/columns.h"
#include "autograd/ops/strided.h"

typedef struct fused {
    double epsilon;  // first, as in all of the family
    double slope;
} fused;

static double slope_of(const ag_node *node) { return ((const fused *)node->attributes)->slope; }

static ag_normalize_call loop_of(const ag_call *call, int x) {
    ag_normalize_call loop = ag_batch_norm_loop(call, x, true);
    loop.slope = slope_of(call->node);
    if (x > 0) loop.dy = call->in[0];
    return loop;
}

// ---- y, of z's inputs

static void forward(const ag_call *call) {
    const ag_normalize_call loop = loop_of(call, 0);
    ag_columns_normalize(call->kernels, &loop);
}

static double forward_flops(const ag_node *node) { return 3 * (double)ag_shape_size(node->shape); }

static int64_t forward_scratch(const ag_node *node, int workers) {
    (void)workers;
    return ag_batch_norm_vectors_bytes(node);
}

static const ag_op batch_norm_leaky_relu = {.name = "batch_norm_leaky_relu",
                                            .traits = AG_OP_INPLACE,
                                            .forward = forward,
                                            .flops = forward_flops,
                                            .scratch = forward_scratch};

bool ag_is_activated_batch_norm(const ag_node *node, double *slope) {
    const bool is_fused = node->op == &batch_norm_leaky_relu;
    *slope = is_fused ? slope_of(node) : 1;
    return is_fused || ag_is_batch_norm(node);
}

// z's inputs, behind `first` others; returns how many there are then.
static int list_inputs(const ag_graph *graph, const ag_node *z, int first, const ag_node **inputs) {
    for (int k = 0; k < AG_NORM_INPUTS; k++) inputs[first + k] = ag_graph_input(graph, z, k);
    return first + AG_NORM_INPUTS;
}

void ag_batch_norm_fuse(ag_graph *graph, const ag_node *at, const ag_node *normalization, double slope) {
    const ag_node *inputs[AG_MAX_INPUTS];
    const fused attributes = {ag_batch_norm_epsilon(normalization), slope};
    const int n = list_inputs(graph, normalization, 0, inputs);
    ag_graph_replace(graph, at, normalization, &batch_norm_leaky_relu, n, inputs, &attributes,
                     sizeof attributes);
}

// ---- the sums: (dy, z's inputs) -> [2, C]; each alone: (sums) -> [C]

static void sums_forward(const ag_call *call) {
    const ag_dtype dtype = call->kernels->dtype;
    ag_normalize_call loop = loop_of(call, 1);
    loop.sum = call->out;
    loop.dot = ag_at(call->out, loop.cols, dtype);
    ag_columns_gradient(call->kernels, &loop,
                        (char *)call->scratch + ag_batch_norm_vectors_bytes(call->node->input[1]));
    for (int64_t c = 0; c < loop.cols; c++)
        ag_store(loop.dot, c, dtype,
                 ag_batch_norm_r(call, 1 + AG_NORM_VARIANCE, c) * ag_load(loop.dot, c, dtype));
}

static double sums_flops(const ag_node *node) { return 7 * (double)ag_shape_size(node->input[1]->shape); }

static int64_t sums_scratch(const ag_node *node, int workers) {
    (void)workers;
    const ag_node *x = node->input[1];
    const int64_t rows = ag_rows_in(x->shape), cols = ag_columns_in(x->shape);
    return ag_batch_norm_vectors_bytes(x) + 2 * ag_columns_scratch(rows, cols, ag_tape_dtype(node->tape));
}

static const ag_op batch_norm_leaky_relu_sums = {.name = "batch_norm_leaky_relu_sums",
                                                 .forward = sums_forward,
                                                 .flops = sums_flops,
                                                 .scratch = sums_scratch};

enum { DBETA, DGAMMA };  // rows of the sums

static void row_forward(const ag_call *call) {
    const ag_dtype dtype = call->kernels->dtype;
    const int64_t cols = ag_columns_in(call->node->shape);
    const int64_t first = *(const int *)call->node->attributes * cols;
    for (int64_t c = 0; c < cols; c++) ag_store(call->out, c, dtype, ag_load(call->in[0], first + c, dtype));
}

static const ag_op batch_norm_sums_row = {
    .name = "batch_norm_sums_row", .forward = row_forward, .flops = ag_no_flops};

// ---- dx: (dy, z's inputs, sums) -> x's shape

static void gradient_forward(const ag_call *call) {
    const void *sums = call->in[1 + AG_NORM_INPUTS];
    ag_normalize_call loop = loop_of(call, 1);
    ag_batch_norm_add_sums(call, &loop, 1, sums, ag_const_at(sums, loop.cols, call->kernels->dtype));
    ag_columns_normalize(call->kernels, &loop);
}

static double gradient_flops(const ag_node *node) { return 8 * (double)ag_shape_size(node->shape); }

static const ag_op batch_norm_leaky_relu_gradient = {.name = "batch_norm_leaky_relu_gradient",
                                                     .traits = AG_OP_INPLACE,
                                                     .forward = gradient_forward,
                                                     .flops = gradient_flops,
                                                     .scratch = forward_scratch};

static void take_row(ag_graph *graph, const ag_node *old, const ag_node *sums, int row) {
    ag_graph_replace(graph, old, old, &batch_norm_sums_row, 1, &sums, &row, sizeof row);
}

void ag_batch_norm_fuse_gradient(ag_graph *graph, const ag_node *dz, const ag_node *z, const ag_node *dx,
                                 double slope) {
    const ag_node *dgamma = ag_graph_input(graph, dx, AG_NORM_DGAMMA);
    const ag_node *dbeta = ag_graph_input(graph, dx, AG_NORM_DBETA);
    const ag_node *inputs[AG_MAX_INPUTS] = {ag_graph_input(graph, dz, 0)};
    const fused attributes = {ag_batch_norm_epsilon(z), slope};
    const int n = list_inputs(graph, z, 1, inputs);
    ag_node *sums = ag_graph_replace(graph, dz, dx, &batch_norm_leaky_relu_sums, n, inputs, &attributes,
                                     sizeof attributes);
    if (!sums) return;
    sums->shape = AG_SHAPE(2, ag_columns_in(z->shape));
    inputs[n] = sums;
    ag_graph_replace(graph, dx, dx, &batch_norm_leaky_relu_gradient, n + 1, inputs, &attributes,
                     sizeof attributes);
    take_row(graph, dgamma, sums, DGAMMA);
    take_row(graph, dbeta, sums, DBETA);
}
