// SPDX-License-Identifier: MIT
// Dense: y = x w + b.
#include "autograd/op.h"
#include "nn/layers.h"
#include "nn/layers/weights.h"

static bool build(nn_layer *layer, ag_error *error) {
    const nn_dense_params *params = layer->params;
    if (params->units < 1)
        return nn_layer_fail(layer, error, AG_STATUS_USAGE, "units %lld must be at least 1",
                             (long long)params->units);
    if (layer->in.rank != 1)
        return nn_layer_fail(layer, error, AG_STATUS_CONTRACT,
                             "input %s must have one axis; put a flatten before it", AG_TEXT(layer->in));
    layer->out = AG_SHAPE(params->units);
    return nn_weights_declare(layer, AG_SHAPE(layer->in.dim[0], params->units), params->kernel,
                              params->no_bias, params->units, params->bias, error);
}

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)mode;
    ag_node *kernel = nn_weights_read_kernel(layer, ag_node_tape(x));
    return nn_weights_add_bias(layer, ag_matmul(x, kernel, false, false));
}

nn_layer *nn_dense_create(nn_dense_params params) {
    static const nn_layer_kind kind = {"dense", build, apply};
    return nn_layer_create(&kind, &params, sizeof params);
}
