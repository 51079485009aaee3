// SPDX-License-Identifier: MIT
// A bias added to the product of a small matrix and a wide one, as of a dense layer in front of a
// convolution, becomes part of the product, which has its results in registers.
#include "autograd/ops/matmul.h"
#include "autograd/rewrites/bias.h"

static void apply(ag_graph *graph, const ag_node *node) {
    const ag_biased sum = ag_biased_of(graph, node, ag_matmul_has_room);
    if (sum.y) ag_matmul_take_bias(graph, node, sum.y, sum.bias);
}

const ag_rewrite ag_rewrite_matmul_bias = {"matmul_bias", apply};
