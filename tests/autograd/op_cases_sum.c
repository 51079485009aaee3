// SPDX-License-Identifier: MIT
// Rows of the reductions and of the matrix product.
#include "tests/autograd/op_case.h"

static ag_node *build_sum_axes(ag_node *const *in, const op_config *c) {
    return ag_sum_axes(in[0], c->mask, c->keep);
}
static ag_node *build_mean_axes(ag_node *const *in, const op_config *c) {
    return ag_mean_axes(in[0], c->mask, c->keep);
}
static ag_node *build_sum(ag_node *const *in, const op_config *c) { return (void)c, ag_sum(in[0]); }
static ag_node *build_mean(ag_node *const *in, const op_config *c) { return (void)c, ag_mean(in[0]); }
static ag_node *build_sum_to(ag_node *const *in, const op_config *c) { return ag_sum_to(in[0], c->shape); }
static ag_node *build_matmul(ag_node *const *in, const op_config *c) {
    return ag_matmul(in[0], in[1], c->transpose_a, c->transpose_b);
}

static void reference_sum_axes(const ref_array *in, const op_config *c, ref_array *out) {
    ref_reduce(in, c->mask, false, out);
}
static void reference_mean_axes(const ref_array *in, const op_config *c, ref_array *out) {
    ref_reduce(in, c->mask, true, out);
}
static void reference_sum(const ref_array *in, const op_config *c, ref_array *out) {
    (void)c;
    ref_reduce(in, ~0u, false, out);
}
static void reference_mean(const ref_array *in, const op_config *c, ref_array *out) {
    (void)c;
    ref_reduce(in, ~0u, true, out);
}
static void reference_sum_to(const ref_array *in, const op_config *c, ref_array *out) {
    (void)c;
    ref_sum_to(in, out);
}
static void reference_matmul(const ref_array *in, const op_config *c, ref_array *out) {
    ref_matmul(&in[0], &in[1], c->transpose_a, c->transpose_b, out);
}

static const op_config reduce_configs[] = {
    {.in = {{1, {5}}}, .mask = 1},
    {.in = {{1, {1}}}, .mask = 1, .keep = true},
    {.in = {{2, {3, 5}}}, .mask = 1},
    {.in = {{2, {3, 5}}}, .mask = 2, .keep = true},
    {.in = {{2, {3, 5}}}, .mask = 3},
    {.in = {{4, {2, 3, 3, 2}}}, .mask = 7},
    {.in = {{4, {1, 3, 2, 3}}}, .mask = 5, .keep = true},
    {.in = {{6, {2, 1, 3, 1, 2, 2}}}, .mask = 41},
    {.in = {{4, {33, 7, 7, 29}}}, .large = true, .mask = 7},
    {.in = {{3, {2, 3, 16391}}}, .large = true, .mask = 4},
    {.in = {{3, {3, 1201, 29}}}, .large = true, .mask = 2},
    {.in = {{3, {61, 3, 241}}}, .large = true, .mask = 6},
    {.in = {{3, {61, 3, 241}}}, .large = true, .mask = 2},
};
static const op_config sum_all_configs[] = {
    {.in = {{0, {0}}}},
    {.in = {{1, {1}}}},
    {.in = {{2, {3, 5}}}},
    {.in = {{6, {1, 2, 1, 3, 1, 3}}}},
    {.in = {{3, {97, 7, 71}}}, .large = true},
};
static const op_config sum_to_configs[] = {
    {.in = {{2, {3, 5}}}, .shape = {2, {3, 5}}},
    {.in = {{2, {3, 5}}}, .shape = {0, {0}}},
    {.in = {{2, {3, 5}}}, .shape = {1, {5}}},
    {.in = {{3, {2, 3, 4}}}, .shape = {2, {3, 1}}},
    {.in = {{6, {1, 2, 2, 2, 1, 3}}}, .shape = {4, {1, 2, 1, 3}}},
    {.in = {{4, {33, 7, 7, 29}}}, .large = true, .shape = {1, {29}}},
    {.in = {{3, {61, 3, 241}}}, .large = true, .shape = {3, {61, 1, 1}}},
};
static const op_config matmul_configs[] = {
    {.in = {{2, {1, 1}}, {2, {1, 1}}}},
    {.in = {{2, {3, 5}}, {2, {5, 7}}}},
    {.in = {{2, {5, 3}}, {2, {5, 7}}}, .transpose_a = true},
    {.in = {{2, {3, 5}}, {2, {7, 5}}}, .transpose_b = true},
    {.in = {{2, {5, 3}}, {2, {7, 5}}}, .transpose_a = true, .transpose_b = true},
    {.in = {{2, {1, 6}}, {2, {6, 1}}}},
    {.in = {{2, {4, 1}}, {2, {1, 3}}}},
    {.in = {{2, {5, 6}}, {2, {6, 1}}}},
    {.in = {{2, {7, 5}}, {2, {5, 3}}}},
    {.in = {{2, {8, 2}}, {2, {2, 67}}}},  // by the kernel
    {.in = {{2, {2, 8}}, {2, {2, 67}}}, .transpose_a = true},
    {.in = {{2, {96, 100}}, {2, {100, 65}}}, .large = true},
    {.in = {{2, {40, 450}}, {2, {450, 50}}}, .large = true},  // a copied in two parts, then b
    {.in = {{2, {50, 450}}, {2, {450, 40}}}, .large = true},
    {.in = {{2, {4, 30}}, {2, {30, 513}}}, .large = true},      // a last block of one column
    {.in = {{2, {514, 200}}, {2, {200, 100}}}, .large = true},  // a small last block
    {.in = {{2, {100, 33}}, {2, {129, 100}}}, .large = true, .transpose_a = true, .transpose_b = true},
};

#define ROW(name, file_name, n) \
    .file = file_name, .n_inputs = n, .build = build_##name, .reference = reference_##name

const op_case op_sum_cases[] = {
    {"sum", ROW(sum_axes, "reduce", 1), CONFIGS(reduce_configs), .linear = {1}, .f32_bound = 2e-6},
    {"sum", ROW(sum, "reduce", 1), .via = "sum over all axes", CONFIGS(sum_all_configs), .linear = {1},
     .f32_bound = 1e-5},
    {"sum", ROW(mean_axes, "reduce", 1), .via = "mean_axes", CONFIGS(reduce_configs), .linear = {1},
     .f32_bound = 2e-6},
    {"affine", ROW(mean, "reduce", 1), .via = "mean over all axes", CONFIGS(sum_all_configs), .linear = {1},
     .f32_bound = 1e-5},
    {"sum", ROW(sum_to, "reduce", 1), .via = "sum_to", CONFIGS(sum_to_configs), .linear = {1},
     .f32_bound = 2e-6},
    {"matmul", ROW(matmul, "matmul", 2), CONFIGS(matmul_configs), .linear = {1, 2}, .f32_bound = 2e-6},
};
const int op_sum_cases_count = COUNT(op_sum_cases);
