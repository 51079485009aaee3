// SPDX-License-Identifier: MIT
// Kernel and bias of the layers that have both (private).
#pragma once

#include "nn/layer.h"

// Declares "kernel" and, unless no_bias, "bias" [n_bias]; an initializer without a kind is the default:
// glorot_uniform and zeros.
bool nn_weights_declare(nn_layer *layer, ag_shape kernel, nn_initializer kernel_initializer, bool no_bias,
                        int64_t n_bias, nn_initializer bias_initializer, ag_error *error);

ag_node *nn_weights_read_kernel(const nn_layer *layer, ag_tape *tape);

// y + bias, or y when there is none.
ag_node *nn_weights_add_bias(const nn_layer *layer, ag_node *y);
