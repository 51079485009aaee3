// SPDX-License-Identifier: MIT
// How a bias is recognized.
#pragma once

#include "autograd/ops/recorded.h"
#include "autograd/rewrite.h"

typedef struct ag_biased {
    const ag_node *y, *bias;  // NULL: the node is no such sum
} ag_biased;

// Whether the node is y + bias, either way round: y one that has room for it and that nobody else reads, the
// bias a vector along its last axis.
static inline ag_biased ag_biased_of(const ag_graph *graph, const ag_node *node,
                                     bool (*has_room)(const ag_node *y)) {
    for (int k = 0; k < 2 && ag_is_add(node); k++) {
        const ag_node *y = ag_graph_input(graph, node, k), *bias = ag_graph_input(graph, node, 1 - k);
        if (has_room(y) && ag_graph_is_private(graph, y) && bias->shape.rank == 1 &&
            bias->shape.dim[0] == y->shape.dim[y->shape.rank - 1])
            return (ag_biased){y, bias};
    }
    return (ag_biased){NULL, NULL};
}
