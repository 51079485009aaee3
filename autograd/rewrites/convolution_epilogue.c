// SPDX-License-Identifier: MIT
// A bias added to the output of a convolution, and a leaky ReLU of that,
// become part of the convolution, which has its results in registers.
#include "autograd/ops/conv2d.h"
#include "autograd/ops/recorded.h"
#include "autograd/rewrite.h"

static bool is_bias_of(const ag_node *bias, const ag_node *y) {
    return bias->shape.rank == 1 && bias->shape.dim[0] == y->shape.dim[y->shape.rank - 1];
}

// add(convolution, bias), either way round
static void take_bias(ag_graph *graph, const ag_node *sum) {
    for (int k = 0; k < 2; k++) {
        const ag_node *y = ag_graph_input(graph, sum, k), *bias = ag_graph_input(graph, sum, 1 - k);
        if (!ag_conv2d_has_room(y, AG_CONV_BIAS) || !is_bias_of(bias, y) || !ag_graph_is_private(graph, y))
            continue;
        ag_conv2d_take_bias(graph, sum, y, bias);
        return;
    }
}

static void apply(ag_graph *graph, const ag_node *node) {
    double slope;
    if (ag_is_add(node)) {
        take_bias(graph, node);
    } else if (ag_is_leaky_relu(node, &slope)) {
        const ag_node *y = ag_graph_input(graph, node, 0);
        if (ag_conv2d_has_room(y, AG_CONV_ACTIVATION) && ag_graph_is_private(graph, y))
            ag_conv2d_take_activation(graph, node, y, slope);
    }
}

const ag_rewrite ag_rewrite_convolution_epilogue = {"convolution_epilogue", apply};
