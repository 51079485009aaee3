// SPDX-License-Identifier: MIT
// The catalogue of layers. Each constructor takes its positional arguments, then options by name; an absent
// option is zero and means the default: nn_conv2d(64, 3, .stride = 2, .kernel = nn_he_normal). Shapes are
// without the batch axis. What a constructor returns goes into one model, which owns it; NULL (no memory) is
// refused there.
#pragma once

#include "nn/layer.h"

typedef struct nn_dense_params {
    int64_t units;          // >= 1
    nn_initializer kernel;  // default glorot_uniform
    nn_initializer bias;    // default zeros
    bool no_bias;
} nn_dense_params;
// y = x w + b: x [n] -> y [units]; w [n,units].
#define nn_dense(...) nn_dense_create((nn_dense_params){.units = __VA_ARGS__})
AG_API nn_layer *nn_dense_create(nn_dense_params params);

typedef struct nn_conv_params {
    int64_t filters;        // >= 1
    int64_t kernel_size;    // >= 1; square
    int64_t stride;         // default 1
    ag_padding padding;     // default AG_PADDING_SAME; Keras's default is valid
    nn_initializer kernel;  // default glorot_uniform
    nn_initializer bias;    // default zeros
    bool no_bias;
} nn_conv_params;
// x [H,W,C] -> y [ceil(H/stride), ceil(W/stride), filters] with `same`; w [k,k,C,filters]. Keras: Conv2D.
#define nn_conv2d(...) nn_conv2d_create((nn_conv_params){.filters = __VA_ARGS__})
AG_API nn_layer *nn_conv2d_create(nn_conv_params params);
// x [H,W,C] -> y [H*stride, W*stride, filters] with `same`; w [k,k,filters,C]. Keras: Conv2DTranspose.
#define nn_conv2d_transpose(...) nn_conv2d_transpose_create((nn_conv_params){.filters = __VA_ARGS__})
AG_API nn_layer *nn_conv2d_transpose_create(nn_conv_params params);

typedef struct nn_batch_norm_params {
    double momentum;              // moving = momentum * moving + (1 - momentum) * batch; default 0.99
    double epsilon;               // inside the root; default 1e-3
    bool biased_moving_variance;  // default false: var * n / (n - 1), as TensorFlow's fused kernel; true:
                                  // Keras 3
} nn_batch_norm_params;
// Over all axes but the last: gamma (x - mean) / sqrt(var + epsilon) + beta. Parameters gamma, beta; buffers
// moving_mean, moving_variance. Which moments it uses and whether it updates the moving ones is nn_mode's,
// never a matter of freezing.
#define nn_batch_norm(...) nn_batch_norm_create((nn_batch_norm_params){__VA_ARGS__})
AG_API nn_layer *nn_batch_norm_create(nn_batch_norm_params params);

AG_API nn_layer *nn_leaky_relu(
    double slope);  // x > 0 ? x : slope * x; Keras's default is 0.3, here it must be said
AG_API nn_layer *nn_relu(void);
AG_API nn_layer *nn_tanh(void);
AG_API nn_layer *nn_sigmoid(void);
AG_API nn_layer *nn_dropout(
    double rate);  // zeroes with probability rate in [0, 1), scales the rest by 1 / (1 - rate)
AG_API nn_layer *nn_flatten(void);             // [a,b,c] -> [a*b*c], row-major (h, w, c)
AG_API nn_layer *nn_upsample(int64_t factor);  // [H,W,C] -> [H*factor, W*factor, C], nearest

// [...] -> the given dimensions, row-major: nn_reshape(7, 7, 256).
#define nn_reshape(...) nn_reshape_create(AG_SHAPE(__VA_ARGS__))
AG_API nn_layer *nn_reshape_create(ag_shape shape);
