// SPDX-License-Identifier: MIT
// The gradient of a batch normalization whose leaky ReLU's gradient has no other reader takes both in two
// passes over dy and x in place of four over them, the normalization and what is between.
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/recorded.h"
#include "autograd/rewrite.h"

// The gradient for z's x, if dz goes into it and its two sums and nowhere else.
static const ag_node *gradient_of(const ag_graph *graph, const ag_node *z, const ag_node *dz) {
    const ag_node *dx = NULL, *reader;
    for (int i = 0; !dx && (reader = ag_graph_reader(graph, dz, i)) != NULL; i++)
        if (ag_is_batch_norm_gradient(reader, z, dz)) dx = reader;
    if (!dx || ag_graph_is_output(graph, dz)) return NULL;
    for (int i = 0; (reader = ag_graph_reader(graph, dz, i)) != NULL; i++)
        if (reader != dx && reader != ag_graph_input(graph, dx, AG_NORM_DGAMMA) &&
            reader != ag_graph_input(graph, dx, AG_NORM_DBETA))
            return NULL;
    return dx;
}

static void apply(ag_graph *graph, const ag_node *node) {
    double slope;
    if (!ag_is_leaky_relu_gradient(node, &slope)) return;
    const ag_node *z = ag_graph_input(graph, node, 1), *dx = gradient_of(graph, z, node);
    // Of a single channel the sum of dz is one over everything, which runs in another order.
    if (dx && z->shape.dim[z->shape.rank - 1] > 1) ag_batch_norm_fuse_gradient(graph, node, z, dx, slope);
}

const ag_rewrite ag_rewrite_batch_norm_leaky_relu_gradient = {"batch_norm_leaky_relu_gradient", apply};
