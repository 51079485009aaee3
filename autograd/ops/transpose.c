// SPDX-License-Identifier: MIT
// transpose: y's axis i is x's axis axes[i].
#include "autograd/kernel.h"
#include "autograd/ops.h"
#include "autograd/ops/strided.h"

typedef struct permutation {
    int axis[AG_MAX_RANK];
} permutation;

static bool infer(ag_node *node) {
    const permutation *axes = node->attributes;
    const ag_shape x = node->input[0]->shape;
    unsigned seen = 0;
    node->shape.rank = x.rank;
    for (int i = 0; i < x.rank; i++) {
        const int axis = axes->axis[i];
        if (axis < 0 || axis >= x.rank || (seen & AG_AXIS(axis)))
            return ag_node_fail(node, "axis %d at position %d: axes must be a permutation of those of %s",
                                axis, i, AG_TEXT(x));
        seen |= AG_AXIS(axis);
        node->shape.dim[i] = x.dim[axis];
    }
    return true;
}

static void forward(const ag_call *call) {
    const ag_node *node = call->node;
    const permutation *axes = node->attributes;
    const ag_strides from = ag_strides_of(node->input[0]->shape);
    ag_strides permuted = {0};
    for (int i = 0; i < node->shape.rank; i++) permuted.axis[i] = from.axis[axes->axis[i]];
    ag_strided loop = ag_strided_over(node->shape);
    ag_strided_add(&loop, ag_strides_of(node->shape));
    ag_strided_add(&loop, permuted);
    ag_strided_copy(&loop, call->kernels->dtype, call->out, call->in[0]);
}

static ag_node *vjp(ag_node *node, ag_node *dy, int input) {
    const permutation *axes = node->attributes;
    permutation inverse = {{0}};
    for (int i = 0; i < node->input[input]->shape.rank; i++) inverse.axis[axes->axis[i]] = i;
    return ag_transpose(dy, inverse.axis);
}

static const ag_op transpose = {
    .name = "transpose", .infer = infer, .forward = forward, .vjp = vjp, .flops = ag_no_flops};

ag_node *ag_transpose(ag_node *x, const int *axes) {
    if (ag_node_failed(x)) return x;
    const int rank = x->shape.rank;
    permutation attributes = {{0}};
    for (int i = 0; i < rank; i++) attributes.axis[i] = axes ? axes[i] : rank - 1 - i;
    return ag_apply_inputs(&transpose, 1, &x, &attributes, sizeof attributes);
}

const ag_op *const ag_ops_transpose[] = {&transpose, NULL};
