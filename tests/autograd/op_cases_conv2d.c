// SPDX-License-Identifier: MIT
// Rows of the convolution family.
#include "tests/autograd/op_case.h"

static ag_node *build_conv2d(ag_node *const *in, const op_config *c) {
    return ag_conv2d(in[0], in[1], c->conv);
}
static ag_node *build_conv2d_transpose(ag_node *const *in, const op_config *c) {
    return ag_conv2d_transpose(in[0], in[1], c->conv);
}
// config->shape is the array that the convolution itself would have taken in the gradient's place.
static ag_node *build_input_gradient(ag_node *const *in, const op_config *c) {
    ag_node *x = ag_fill(ag_node_tape(in[0]), c->shape, 0);
    return op_case_vjp(ag_conv2d(x, in[1], c->conv), in[0], 0);
}
static ag_node *build_weight_gradient(ag_node *const *in, const op_config *c) {
    ag_node *w = ag_fill(ag_node_tape(in[0]), c->shape, 0);
    return op_case_vjp(ag_conv2d(in[0], w, c->conv), in[1], 1);
}

// Padding before, for `size` pixels in, by Keras's rule for `same`: out = ceil(size / stride),
// total = max((out - 1) stride + k - size, 0), the smaller half first.
static int64_t padding_before(int64_t size, int64_t k, int64_t stride, ag_padding padding,
                              int64_t explicit_pad) {
    if (padding == AG_PADDING_EXPLICIT) return explicit_pad;
    if (padding == AG_PADDING_VALID) return 0;
    int64_t out = (size + stride - 1) / stride, total = (out - 1) * stride + k - size;
    return total > 0 ? total / 2 : 0;
}

// The window of the convolution whose input is `x` and whose kernel is `w`.
static ref_window window_of(ag_shape x, ag_shape w, ag_conv_params conv) {
    int64_t stride = conv.stride ? conv.stride : 1;
    return (ref_window){stride, padding_before(x.dim[1], w.dim[0], stride, conv.padding, conv.pad_top),
                        padding_before(x.dim[2], w.dim[1], stride, conv.padding, conv.pad_left)};
}

static void reference_conv2d(const ref_array *in, const op_config *c, ref_array *out) {
    ref_conv2d(&in[0], &in[1], window_of(in[0].shape, in[1].shape, c->conv), out);
}
// Seen from the other side: `out` is what the convolution read, in[0] what it wrote.
static void reference_input_gradient(const ref_array *in, const op_config *c, ref_array *out) {
    ref_conv2d_input_gradient(&in[0], &in[1], window_of(out->shape, in[1].shape, c->conv), out);
}
static void reference_weight_gradient(const ref_array *in, const op_config *c, ref_array *out) {
    ref_conv2d_weight_gradient(&in[0], &in[1], window_of(in[0].shape, out->shape, c->conv), out);
}

#define SAME(s) \
    { .stride = (s), .padding = AG_PADDING_SAME }
#define VALID(s) \
    { .stride = (s), .padding = AG_PADDING_VALID }
#define EXPLICIT(s, top, bottom, left, right) \
    { (s), AG_PADDING_EXPLICIT, top, bottom, left, right }

static const op_config conv2d_configs[] = {
    {.in = {{4, {1, 1, 1, 1}}, {4, {1, 1, 1, 1}}}, .conv = SAME(0)},
    {.in = {{4, {1, 5, 5, 1}}, {4, {3, 3, 1, 2}}}, .conv = SAME(1)},
    {.in = {{4, {2, 4, 6, 3}}, {4, {3, 3, 3, 2}}}, .conv = SAME(2)},
    {.in = {{4, {2, 5, 3, 2}}, {4, {3, 2, 2, 3}}}, .conv = SAME(2)},
    {.in = {{4, {1, 4, 5, 2}}, {4, {2, 4, 2, 1}}}, .conv = VALID(1)},
    {.in = {{4, {1, 6, 7, 1}}, {4, {3, 3, 1, 2}}}, .conv = VALID(3)},
    {.in = {{4, {1, 4, 3, 2}}, {4, {5, 5, 2, 1}}}, .conv = EXPLICIT(1, 2, 1, 3, 1)},
    {.in = {{4, {1, 4, 5, 1}}, {4, {1, 1, 1, 3}}}, .conv = SAME(2)},
    {.in = {{4, {1, 2, 2, 2}}, {4, {5, 5, 2, 2}}}, .conv = SAME(2)},
    {.in = {{4, {9, 7, 7, 16}}, {4, {3, 3, 16, 33}}}, .large = true, .conv = SAME(1)},
    {.in = {{4, {3, 14, 14, 5}}, {4, {3, 3, 5, 64}}}, .large = true, .conv = SAME(2)},
    {.in = {{4, {12, 6, 5, 1}}, {4, {4, 4, 1, 17}}}, .large = true, .conv = SAME(2)},
};
static const op_config conv2d_transpose_configs[] = {
    {.in = {{4, {1, 1, 1, 1}}, {4, {1, 1, 1, 1}}}, .conv = SAME(0)},
    {.in = {{4, {1, 3, 4, 2}}, {4, {3, 3, 1, 2}}}, .conv = SAME(2)},
    {.in = {{4, {2, 3, 3, 2}}, {4, {3, 3, 3, 2}}}, .conv = SAME(1)},
    {.in = {{4, {1, 2, 3, 1}}, {4, {5, 4, 2, 1}}}, .conv = SAME(2)},
    {.in = {{4, {1, 2, 3, 2}}, {4, {3, 3, 2, 2}}}, .conv = VALID(2)},
    {.in = {{4, {1, 3, 2, 2}}, {4, {2, 2, 1, 2}}}, .conv = VALID(3)},
    {.in = {{4, {1, 3, 3, 1}}, {4, {4, 4, 2, 1}}}, .conv = EXPLICIT(2, 1, 1, 1, 1)},
    {.in = {{4, {1, 3, 3, 2}}, {4, {3, 3, 1, 2}}}, .conv = EXPLICIT(1, 0, 2, 1, 0)},
    {.in = {{4, {9, 7, 7, 32}}, {4, {3, 3, 17, 32}}}, .large = true, .conv = SAME(2)},
    {.in = {{4, {3, 14, 14, 8}}, {4, {3, 3, 1, 8}}}, .large = true, .conv = SAME(2)},
};
// Valid windows that leave pixels over, which conv2d_transpose cannot ask for.
static const op_config input_gradient_configs[] = {
    {.in = {{4, {1, 2, 2, 2}}, {4, {3, 3, 1, 2}}}, .shape = {4, {1, 7, 6, 1}}, .conv = VALID(3)},
    {.in = {{4, {2, 3, 2, 3}}, {4, {3, 2, 2, 3}}}, .shape = {4, {2, 5, 3, 2}}, .conv = SAME(2)},
    {.in = {{4, {1, 2, 1, 2}}, {4, {1, 1, 3, 2}}}, .shape = {4, {1, 4, 2, 3}}, .conv = SAME(2)},
    {.in = {{4, {3, 7, 7, 33}}, {4, {3, 3, 16, 33}}},
     .large = true,
     .shape = {4, {3, 13, 14, 16}},
     .conv = SAME(2)},
};
static const op_config weight_gradient_configs[] = {
    {.in = {{4, {1, 1, 1, 1}}, {4, {1, 1, 1, 1}}}, .shape = {4, {1, 1, 1, 1}}, .conv = SAME(0)},
    {.in = {{4, {2, 5, 3, 2}}, {4, {2, 3, 2, 3}}}, .shape = {4, {3, 2, 2, 3}}, .conv = SAME(2)},
    {.in = {{4, {1, 4, 4, 1}}, {4, {1, 4, 4, 2}}}, .shape = {4, {3, 3, 1, 2}}, .conv = SAME(1)},
    {.in = {{4, {1, 7, 6, 2}}, {4, {1, 2, 2, 1}}}, .shape = {4, {3, 3, 2, 1}}, .conv = VALID(3)},
    {.in = {{4, {1, 3, 3, 1}}, {4, {1, 5, 3, 2}}},
     .shape = {4, {2, 3, 1, 2}},
     .conv = EXPLICIT(1, 2, 1, 1, 1)},
    {.in = {{4, {9, 7, 7, 16}}, {4, {9, 7, 7, 33}}},
     .large = true,
     .shape = {4, {3, 3, 16, 33}},
     .conv = SAME(1)},
    {.in = {{4, {12, 14, 14, 1}}, {4, {12, 7, 7, 32}}},
     .large = true,
     .shape = {4, {3, 3, 1, 32}},
     .conv = SAME(2)},
};

#define ROW(name) .file = "conv2d", .n_inputs = 2, .build = build_##name, .linear = {1, 2}, .f32_bound = 2e-6

const op_case op_conv2d_cases[] = {
    {"conv2d", ROW(conv2d), .reference = reference_conv2d, CONFIGS(conv2d_configs)},
    {"conv2d_input_gradient", ROW(conv2d_transpose), .via = "conv2d_transpose",
     .reference = reference_input_gradient, CONFIGS(conv2d_transpose_configs)},
    {"conv2d_input_gradient", ROW(input_gradient), .via = "vjp of conv2d",
     .reference = reference_input_gradient, CONFIGS(input_gradient_configs)},
    {"conv2d_weight_gradient", ROW(weight_gradient), .via = "vjp of conv2d",
     .reference = reference_weight_gradient, CONFIGS(weight_gradient_configs)},
};
const int op_conv2d_cases_count = COUNT(op_conv2d_cases);
