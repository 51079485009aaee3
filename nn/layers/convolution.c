// SPDX-License-Identifier: MIT
// What conv2d and conv2d_transpose share: options and forward pass.
#include "nn/layers/convolution.h"

#include "autograd/op.h"
#include "nn/layers/weights.h"

// Far above any use, and low enough that no size computed from two of them overflows.
#define LARGEST (INT64_C(1) << 20)

nn_conv_params nn_convolution_params(const nn_layer *layer) {
    nn_conv_params params = *(const nn_conv_params *)layer->params;
    if (params.stride == 0) params.stride = 1;
    return params;
}

static bool check_range(const nn_layer *layer, const char *option, int64_t value, ag_error *error) {
    return (value >= 1 && value <= LARGEST) ||
           nn_layer_fail(layer, error, AG_STATUS_USAGE, "%s %lld must lie in 1 to %lld", option,
                         (long long)value, (long long)LARGEST);
}

bool nn_convolution_check(const nn_layer *layer, ag_error *error) {
    const nn_conv_params params = nn_convolution_params(layer);
    if (!check_range(layer, "filters", params.filters, error) ||
        !check_range(layer, "kernel_size", params.kernel_size, error) ||
        !check_range(layer, "stride", params.stride, error))
        return false;
    if (params.padding != AG_PADDING_SAME && params.padding != AG_PADDING_VALID)
        return nn_layer_fail(layer, error, AG_STATUS_USAGE, "padding %d must be same or valid",
                             params.padding);
    if (layer->in.rank != 3)
        return nn_layer_fail(layer, error, AG_STATUS_CONTRACT, "input %s must have shape [H,W,C]",
                             AG_TEXT(layer->in));
    return true;
}

ag_node *nn_convolution_apply(const nn_layer *layer, ag_node *x,
                              ag_node *(*convolve)(ag_node *x, ag_node *w, ag_conv_params params)) {
    const nn_conv_params params = nn_convolution_params(layer);
    const ag_conv_params geometry = {.stride = params.stride, .padding = params.padding};
    ag_node *kernel = nn_weights_read_kernel(layer, ag_node_tape(x));
    return nn_weights_add_bias(layer, convolve(x, kernel, geometry));
}
