// SPDX-License-Identifier: MIT
// Whether a node is what a function of the catalogue records: for ops that rely on how an input came about.
#pragma once

#include "autograd/op.h"

// y is ag_affine(its input, factor, term).
bool ag_is_affine(const ag_node *y, double factor, double term);

// y is ag_mean_axes(x, axes, false), for axes that are neighbours.
bool ag_is_mean(const ag_node *y, const ag_node *x, unsigned axes);
