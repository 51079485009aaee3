// SPDX-License-Identifier: MIT
// A bias added to the output of a convolution, and a leaky ReLU of that, become part of the convolution,
// which has its results in registers.
#include "autograd/ops/conv2d.h"
#include "autograd/rewrites/bias.h"

static bool has_room_for_bias(const ag_node *y) { return ag_conv2d_has_room(y, AG_CONV_BIAS); }

static void apply(ag_graph *graph, const ag_node *node) {
    double slope;
    const ag_biased sum = ag_biased_of(graph, node, has_room_for_bias);
    if (sum.y) {
        ag_conv2d_take_bias(graph, node, sum.y, sum.bias);
    } else if (ag_is_leaky_relu(node, &slope)) {
        const ag_node *y = ag_graph_input(graph, node, 0);
        if (ag_conv2d_has_room(y, AG_CONV_ACTIVATION) && ag_graph_is_private(graph, y))
            ag_conv2d_take_activation(graph, node, y, slope);
    }
}

const ag_rewrite ag_rewrite_convolution_epilogue = {"convolution_epilogue", apply};
