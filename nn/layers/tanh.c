// SPDX-License-Identifier: MIT
// Hyperbolic tangent: tanh(x).
#include "nn/layers.h"

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)layer, (void)mode;
    return ag_tanh(x);
}

nn_layer *nn_tanh(void) {
    static const nn_layer_kind kind = {"tanh", NULL, apply};
    return nn_layer_create(&kind, NULL, 0);
}
