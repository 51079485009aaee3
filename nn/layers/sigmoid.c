// SPDX-License-Identifier: MIT
// Sigmoid: 1 / (1 + exp(-x)).
#include "nn/layers.h"

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)layer, (void)mode;
    return ag_sigmoid(x);
}

nn_layer *nn_sigmoid(void) {
    static const nn_layer_kind kind = {"sigmoid", NULL, apply};
    return nn_layer_create(&kind, NULL, 0);
}
