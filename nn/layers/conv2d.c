// SPDX-License-Identifier: MIT
// Conv2D: cross-correlation and bias.
#include "autograd/op.h"
#include "nn/layers/convolution.h"
#include "nn/layers/weights.h"

static int64_t out_size(int64_t in, const nn_conv_params *params) {
    if (params->padding == AG_PADDING_VALID) return (in - params->kernel_size) / params->stride + 1;
    return (in + params->stride - 1) / params->stride;
}

static bool build(nn_layer *layer, ag_error *error) {
    if (!nn_convolution_check(layer, error)) return false;
    const nn_conv_params params = nn_convolution_params(layer);
    const int64_t h = layer->in.dim[0], w = layer->in.dim[1], k = params.kernel_size;
    if (params.padding == AG_PADDING_VALID && (h < k || w < k))
        return nn_layer_fail(layer, error, AG_STATUS_CONTRACT,
                             "input %s is smaller than kernel_size %lld, which valid padding does not allow",
                             AG_TEXT(layer->in), (long long)k);
    layer->out = AG_SHAPE(out_size(h, &params), out_size(w, &params), params.filters);
    return nn_weights_declare(layer, AG_SHAPE(k, k, layer->in.dim[2], params.filters), params.kernel,
                              params.no_bias, params.filters, params.bias, error);
}

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)mode;
    return nn_convolution_apply(layer, x, ag_conv2d);
}

nn_layer *nn_conv2d_create(nn_conv_params params) {
    static const nn_layer_kind kind = {"conv2d", build, apply};
    return nn_layer_create(&kind, &params, sizeof params);
}
