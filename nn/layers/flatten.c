// SPDX-License-Identifier: MIT
// Flatten: all axes but the batch's as one, row-major.
#include "nn/layers.h"

static bool build(nn_layer *layer, ag_error *error) {
    (void)error;
    layer->out = AG_SHAPE(ag_shape_size(layer->in));
    return true;
}

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)mode;
    return ag_reshape(x, AG_SHAPE(ag_node_shape(x).dim[0], layer->out.dim[0]));
}

nn_layer *nn_flatten(void) {
    static const nn_layer_kind kind = {"flatten", build, apply};
    return nn_layer_create(&kind, NULL, 0);
}
