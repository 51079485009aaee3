// SPDX-License-Identifier: MIT
// The rows of all layers: shapes written out by hand, references from the formulas.
#include <math.h>
#include <string.h>

#include "tests/nn/layer_case.h"

// ---- references

static void add_bias(const ref_array *bias, ref_array *y) {
    const int64_t n = bias->shape.dim[0];
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++) y->data[i] += bias->data[i % n];
}

static void dense(const layer_case *row, const ref_array *x, const ref_array *parameters, ref_array *y) {
    (void)row;
    ref_matmul(x, &parameters[0], false, false, y);
    add_bias(&parameters[1], y);
}

static void dense_without_bias(const layer_case *row, const ref_array *x, const ref_array *parameters,
                               ref_array *y) {
    (void)row;
    ref_matmul(x, &parameters[0], false, false, y);
}

static void conv2d(const layer_case *row, const ref_array *x, const ref_array *parameters, ref_array *y) {
    ref_conv2d(x, &parameters[0], row->window, y);
    add_bias(&parameters[1], y);
}

static void conv2d_transpose(const layer_case *row, const ref_array *x, const ref_array *parameters,
                             ref_array *y) {
    ref_conv2d_input_gradient(x, &parameters[0], row->window, y);
    add_bias(&parameters[1], y);
}

static void batch_norm_batch(const layer_case *row, const ref_array *x, const ref_array *parameters,
                             ref_array *y) {
    (void)row;
    ref_array mean = ref_create(parameters[0].shape), variance = ref_create(parameters[0].shape);
    ref_batch_mean(x, &mean);
    ref_batch_variance(x, &mean, &variance);
    ref_batch_norm(x, &mean, &variance, &parameters[0], &parameters[1], 1e-3, y);
    ref_free(&mean);
    ref_free(&variance);
}

static void batch_norm_moving(const layer_case *row, const ref_array *x, const ref_array *parameters,
                              ref_array *y) {
    (void)row;
    ref_batch_norm(x, &parameters[2], &parameters[3], &parameters[0], &parameters[1], 0.5, y);
}

static void activation(const layer_case *row, const ref_array *x, const ref_array *parameters, ref_array *y) {
    (void)parameters;
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++) y->data[i] = row->formula(x->data[i]);
}

static double leaky_relu(double x) { return x > 0 ? x : 0.2 * x; }
static double relu(double x) { return x > 0 ? x : 0; }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

// Row-major order stays: dropout that is off, flatten, reshape.
static void same_values(const layer_case *row, const ref_array *x, const ref_array *parameters,
                        ref_array *y) {
    (void)row, (void)parameters;
    memcpy(y->data, x->data, (size_t)ag_shape_size(x->shape) * sizeof *x->data);
}

static void upsample(const layer_case *row, const ref_array *x, const ref_array *parameters, ref_array *y) {
    (void)parameters;
    const int64_t factor = row->out.dim[0] / row->in.dim[0];
    int64_t index[AG_MAX_RANK];
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++) {
        ref_unravel(y->shape, i, index);
        index[1] /= factor;
        index[2] /= factor;
        y->data[i] = x->data[ref_ravel(x->shape, index)];
    }
}

// ---- layers

static nn_layer *dense_4(void) { return nn_dense(4); }
static nn_layer *dense_1_bare(void) { return nn_dense(1, .no_bias = true); }
static nn_layer *conv_4(void) { return nn_conv2d(4, 3); }
static nn_layer *conv_3_s2(void) { return nn_conv2d(3, 3, .stride = 2); }
static nn_layer *conv_2_k5_s2(void) { return nn_conv2d(2, 5, .stride = 2); }
static nn_layer *conv_3_valid(void) { return nn_conv2d(3, 3, .padding = AG_PADDING_VALID); }
static nn_layer *conv_3_valid_s2(void) {
    return nn_conv2d(3, 2, .stride = 2, .padding = AG_PADDING_VALID, .bias = nn_ones);
}
static nn_layer *transpose_3_s2(void) { return nn_conv2d_transpose(3, 3, .stride = 2); }
static nn_layer *transpose_2(void) { return nn_conv2d_transpose(2, 3); }
static nn_layer *transpose_2_k5_s2(void) { return nn_conv2d_transpose(2, 5, .stride = 2); }
static nn_layer *transpose_2_valid_s2(void) {
    return nn_conv2d_transpose(2, 3, .stride = 2, .padding = AG_PADDING_VALID);
}
static nn_layer *norm(void) { return nn_batch_norm(); }
static nn_layer *norm_options(void) { return nn_batch_norm(.momentum = 0.9, .epsilon = 0.5); }
static nn_layer *leaky(void) { return nn_leaky_relu(0.2); }
static nn_layer *half_dropped(void) { return nn_dropout(0.5); }
static nn_layer *none_dropped(void) { return nn_dropout(0); }
static nn_layer *up_1(void) { return nn_upsample(1); }
static nn_layer *up_2(void) { return nn_upsample(2); }
static nn_layer *up_3(void) { return nn_upsample(3); }
static nn_layer *reshape_2x3x2(void) { return nn_reshape(2, 3, 2); }
static nn_layer *reshape_5(void) { return nn_reshape(5); }

#define S(...)                                                                     \
    {                                                                              \
        .rank = sizeof((int[]){__VA_ARGS__}) / sizeof(int), .dim = { __VA_ARGS__ } \
    }
#define BATCH \
    { .batch_statistics = true }
#define DROPS \
    { .dropout = true }

static const layer_case cases[] = {
    {"dense", dense_4, 3, S(5), S(4), .reference = dense},
    {"dense", dense_4, 1, S(1), S(4), .reference = dense},
    {"dense", dense_1_bare, 2, S(7), S(1), .reference = dense_without_bias},
    {"conv2d", conv_4, 2, S(5, 4, 3), S(5, 4, 4), .reference = conv2d, .window = {1, 1, 1}},
    {"conv2d", conv_4, 1, S(1, 1, 2), S(1, 1, 4), .reference = conv2d, .window = {1, 1, 1}},
    {"conv2d", conv_3_s2, 2, S(6, 6, 1), S(3, 3, 3), .reference = conv2d, .window = {2, 0, 0}},
    {"conv2d", conv_3_s2, 1, S(7, 5, 2), S(4, 3, 3), .reference = conv2d, .window = {2, 1, 1}},
    {"conv2d", conv_3_s2, 3, S(4, 7, 2), S(2, 4, 3), .reference = conv2d, .window = {2, 0, 1}},
    {"conv2d", conv_2_k5_s2, 1, S(6, 3, 2), S(3, 2, 2), .reference = conv2d, .window = {2, 1, 2}},
    {"conv2d", conv_3_valid, 2, S(3, 5, 2), S(1, 3, 3), .reference = conv2d, .window = {1, 0, 0}},
    {"conv2d", conv_3_valid_s2, 1, S(5, 4, 2), S(2, 2, 3), .reference = conv2d, .window = {2, 0, 0}},
    {"conv2d_transpose", transpose_3_s2, 2, S(3, 3, 4), S(6, 6, 3), .reference = conv2d_transpose,
     .window = {2, 0, 0}},
    {"conv2d_transpose", transpose_3_s2, 1, S(1, 2, 1), S(2, 4, 3), .reference = conv2d_transpose,
     .window = {2, 0, 0}},
    {"conv2d_transpose", transpose_2, 3, S(4, 3, 2), S(4, 3, 2), .reference = conv2d_transpose,
     .window = {1, 1, 1}},
    {"conv2d_transpose", transpose_2_k5_s2, 1, S(3, 2, 2), S(6, 4, 2), .reference = conv2d_transpose,
     .window = {2, 1, 1}},
    {"conv2d_transpose", transpose_2_valid_s2, 2, S(2, 3, 3), S(5, 7, 2), .reference = conv2d_transpose,
     .window = {2, 0, 0}},
    {"batch_norm", norm, 4, S(3, 2, 3), S(3, 2, 3), BATCH, .reference = batch_norm_batch},
    {"batch_norm", norm, 5, S(2), S(2), BATCH, .reference = batch_norm_batch},
    {"batch_norm", norm, 1, S(3, 3, 2), S(3, 3, 2), BATCH, .reference = batch_norm_batch},
    {"batch_norm", norm_options, 3, S(2, 3, 2), S(2, 3, 2), .reference = batch_norm_moving},
    {"batch_norm", norm_options, 1, S(4), S(4), .reference = batch_norm_moving},
    {"leaky_relu", leaky, 3, S(2, 3, 2), S(2, 3, 2), .reference = activation, .formula = leaky_relu},
    {"leaky_relu", leaky, 1, S(5), S(5), .reference = activation, .formula = leaky_relu},
    {"relu", nn_relu, 3, S(7), S(7), .reference = activation, .formula = relu},
    {"relu", nn_relu, 1, S(2, 2, 3), S(2, 2, 3), .reference = activation, .formula = relu},
    {"tanh", nn_tanh, 3, S(7), S(7), .reference = activation, .formula = tanh},
    {"tanh", nn_tanh, 1, S(2, 2, 3), S(2, 2, 3), .reference = activation, .formula = tanh},
    {"sigmoid", nn_sigmoid, 3, S(7), S(7), .reference = activation, .formula = sigmoid},
    {"sigmoid", nn_sigmoid, 1, S(2, 2, 3), S(2, 2, 3), .reference = activation, .formula = sigmoid},
    {"dropout", half_dropped, 3, S(4, 5), S(4, 5), .reference = same_values},
    {"dropout", none_dropped, 1, S(7), S(7), DROPS, .reference = same_values},
    {"dropout", half_dropped, 3, S(2, 5), S(2, 5), .mode = DROPS},
    {"flatten", nn_flatten, 2, S(3, 4, 2), S(24), .reference = same_values},
    {"flatten", nn_flatten, 1, S(5), S(5), .reference = same_values},
    {"reshape", reshape_2x3x2, 3, S(12), S(2, 3, 2), .reference = same_values},
    {"reshape", reshape_5, 1, S(1, 5, 1), S(5), .reference = same_values},
    {"upsample", up_2, 2, S(3, 2, 3), S(6, 4, 3), .reference = upsample},
    {"upsample", up_3, 1, S(1, 2, 1), S(3, 6, 1), .reference = upsample},
    {"upsample", up_1, 1, S(2, 2, 2), S(2, 2, 2), .reference = upsample},
};

const layer_case *layer_case_at(int i) { return i < COUNT(cases) ? &cases[i] : NULL; }

// ---- refusals

static nn_layer *dense_0(void) { return nn_dense(0); }
static nn_layer *dense_nan(void) { return nn_dense(2, .kernel = nn_normal(0, NAN)); }
static nn_layer *dense_huge(void) { return nn_dense(INT64_MAX / 2); }
static nn_layer *conv_0(void) { return nn_conv2d(0, 3); }
static nn_layer *conv_k0(void) { return nn_conv2d(2, 0); }
static nn_layer *conv_stride(void) { return nn_conv2d(2, 3, .stride = -1); }
static nn_layer *conv_padding(void) { return nn_conv2d(2, 3, .padding = AG_PADDING_EXPLICIT); }
static nn_layer *transpose_0(void) { return nn_conv2d_transpose(-4, 3); }
static nn_layer *transpose_stride(void) { return nn_conv2d_transpose(1, 3, .stride = INT64_MAX); }
static nn_layer *norm_momentum(void) { return nn_batch_norm(.momentum = 1); }
static nn_layer *norm_epsilon(void) { return nn_batch_norm(.epsilon = -1e-3); }
static nn_layer *leaky_infinite(void) { return nn_leaky_relu(INFINITY); }
static nn_layer *dropout_1(void) { return nn_dropout(1); }
static nn_layer *dropout_negative(void) { return nn_dropout(-0.1); }
static nn_layer *dropout_nan(void) { return nn_dropout(NAN); }
static nn_layer *up_0(void) { return nn_upsample(0); }
static nn_layer *reshape_rank_6(void) { return nn_reshape(1, 1, 1, 1, 1, 4); }

#define USAGE AG_STATUS_USAGE
#define CONTRACT AG_STATUS_CONTRACT

static const layer_refusal refusals[] = {
    {"dense", dense_0, S(3), USAGE, "layer m/dense: units 0 must be at least 1"},
    {"dense", dense_nan, S(3), USAGE,
     "layer m/dense: kernel: initializer normal(0, nan) must have finite numbers"},
    {"dense", dense_huge, S(3), CONTRACT, "parameter m/dense/kernel: shape [3,4611686018427387903]"},
    {"dense", dense_4, S(2, 3), CONTRACT, "layer m/dense: input [2,3] must have one axis"},
    {"conv2d", conv_0, S(4, 4, 1), USAGE, "layer m/conv2d: filters 0 must lie in 1 to 1048576"},
    {"conv2d", conv_k0, S(4, 4, 1), USAGE, "layer m/conv2d: kernel_size 0 must lie in 1 to 1048576"},
    {"conv2d", conv_stride, S(4, 4, 1), USAGE, "layer m/conv2d: stride -1 must lie in 1 to 1048576"},
    {"conv2d", conv_padding, S(4, 4, 1), USAGE, "layer m/conv2d: padding 2 must be same or valid"},
    {"conv2d", conv_4, S(16), CONTRACT, "layer m/conv2d: input [16] must have shape [H,W,C]"},
    {"conv2d", conv_3_valid, S(5, 2, 1), CONTRACT,
     "layer m/conv2d: input [5,2,1] is smaller than kernel_size 3"},
    {"conv2d_transpose", transpose_0, S(4, 4, 1), USAGE,
     "layer m/conv2d_transpose: filters -4 must lie in 1"},
    {"conv2d_transpose", transpose_stride, S(4, 4, 1), USAGE, "stride 9223372036854775807 must lie in 1"},
    {"conv2d_transpose", transpose_2, S(4, 4), CONTRACT, "input [4,4] must have shape [H,W,C]"},
    {"batch_norm", norm_momentum, S(3), USAGE, "layer m/batch_norm: momentum 1 must lie in (0, 1)"},
    {"batch_norm", norm_epsilon, S(3), USAGE, "layer m/batch_norm: epsilon -0.001 must lie in (0, 1)"},
    {"batch_norm", norm, {0}, CONTRACT, "layer m/batch_norm: input [] must have a channel axis"},
    {"leaky_relu", leaky_infinite, S(3), USAGE, "layer m/leaky_relu: slope inf must be finite"},
    {"dropout", dropout_1, S(3), USAGE, "layer m/dropout: rate 1 must lie in [0, 1)"},
    {"dropout", dropout_negative, S(3), USAGE, "layer m/dropout: rate -0.1 must lie in [0, 1)"},
    {"dropout", dropout_nan, S(3), USAGE, "layer m/dropout: rate nan must lie in [0, 1)"},
    {"reshape", reshape_5, S(6), CONTRACT,
     "layer m/reshape: input [6] and shape [5] differ in their number of"},
    {"reshape", reshape_rank_6, S(4), CONTRACT, "layer m/reshape: output [1,1,1,1,1,4] has too many axes"},
    {"upsample", up_0, S(2, 2, 1), USAGE, "layer m/upsample: factor 0 must lie in 1 to 4096"},
    {"upsample", up_2, S(4), CONTRACT, "layer m/upsample: input [4] must have shape [H,W,C]"},
};

const layer_refusal *layer_refusal_at(int i) { return i < COUNT(refusals) ? &refusals[i] : NULL; }
