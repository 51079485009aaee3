// SPDX-License-Identifier: MIT
// slice: x[begin .. begin + extent) along every axis; the adjoint of pad.
#include "autograd/kernel.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/strided.h"

typedef struct region {
    int64_t begin[AG_MAX_RANK];
    ag_shape extent;
} region;

static bool infer(ag_node *node) {
    const region *r = node->attributes;
    const ag_shape x = node->input[0]->shape;
    node->shape = r->extent;
    if (r->extent.rank != x.rank)
        return ag_node_fail(node, "the extent %s must have the rank of %s", AG_TEXT(r->extent), AG_TEXT(x));
    for (int i = 0; i < x.rank; i++)
        if (r->begin[i] < 0 || r->extent.dim[i] < 1 || r->extent.dim[i] > x.dim[i] - r->begin[i])
            return ag_node_fail(node, "axis %d: %lld elements from %lld on do not lie inside %s", i,
                                (long long)r->extent.dim[i], (long long)r->begin[i], AG_TEXT(x));
    return true;
}

static void forward(const ag_call *call) {
    const ag_node *node = call->node;
    const region *r = node->attributes;
    const ag_strides from = ag_strides_of(node->input[0]->shape);
    const ag_dtype dtype = call->kernels->dtype;
    int64_t first = 0;
    for (int i = 0; i < node->shape.rank; i++) first += r->begin[i] * from.axis[i];
    ag_strided loop = ag_strided_over(node->shape);
    ag_strided_add(&loop, ag_strides_of(node->shape));
    ag_strided_add(&loop, from);
    ag_strided_copy(&loop, dtype, call->out, ag_const_at(call->in[0], first, dtype));
}

static ag_node *vjp(ag_node *node, ag_node *dy, int input) {
    const region *r = node->attributes;
    const ag_shape x = node->input[input]->shape;
    int64_t after[AG_MAX_RANK] = {0};
    for (int i = 0; i < x.rank; i++) after[i] = x.dim[i] - r->begin[i] - r->extent.dim[i];
    return ag_pad(dy, r->begin, after);
}

static const ag_op slice = {
    .name = "slice", .infer = infer, .forward = forward, .vjp = vjp, .flops = ag_no_flops};

ag_node *ag_slice(ag_node *x, const int64_t *begin, ag_shape extent) {
    if (ag_node_failed(x)) return x;
    region attributes = {.extent = extent};
    for (int i = 0; i < x->shape.rank; i++) attributes.begin[i] = begin[i];
    return ag_apply_inputs(&slice, 1, &x, &attributes, sizeof attributes);
}

const ag_op *const ag_ops_slice[] = {&slice, NULL};
