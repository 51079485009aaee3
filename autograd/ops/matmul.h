// SPDX-License-Identifier: MIT
// What a rewrite asks of the matrix product.
#pragma once

#include "autograd/rewrite.h"

// Whether the node is a product that can still take a bias: of a small matrix and a wide one, by our kernel.
bool ag_matmul_has_room(const ag_node *node);

// Puts the product with the bias in the place of `at`, the sum of the two.
void ag_matmul_take_bias(ag_graph *graph, const ag_node *at, const ag_node *product, const ag_node *bias);
