// SPDX-License-Identifier: MIT
// What rewrites ask of batch normalization.
#pragma once

#include "autograd/rewrite.h"

// batch_norm or batch_norm_fixed, without an activation.
bool ag_is_batch_norm(const ag_node *node);

// Puts leaky_relu(normalization, slope) in the place of `at`.
void ag_batch_norm_fuse(ag_graph *graph, const ag_node *at, const ag_node *normalization, double slope);
