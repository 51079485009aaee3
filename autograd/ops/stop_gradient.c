// SPDX-License-Identifier: MIT
// stop_gradient: the same value, through which no gradient passes.
#include "autograd/op.h"
#include "autograd/ops.h"

static bool infer(ag_node *node) {
    node->shape = node->input[0]->shape;
    return true;
}

static const ag_op stop_gradient = {
    .name = "stop_gradient", .traits = AG_OP_VIEW | AG_OP_BLOCK, .infer = infer};

ag_node *ag_stop_gradient(ag_node *x) { return ag_apply_inputs(&stop_gradient, 1, &x, NULL, 0); }

const ag_op *const ag_ops_stop_gradient[] = {&stop_gradient, NULL};
