// SPDX-License-Identifier: MIT
// sum over a group of neighbouring axes; every other reduction is recorded as sums of such groups, so that
// one loop, [outer, reduced, inner] -> [outer, inner], serves all.
#include <limits.h>

#include "autograd/kernel.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/recorded.h"
#include "autograd/ops/strided.h"
#include "autograd/threads.h"

typedef struct reduction {
    unsigned axes;  // neighbours
    bool keep;
} reduction;

static bool is_reduced(const ag_node *node, int axis) {
    return (((const reduction *)node->attributes)->axes & AG_AXIS(axis)) != 0;
}

static bool infer(ag_node *node) {
    const reduction *r = node->attributes;
    const ag_shape x = node->input[0]->shape;
    if (r->axes >= AG_AXIS(x.rank))
        return ag_node_fail(node, "the axes 0x%x reach past the last axis of %s", r->axes, AG_TEXT(x));
    node->shape.rank = 0;
    for (int i = 0; i < x.rank; i++) {
        if (is_reduced(node, i) && !r->keep) continue;
        node->shape.dim[node->shape.rank++] = is_reduced(node, i) ? 1 : x.dim[i];
    }
    return true;
}

// x seen as [outer, reduced, inner], cut into tasks: a group of whole outer rows where these are short, else
// a block of reduced rows, whose sum is a partial one.
typedef struct cut {
    const ag_call *call;
    ag_dtype dtype;
    int64_t outer, reduced, inner;
    int64_t block, n_blocks, group;
} cut;

static cut cut_of(const ag_node *node) {
    const ag_shape x = node->input[0]->shape;
    cut c = {.dtype = ag_tape_dtype(node->tape), .outer = 1, .reduced = 1, .inner = 1};
    bool passed = false;
    for (int i = 0; i < x.rank; i++) {
        passed = passed || is_reduced(node, i);
        *(is_reduced(node, i) ? &c.reduced : passed ? &c.inner : &c.outer) *= x.dim[i];
    }
    c.block = ag_block_rows(c.inner);
    c.n_blocks = ag_ceil_div(c.reduced, c.block);
    c.group = c.n_blocks > 1 ? 1 : ag_max(1, AG_CHUNK / (c.reduced * c.inner));
    return c;
}

// Partial sums: doubles when numbers are summed, rows of elements when rows are.
static int64_t scratch(const ag_node *node, int workers) {
    (void)workers;
    const cut c = cut_of(node);
    const size_t bytes = c.inner == 1 ? sizeof(double) : ag_dtype_bytes(c.dtype);
    return c.n_blocks == 1 ? 0 : c.outer * c.n_blocks * c.inner * (int64_t)bytes;
}

static void sum_block(const cut *c, int64_t outer, int64_t block) {
    const ag_call *call = c->call;
    const int64_t row = block * c->block, rows = ag_min(c->block, c->reduced - row);
    const void *x = ag_const_at(call->in[0], (outer * c->reduced + row) * c->inner, c->dtype);
    const int64_t to = outer * c->n_blocks + block;
    void *sums = c->n_blocks == 1 ? call->out : call->scratch;
    if (c->inner > 1)
        call->kernels->column_sum(rows, c->inner, x, ag_at(sums, to * c->inner, c->dtype));
    else
        ag_store(sums, to, c->n_blocks == 1 ? c->dtype : AG_F64, call->kernels->sum(rows, x));
}

static void sum_task(void *context, int64_t task) {
    const cut *c = context;
    const int64_t first = task / c->n_blocks * c->group, end = ag_min(first + c->group, c->outer);
    for (int64_t outer = first; outer < end; outer++) sum_block(c, outer, task % c->n_blocks);
}

// The partial sums of one outer row, in index order.
static void combine_task(void *context, int64_t outer) {
    const cut *c = context;
    const ag_call *call = c->call;
    const int64_t first = outer * c->n_blocks;
    if (c->inner > 1) {
        call->kernels->column_sum(c->n_blocks, c->inner,
                                  ag_const_at(call->scratch, first * c->inner, c->dtype),
                                  ag_at(call->out, outer * c->inner, c->dtype));
        return;
    }
    double sum = 0;
    for (int64_t i = 0; i < c->n_blocks; i++) sum += ((const double *)call->scratch)[first + i];
    ag_store(call->out, outer, c->dtype, sum);
}

static void forward(const ag_call *call) {
    cut c = cut_of(call->node);
    c.call = call;
    ag_parallel_for(ag_ceil_div(c.outer, c.group) * c.n_blocks, sum_task, &c);
    if (c.n_blocks > 1) ag_parallel_for(c.outer, combine_task, &c);
}

static ag_node *vjp(ag_node *node, ag_node *dy, int input) {
    const ag_shape x = node->input[input]->shape;
    ag_shape kept = x;
    for (int i = 0; i < x.rank; i++)
        if (is_reduced(node, i)) kept.dim[i] = 1;
    return ag_broadcast(ag_reshape(dy, kept), x);
}

static double flops(const ag_node *node) { return (double)ag_shape_size(node->input[0]->shape); }

static const ag_op sum = {
    .name = "sum", .infer = infer, .forward = forward, .vjp = vjp, .flops = flops, .scratch = scratch};

// Bits of the highest run of ones.
static unsigned highest_group(unsigned axes) {
    const int top = (int)(sizeof axes * CHAR_BIT) - 1 - __builtin_clz(axes);
    unsigned group = 0;
    for (int i = top; i >= 0 && (axes & AG_AXIS(i)); i--) group |= AG_AXIS(i);
    return group;
}

// From the last group to the first, so that the axes in front keep their numbers.
ag_node *ag_sum_axes(ag_node *x, unsigned axes, bool keep) {
    while (axes && !ag_node_failed(x)) {
        const reduction group = {highest_group(axes), keep};
        axes &= ~group.axes;
        x = ag_apply_inputs(&sum, 1, &x, &group, sizeof group);
    }
    return x;
}

static unsigned all_axes(const ag_node *x) { return ag_node_failed(x) ? 0 : AG_AXIS(x->shape.rank) - 1; }

static double mean_factor(ag_shape y, ag_shape x) {
    return (double)ag_shape_size(y) / (double)ag_shape_size(x);
}

ag_node *ag_mean_axes(ag_node *x, unsigned axes, bool keep) {
    ag_node *y = ag_sum_axes(x, axes, keep);
    if (ag_node_failed(y)) return y;
    return ag_scale(y, mean_factor(y->shape, x->shape));
}

bool ag_is_mean(const ag_node *y, const ag_node *x, unsigned axes) {
    if (!ag_is_affine(y, mean_factor(y->shape, x->shape), 0)) return false;
    const ag_node *total = y->input[0];
    if (total->op != &sum || total->input[0] != x) return false;
    const reduction *r = total->attributes;
    return r->axes == axes && !r->keep;
}

ag_node *ag_sum(ag_node *x) { return ag_sum_axes(x, all_axes(x), false); }
ag_node *ag_mean(ag_node *x) { return ag_mean_axes(x, all_axes(x), false); }

ag_node *ag_sum_to(ag_node *x, ag_shape shape) {
    if (ag_node_failed(x) || ag_shape_equal(x->shape, shape)) return x;
    ag_shape common;
    if (!ag_shape_broadcast(x->shape, shape, &common) || !ag_shape_equal(common, x->shape))
        return ag_tape_fail(x->tape, "sum_to (%s): %s is no broadcast form of %s", x->label,
                            AG_TEXT(x->shape), AG_TEXT(shape));
    const int lead = x->shape.rank - shape.rank;
    unsigned axes = 0;
    for (int i = 0; i < x->shape.rank; i++)
        if (i < lead || (shape.dim[i - lead] == 1 && x->shape.dim[i] > 1)) axes |= AG_AXIS(i);
    return ag_reshape(ag_sum_axes(x, axes, true), shape);
}

const ag_op *const ag_ops_reduce[] = {&sum, NULL};
