// SPDX-License-Identifier: MIT
// leaky_relu_gradient(dy, x) asks only for the sign of x, which is that of y = leaky_relu(x),
// slope >= 0: where y is there anyway and nothing else reads x, x need not be kept, and the
// activation may become part of what computes it.
#include "autograd/ops/recorded.h"
#include "autograd/rewrite.h"

// y, if x is read by nothing but it and gradients like this one.
static const ag_node *activation_of(const ag_graph *graph, const ag_node *x, double slope) {
    const ag_node *y = NULL, *reader;
    double found;
    for (int i = 0; (reader = ag_graph_reader(graph, x, i)) != NULL; i++) {
        const bool is_y = ag_is_leaky_relu(reader, &found) && found == slope;
        const bool asks_for_sign = ag_is_leaky_relu_gradient(reader, &found) && found == slope &&
                                   ag_graph_input(graph, reader, 1) == x;
        if (!is_y && !asks_for_sign) return NULL;
        if (is_y) y = reader;
    }
    return y;
}

static void apply(ag_graph *graph, const ag_node *node) {
    double slope;
    if (!ag_is_leaky_relu_gradient(node, &slope) || slope < 0) return;
    const ag_node *y = activation_of(graph, ag_graph_input(graph, node, 1), slope);
    if (y && y->index < node->index)
        ag_graph_replace(graph, node, node, node->op, 2,
                         (const ag_node *[]){ag_graph_input(graph, node, 0), y}, node->attributes,
                         AG_POINTWISE_ATTRIBUTES);
}

const ag_rewrite ag_rewrite_leaky_relu_sign = {"leaky_relu_sign", apply};
