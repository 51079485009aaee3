// SPDX-License-Identifier: MIT
// ReLU: max(x, 0).
#include "nn/layers.h"

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)layer, (void)mode;
    return ag_relu(x);
}

nn_layer *nn_relu(void) {
    static const nn_layer_kind kind = {"relu", NULL, apply};
    return nn_layer_create(&kind, NULL, 0);
}
