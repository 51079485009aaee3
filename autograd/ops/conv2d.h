// SPDX-License-Identifier: MIT
// What rewrites ask of the convolutions.
#pragma once

#include "autograd/rewrite.h"

typedef enum ag_conv_part { AG_CONV_BIAS, AG_CONV_ACTIVATION } ag_conv_part;

// Whether the node is a convolution (forward or input gradient) that can still take the part: the bias comes
// before the activation.
bool ag_conv2d_has_room(const ag_node *node, ag_conv_part part);

// Puts leaky_relu(convolution + bias, slope) in the place of `at`.
// bias NULL: the one that it has, if any; slope 1: no activation.
void ag_conv2d_fuse(ag_graph *graph, const ag_node *at, const ag_node *convolution, const ag_node *bias,
                    double slope);
