// SPDX-License-Identifier: MIT
// concat: nodes one after the other along an axis.
#include "autograd/kernel.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/strided.h"

// The axis, counted from the front.
static int axis_of(const ag_node *node) {
    const int axis = *(const int *)node->attributes;
    return axis < 0 ? axis + node->input[0]->shape.rank : axis;
}

static bool infer(ag_node *node) {
    const ag_shape first = node->input[0]->shape;
    const int axis = axis_of(node);
    if (axis < 0 || axis >= first.rank)
        return ag_node_fail(node, "axis %d does not exist in %s", *(const int *)node->attributes,
                            AG_TEXT(first));
    node->shape = first;
    for (int i = 1; i < node->n_inputs; i++) {
        ag_shape next = node->input[i]->shape;
        const int64_t length = next.rank == first.rank ? next.dim[axis] : 0;
        next.dim[axis] = first.dim[axis];
        if (!ag_shape_equal(first, next))
            return ag_node_fail(
                node, "input %d (%s) is %s and input 0 is %s: they may differ along axis %d only", i,
                node->input[i]->label, AG_TEXT(node->input[i]->shape), AG_TEXT(first), axis);
        node->shape.dim[axis] += length;
    }
    return true;
}

static void forward(const ag_call *call) {
    const ag_node *node = call->node;
    const int axis = axis_of(node);
    const ag_strides to = ag_strides_of(node->shape);
    const ag_dtype dtype = call->kernels->dtype;
    int64_t first = 0;
    for (int i = 0; i < node->n_inputs; i++) {
        const ag_shape x = node->input[i]->shape;
        ag_strided loop = ag_strided_over(x);
        ag_strided_add(&loop, to);
        ag_strided_add(&loop, ag_strides_of(x));
        ag_strided_copy(&loop, dtype, ag_at(call->out, first, dtype), call->in[i]);
        first += x.dim[axis] * to.axis[axis];
    }
}

static ag_node *vjp(ag_node *node, ag_node *dy, int input) {
    const int axis = axis_of(node);
    int64_t begin[AG_MAX_RANK] = {0};
    for (int i = 0; i < input; i++) begin[axis] += node->input[i]->shape.dim[axis];
    return ag_slice(dy, begin, node->input[input]->shape);
}

static const ag_op concat = {
    .name = "concat", .infer = infer, .forward = forward, .vjp = vjp, .flops = ag_no_flops};

ag_node *ag_concat(int n, ag_node *const *xs, int axis) {
    return ag_apply_inputs(&concat, n, xs, &axis, sizeof axis);
}

const ag_op *const ag_ops_concat[] = {&concat, NULL};
