// SPDX-License-Identifier: MIT
// Reshape: the same values, row-major, under other axes; the batch's stays.
#include "autograd/op.h"
#include "nn/layers.h"

static bool build(nn_layer *layer, ag_error *error) {
    layer->out = *(const ag_shape *)layer->params;
    if (ag_shape_size(layer->out) != ag_shape_size(layer->in))
        return nn_layer_fail(layer, error, AG_STATUS_CONTRACT,
                             "input %s and shape %s differ in their number of values", AG_TEXT(layer->in),
                             AG_TEXT(layer->out));
    return true;
}

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)mode;
    ag_shape shape = {.rank = layer->out.rank + 1, .dim = {ag_node_shape(x).dim[0]}};
    for (int i = 0; i < layer->out.rank; i++) shape.dim[i + 1] = layer->out.dim[i];
    return ag_reshape(x, shape);
}

nn_layer *nn_reshape_create(ag_shape shape) {
    static const nn_layer_kind kind = {"reshape", build, apply};
    return nn_layer_create(&kind, &shape, sizeof shape);
}
