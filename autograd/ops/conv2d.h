// SPDX-License-Identifier: MIT
// What rewrites ask of the convolutions.
#pragma once

#include "autograd/rewrite.h"

// What may stand behind a convolution, each once and in this order.
typedef enum ag_conv_part { AG_CONV_BIAS, AG_CONV_NORMALIZATION, AG_CONV_ACTIVATION } ag_conv_part;

// Whether the node is a convolution (forward or input gradient) that can still take the part.
bool ag_conv2d_has_room(const ag_node *node, ag_conv_part part);

// Put the convolution with one part more in the place of `at`, which is: the sum
// with the bias; an activated batch norm (ops/batch_norm.h), whose activation
// comes with it; leaky_relu(.., slope).
void ag_conv2d_take_bias(ag_graph *graph, const ag_node *at, const ag_node *convolution, const ag_node *bias);
void ag_conv2d_take_batch_norm(ag_graph *graph, const ag_node *at, const ag_node *convolution);
void ag_conv2d_take_activation(ag_graph *graph, const ag_node *at, const ag_node *convolution, double slope);
