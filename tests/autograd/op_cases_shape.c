// SPDX-License-Identifier: MIT
// Rows of the ops that move values without computing.
#include "tests/autograd/op_case.h"

static ag_node *build_reshape(ag_node *const *in, const op_config *c) { return ag_reshape(in[0], c->shape); }
static ag_node *build_broadcast(ag_node *const *in, const op_config *c) {
    return ag_broadcast(in[0], c->shape);
}
static ag_node *build_transpose(ag_node *const *in, const op_config *c) {
    return ag_transpose(in[0], c->axes);
}
static ag_node *build_reversed(ag_node *const *in, const op_config *c) {
    return (void)c, ag_transpose(in[0], NULL);
}
static ag_node *build_slice(ag_node *const *in, const op_config *c) {
    return ag_slice(in[0], c->before, c->shape);
}
static ag_node *build_concat_one(ag_node *const *in, const op_config *c) {
    return ag_concat(1, in, c->axes[0]);
}
static ag_node *build_concat_three(ag_node *const *in, const op_config *c) {
    return ag_concat(3, in, c->axes[0]);
}
static ag_node *build_pad(ag_node *const *in, const op_config *c) {
    return ag_pad(in[0], c->before, c->after);
}

static void reference_reshape(const ref_array *in, const op_config *c, ref_array *out) {
    (void)c;
    for (int64_t i = 0; i < ag_shape_size(out->shape); i++) out->data[i] = in->data[i];
}
static void reference_broadcast(const ref_array *in, const op_config *c, ref_array *out) {
    (void)c;
    ref_broadcast(in, out);
}
static void reference_transpose(const ref_array *in, const op_config *c, ref_array *out) {
    ref_transpose(in, c->axes, out);
}
static void reference_slice(const ref_array *in, const op_config *c, ref_array *out) {
    ref_slice(in, c->before, out);
}
static void reference_concat_one(const ref_array *in, const op_config *c, ref_array *out) {
    ref_concat(1, in, c->axes[0], out);
}
static void reference_concat_three(const ref_array *in, const op_config *c, ref_array *out) {
    ref_concat(3, in, c->axes[0], out);
}
static void reference_pad(const ref_array *in, const op_config *c, ref_array *out) {
    ref_pad(in, c->before, out);
}

static const op_config reshape_configs[] = {
    {.in = {{0, {0}}}, .shape = {3, {1, 1, 1}}},
    {.in = {{1, {1}}}, .shape = {0, {0}}},
    {.in = {{3, {2, 3, 5}}}, .shape = {2, {6, 5}}},
    {.in = {{2, {6, 4}}}, .shape = {6, {2, 1, 3, 1, 2, 2}}},
    {.in = {{2, {97, 61}}}, .large = true, .shape = {1, {5917}}},
};
static const op_config broadcast_configs[] = {
    {.in = {{0, {0}}}, .shape = {0, {0}}},
    {.in = {{0, {0}}}, .shape = {2, {3, 5}}},
    {.in = {{1, {5}}}, .shape = {2, {3, 5}}},
    {.in = {{2, {3, 1}}}, .shape = {3, {2, 3, 4}}},
    {.in = {{4, {1, 2, 1, 3}}}, .shape = {6, {1, 2, 2, 2, 1, 3}}},
    {.in = {{2, {61, 1}}}, .large = true, .shape = {3, {5, 61, 141}}},
};
static const op_config transpose_configs[] = {
    {.in = {{1, {5}}}, .axes = {0}},
    {.in = {{2, {3, 5}}}, .axes = {1, 0}},
    {.in = {{2, {3, 5}}}, .axes = {0, 1}},
    {.in = {{3, {2, 3, 4}}}, .axes = {2, 0, 1}},
    {.in = {{4, {1, 3, 2, 3}}}, .axes = {0, 3, 1, 2}},
    {.in = {{6, {2, 1, 3, 2, 1, 2}}}, .axes = {5, 3, 1, 0, 2, 4}},
    {.in = {{3, {67, 41, 17}}}, .large = true, .axes = {1, 2, 0}},
    {.in = {{3, {67, 41, 17}}}, .large = true, .axes = {1, 0, 2}},
    {.in = {{2, {199, 211}}}, .large = true, .axes = {1, 0}},
};
static const op_config reversed_configs[] = {
    {.in = {{0, {0}}}},
    {.in = {{2, {3, 5}}}, .axes = {1, 0}},
    {.in = {{3, {2, 3, 4}}}, .axes = {2, 1, 0}},
};
static const op_config slice_configs[] = {
    {.in = {{1, {7}}}, .before = {2}, .shape = {1, {3}}},
    {.in = {{2, {3, 5}}}, .before = {0, 0}, .shape = {2, {3, 5}}},
    {.in = {{2, {3, 5}}}, .before = {2, 1}, .shape = {2, {1, 4}}},
    {.in = {{4, {3, 4, 5, 2}}}, .before = {1, 0, 2, 1}, .shape = {4, {2, 3, 2, 1}}},
    {.in = {{6, {2, 1, 3, 2, 1, 2}}}, .before = {1, 0, 1, 0, 0, 0}, .shape = {6, {1, 1, 2, 2, 1, 1}}},
    {.in = {{3, {70, 45, 19}}}, .large = true, .before = {5, 3, 1}, .shape = {3, {61, 41, 17}}},
};
static const op_config pad_configs[] = {
    {.in = {{1, {3}}}, .before = {2}, .after = {1}},
    {.in = {{2, {3, 2}}}, .before = {0, 0}, .after = {0, 0}},
    {.in = {{2, {1, 2}}}, .before = {0, 1}, .after = {3, 0}},
    {.in = {{4, {2, 3, 1, 2}}}, .before = {1, 0, 2, 0}, .after = {0, 1, 1, 0}},
    {.in = {{6, {1, 2, 1, 2, 1, 2}}}, .before = {0, 1, 0, 0, 1, 0}, .after = {1, 0, 0, 1, 0, 0}},
    {.in = {{3, {67, 41, 17}}}, .large = true, .before = {1, 2, 3}, .after = {3, 2, 1}},
};
static const op_config concat_one_configs[] = {
    {.in = {{2, {3, 2}}}, .axes = {1}},
    {.in = {{2, {3, 2}}}, .axes = {-2}},
};
static const op_config concat_three_configs[] = {
    {.in = {{1, {3}}, {1, {1}}, {1, {2}}}, .axes = {0}},
    {.in = {{2, {3, 2}}, {2, {3, 1}}, {2, {3, 4}}}, .axes = {-1}},
    {.in = {{2, {3, 2}}, {2, {1, 2}}, {2, {2, 2}}}, .axes = {0}},
    {.in = {{4, {2, 3, 2, 2}}, {4, {2, 1, 2, 2}}, {4, {2, 2, 2, 2}}}, .axes = {1}},
    {.in = {{3, {33, 7, 61}}, {3, {33, 1, 61}}, {3, {33, 12, 61}}}, .large = true, .axes = {1}},
};

#define ROW(name, file_name, n) \
    .file = file_name, .n_inputs = n, .build = build_##name, .reference = reference_##name

const op_case op_shape_cases[] = {
    {"reshape", ROW(reshape, "reshape", 1), CONFIGS(reshape_configs), .linear = {1}, .f32_bound = 1e-7},
    {"broadcast", ROW(broadcast, "broadcast", 1), CONFIGS(broadcast_configs), .linear = {1},
     .f32_bound = 1e-7},
    {"transpose", ROW(transpose, "transpose", 1), CONFIGS(transpose_configs), .linear = {1},
     .f32_bound = 1e-7},
    {"transpose", .via = "axes NULL", .file = "transpose", .n_inputs = 1, .build = build_reversed,
     .reference = reference_transpose, CONFIGS(reversed_configs), .linear = {1}, .f32_bound = 1e-7},
    {"slice", ROW(slice, "slice", 1), CONFIGS(slice_configs), .linear = {1}, .f32_bound = 1e-7},
    {"concat", ROW(concat_one, "concat", 1), CONFIGS(concat_one_configs), .linear = {1}, .f32_bound = 1e-7},
    {"concat", ROW(concat_three, "concat", 3), CONFIGS(concat_three_configs), .linear = {7},
     .f32_bound = 1e-7},
    {"pad", ROW(pad, "pad", 1), CONFIGS(pad_configs), .linear = {1}, .f32_bound = 1e-7},
};
const int op_shape_cases_count = COUNT(op_shape_cases);
