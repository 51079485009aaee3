// SPDX-License-Identifier: MIT
// A batch normalization becomes part of the convolution before it, with the
// activation that it has. Nobody else may read the convolution, so the
// statistics are not those of its values: they are fixed.
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
