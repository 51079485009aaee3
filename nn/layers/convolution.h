// SPDX-License-Identifier: MIT
// The options of conv2d and conv2d_transpose (private).
#pragma once

#include "nn/layers.h"

// A copy of the params with stride 0 as 1.
nn_conv_params nn_convolution_params(const nn_layer *layer);

// Whether the options are in their ranges and the input is [H,W,C].
bool nn_convolution_check(const nn_layer *layer, ag_error *error);
