// SPDX-License-Identifier: MIT
// LeakyReLU: x > 0 ? x : slope x.
#include <math.h>

#include "nn/layers.h"

static bool build(nn_layer *layer, ag_error *error) {
    const double slope = *(const double *)layer->params;
    layer->out = layer->in;
    return isfinite(slope) || nn_layer_fail(layer, error, AG_STATUS_USAGE, "slope %g must be finite", slope);
}

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)mode;
    return ag_leaky_relu(x, *(const double *)layer->params);
}

nn_layer *nn_leaky_relu(double slope) {
    static const nn_layer_kind kind = {"leaky_relu", build, apply};
    return nn_layer_create(&kind, &slope, sizeof slope);
}
