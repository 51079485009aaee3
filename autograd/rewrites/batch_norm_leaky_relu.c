// SPDX-License-Identifier: MIT
// A leaky ReLU of a batch normalization becomes part of it: one pass over the values in place of two.
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/recorded.h"
#include "autograd/rewrite.h"

static void apply(ag_graph *graph, const ag_node *node) {
    double slope;
    if (!ag_is_leaky_relu(node, &slope)) return;
    const ag_node *y = ag_graph_input(graph, node, 0);
    if (ag_is_batch_norm(y) && ag_graph_is_private(graph, y)) ag_batch_norm_fuse(graph, node, y, slope);
}

const ag_rewrite ag_rewrite_batch_norm_leaky_relu = {"batch_norm_leaky_relu", apply};
