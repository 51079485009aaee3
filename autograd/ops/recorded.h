// SPDX-License-Identifier: MIT
// Whether a node is what a function of the catalogue records: for ops that rely on how an input came
// about, and for rewrites.
#pragma once

#include "autograd/op.h"

// y is ag_affine(its input, factor, term).
bool ag_is_affine(const ag_node *y, double factor, double term);

bool ag_is_add(const ag_node *y);

// y is ag_leaky_relu(its input, *slope); the gradient of one for its input, of (dy, x).
bool ag_is_leaky_relu(const ag_node *y, double *slope);
bool ag_is_leaky_relu_gradient(const ag_node *y, double *slope);

// Bytes of the attributes of a pointwise node.
#define AG_POINTWISE_ATTRIBUTES (2 * sizeof(double))

// y is ag_mean_axes(x, axes, false), for axes that are neighbours.
bool ag_is_mean(const ag_node *y, const ag_node *x, unsigned axes);
