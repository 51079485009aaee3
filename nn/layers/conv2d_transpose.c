// SPDX-License-Identifier: MIT
// Conv2DTranspose: the input gradient of a convolution, and bias.
#include "nn/layers/convolution.h"
#include "nn/layers/weights.h"

static int64_t out_size(int64_t in, const nn_conv_params *params) {
    if (params->padding == AG_PADDING_VALID) return (in - 1) * params->stride + params->kernel_size;
    return in * params->stride;
}

static bool build(nn_layer *layer, ag_error *error) {
    if (!nn_convolution_check(layer, error)) return false;
    const nn_conv_params params = nn_convolution_params(layer);
    const int64_t k = params.kernel_size;
    layer->out =
        AG_SHAPE(out_size(layer->in.dim[0], &params), out_size(layer->in.dim[1], &params), params.filters);
    return nn_weights_declare(layer, AG_SHAPE(k, k, params.filters, layer->in.dim[2]), params.kernel,
                              params.no_bias, params.filters, params.bias, error);
}

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)mode;
    return nn_convolution_apply(layer, x, ag_conv2d_transpose);
}

nn_layer *nn_conv2d_transpose_create(nn_conv_params params) {
    static const nn_layer_kind kind = {"conv2d_transpose", build, apply};
    return nn_layer_create(&kind, &params, sizeof params);
}
