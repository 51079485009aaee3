// SPDX-License-Identifier: MIT
// What conv2d and conv2d_transpose share (private).
#pragma once

#include "nn/layers.h"

// A copy of the params with stride 0 as 1.
nn_conv_params nn_convolution_params(const nn_layer *layer);

// Whether the options are in their ranges and the input is [H,W,C].
bool nn_convolution_check(const nn_layer *layer, ag_error *error);

// convolve(x, kernel) + bias; `convolve` is ag_conv2d or ag_conv2d_transpose.
ag_node *nn_convolution_apply(const nn_layer *layer, ag_node *x,
                              ag_node *(*convolve)(ag_node *x, ag_node *w, ag_conv_params params));
