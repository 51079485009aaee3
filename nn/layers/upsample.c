// SPDX-License-Identifier: MIT
// Nearest-neighbour upsampling: y[i,j] = x[i / factor, j / factor].
#include "autograd/op.h"
#include "nn/layers.h"

#define LARGEST 4096

static bool build(nn_layer *layer, ag_error *error) {
    const int64_t factor = *(const int64_t *)layer->params;
    if (factor < 1 || factor > LARGEST)
        return nn_layer_fail(layer, error, AG_STATUS_USAGE, "factor %lld must lie in 1 to %d",
                             (long long)factor, LARGEST);
    if (layer->in.rank != 3)
        return nn_layer_fail(layer, error, AG_STATUS_CONTRACT, "input %s must have shape [H,W,C]",
                             AG_TEXT(layer->in));
    layer->out = AG_SHAPE(layer->in.dim[0] * factor, layer->in.dim[1] * factor, layer->in.dim[2]);
    return true;
}

// Each pixel becomes a block of factor x factor by a broadcast over two axes put beside H and W.
static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)mode;
    const int64_t factor = *(const int64_t *)layer->params, n = ag_node_shape(x).dim[0];
    const int64_t h = layer->in.dim[0], w = layer->in.dim[1], c = layer->in.dim[2];
    ag_node *pixels = ag_reshape(x, AG_SHAPE(n, h, 1, w, 1, c));
    ag_node *blocks = ag_broadcast(pixels, AG_SHAPE(n, h, factor, w, factor, c));
    return ag_reshape(blocks, AG_SHAPE(n, h * factor, w * factor, c));
}

nn_layer *nn_upsample(int64_t factor) {
    static const nn_layer_kind kind = {"upsample", build, apply};
    return nn_layer_create(&kind, &factor, sizeof factor);
}
