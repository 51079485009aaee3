// SPDX-License-Identifier: MIT
// Kernel and bias of the layers that have both.
#include "nn/layers/weights.h"

bool nn_weights_declare(nn_layer *layer, ag_shape kernel, nn_initializer kernel_initializer, bool no_bias,
                        int64_t n_bias, nn_initializer bias_initializer, ag_error *error) {
    if (!kernel_initializer.kind) kernel_initializer = nn_glorot_uniform;
    if (!bias_initializer.kind) bias_initializer = nn_zeros;
    if (!nn_layer_declare(layer, "kernel", kernel, AG_PARAMETER, kernel_initializer, error)) return false;
    return no_bias ||
           nn_layer_declare(layer, "bias", AG_SHAPE(n_bias), AG_PARAMETER, bias_initializer, error) != NULL;
}

ag_node *nn_weights_read_kernel(const nn_layer *layer, ag_tape *tape) {
    return ag_read(tape, layer->parameters[0]);
}

ag_node *nn_weights_add_bias(const nn_layer *layer, ag_node *y) {
    if (layer->n_parameters < 2 || ag_node_failed(y)) return y;
    return ag_add(y, ag_read(ag_node_tape(y), layer->parameters[1]));
}
