// SPDX-License-Identifier: MIT
// broadcast: NumPy's broadcast_to, values copied along the new and the stretched axes.
#include "autograd/kernel.h"
#include "autograd/ops.h"
#include "autograd/ops/strided.h"

static bool infer(ag_node *node) {
    const ag_shape from = node->input[0]->shape, to = *(const ag_shape *)node->attributes;
    ag_shape common;
    node->shape = to;
    return (ag_shape_broadcast(from, to, &common) && ag_shape_equal(common, to)) ||
           ag_node_fail(node, "%s does not broadcast to %s: dimensions must be equal or 1", AG_TEXT(from),
                        AG_TEXT(to));
}

static void forward(const ag_call *call) {
    const ag_node *node = call->node;
    ag_strided loop = ag_strided_over(node->shape);
    ag_strided_add(&loop, ag_strides_of(node->shape));
    ag_strided_add(&loop, ag_strides_broadcast(node->input[0]->shape, node->shape));
    ag_strided_copy(&loop, call->kernels->dtype, call->out, call->in[0]);
}

static ag_node *vjp(ag_node *node, ag_node *dy, int input) {
    return ag_sum_to(dy, node->input[input]->shape);
}

static const ag_op broadcast = {
    .name = "broadcast", .infer = infer, .forward = forward, .vjp = vjp, .flops = ag_no_flops};

ag_node *ag_broadcast(ag_node *x, ag_shape shape) {
    if (ag_node_failed(x) || ag_shape_equal(x->shape, shape)) return x;
    return ag_apply_inputs(&broadcast, 1, &x, &shape, sizeof shape);
}

const ag_op *const ag_ops_broadcast[] = {&broadcast, NULL};
