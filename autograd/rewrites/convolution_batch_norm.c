// SPDX-License-Identifier: MIT
// A batch normalization of a convolution that nobody else reads, so that its statistics are not the convolution's own,
// becomes part of it, and with it the activation that the normalization has.
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/conv2d.h"
#include "autograd/rewrite.h"

static void apply(ag_graph *graph, const ag_node *node) {
    double slope;
    if (!ag_is_activated_batch_norm(node, &slope)) return;
    const ag_node *y = ag_graph_input(graph, node, AG_NORM_X);
    if (ag_conv2d_has_room(y, AG_CONV_NORMALIZATION) && ag_graph_is_private(graph, y))
        ag_conv2d_take_batch_norm(graph, node, y);
}

const ag_rewrite ag_rewrite_convolution_batch_norm = {"convolution_batch_norm", apply};
