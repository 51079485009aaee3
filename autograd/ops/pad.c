// SPDX-License-Identifier: MIT
// pad: zeros before and after along every axis; the adjoint of slice.
#include <string.h>

#include "autograd/kernel.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/strided.h"

typedef struct margins {
    int64_t before[AG_MAX_RANK], after[AG_MAX_RANK];
} margins;

static bool infer(ag_node *node) {
    const margins *m = node->attributes;
    const ag_shape x = node->input[0]->shape;
    node->shape.rank = x.rank;
    for (int i = 0; i < x.rank; i++) {
        int64_t *dim = &node->shape.dim[i];
        if (m->before[i] < 0 || m->after[i] < 0 || __builtin_add_overflow(x.dim[i], m->before[i], dim) ||
            __builtin_add_overflow(*dim, m->after[i], dim))
            return ag_node_fail(
                node, "axis %d of %s: margins %lld and %lld must be 0 or more, and no length above 2^63 - 1",
                i, AG_TEXT(x), (long long)m->before[i], (long long)m->after[i]);
    }
    return true;
}

static void forward(const ag_call *call) {
    const ag_node *node = call->node;
    const margins *m = node->attributes;
    const ag_strides to = ag_strides_of(node->shape);
    const ag_dtype dtype = call->kernels->dtype;
    int64_t first = 0;
    for (int i = 0; i < node->shape.rank; i++) first += m->before[i] * to.axis[i];
    memset(call->out, 0, (size_t)ag_shape_bytes(node->shape, dtype));
    ag_strided loop = ag_strided_over(node->input[0]->shape);
    ag_strided_add(&loop, to);
    ag_strided_add(&loop, ag_strides_of(node->input[0]->shape));
    ag_strided_copy(&loop, dtype, ag_at(call->out, first, dtype), call->in[0]);
}

static ag_node *vjp(ag_node *node, ag_node *dy, int input) {
    const margins *m = node->attributes;
    return ag_slice(dy, m->before, node->input[input]->shape);
}

static const ag_op pad = {
    .name = "pad", .infer = infer, .forward = forward, .vjp = vjp, .flops = ag_no_flops};

ag_node *ag_pad(ag_node *x, const int64_t *before, const int64_t *after) {
    if (ag_node_failed(x)) return x;
    margins attributes = {.before = {0}};
    for (int i = 0; i < x->shape.rank; i++) {
        attributes.before[i] = before[i];
        attributes.after[i] = after[i];
    }
    return ag_apply_inputs(&pad, 1, &x, &attributes, sizeof attributes);
}

const ag_op *const ag_ops_pad[] = {&pad, NULL};
