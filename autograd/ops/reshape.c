// SPDX-License-Identifier: MIT
// reshape: the same bytes under another shape.
#include "autograd/op.h"
#include "autograd/ops.h"

static bool infer(ag_node *node) {
    const ag_shape from = node->input[0]->shape, to = *(const ag_shape *)node->attributes;
    node->shape = to;
    return ag_shape_size(from) == ag_shape_size(to) ||
           ag_node_fail(node, "%s has %lld elements, the new shape %s has %lld", AG_TEXT(from),
                        (long long)ag_shape_size(from), AG_TEXT(to), (long long)ag_shape_size(to));
}

static ag_node *vjp(ag_node *node, ag_node *dy, int input) {
    return ag_reshape(dy, node->input[input]->shape);
}

static const ag_op reshape = {.name = "reshape", .traits = AG_OP_VIEW, .infer = infer, .vjp = vjp};

ag_node *ag_reshape(ag_node *x, ag_shape shape) {
    if (ag_node_failed(x) || ag_shape_equal(x->shape, shape)) return x;
    return ag_apply_inputs(&reshape, 1, &x, &shape, sizeof shape);
}

const ag_op *const ag_ops_reshape[] = {&reshape, NULL};
