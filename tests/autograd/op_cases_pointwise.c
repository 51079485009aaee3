// SPDX-License-Identifier: MIT
// Rows of the pointwise ops: the formula of an entry, written with libm.
#include <math.h>

#include "tests/autograd/op_case.h"

static const op_config unary_configs[] = {
    {.in = {{0, {0}}}, .p = 0.3, .q = 0.8},
    {.in = {{1, {1}}}, .p = -1.5, .q = 0.25},
    {.in = {{2, {3, 5}}}, .p = 0.2, .q = 0.9},
    {.in = {{6, {1, 2, 1, 3, 1, 3}}}, .p = -0.5, .q = 0.5},
    {.in = {{4, {9, 31, 31, 5}}}, .large = true, .p = 0.01, .q = 1},
};
static const op_config binary_configs[] = {
    {.in = {{0, {0}}, {0, {0}}}},
    {.in = {{2, {3, 5}}, {2, {3, 5}}}},
    {.in = {{2, {3, 5}}, {1, {5}}}},
    {.in = {{0, {0}}, {3, {2, 1, 3}}}},
    {.in = {{3, {2, 1, 3}}, {2, {4, 1}}}},
    {.in = {{4, {9, 31, 31, 5}}, {1, {5}}}, .large = true},
    {.in = {{3, {61, 1, 241}}, {3, {61, 3, 1}}}, .large = true},
    {.in = {{0, {0}}, {2, {181, 241}}}, .large = true},
    {.in = {{4, {9, 31, 31, 5}}, {4, {9, 31, 31, 5}}}, .large = true},
};
static const op_config same_pair_configs[] = {
    {.in = {{0, {0}}, {0, {0}}}, .p = 0.3, .q = 0.8},
    {.in = {{2, {3, 5}}, {2, {3, 5}}}, .p = -0.9, .q = 0.6},
    {.in = {{4, {9, 31, 31, 5}}, {4, {9, 31, 31, 5}}}, .large = true, .p = 0.1, .q = 0.7},
};
static const op_config same_triple_configs[] = {
    {.in = {{0, {0}}, {0, {0}}, {0, {0}}}},
    {.in = {{2, {3, 5}}, {2, {3, 5}}, {2, {3, 5}}}},
    {.in = {{3, {17, 31, 83}}, {3, {17, 31, 83}}, {3, {17, 31, 83}}}, .large = true},
};

static ag_node *build_add(ag_node *const *in, const op_config *c) { return (void)c, ag_add(in[0], in[1]); }
static ag_node *build_sub(ag_node *const *in, const op_config *c) { return (void)c, ag_sub(in[0], in[1]); }
static ag_node *build_mul(ag_node *const *in, const op_config *c) { return (void)c, ag_mul(in[0], in[1]); }
static ag_node *build_div(ag_node *const *in, const op_config *c) { return (void)c, ag_div(in[0], in[1]); }
static ag_node *build_minimum(ag_node *const *in, const op_config *c) {
    return (void)c, ag_minimum(in[0], in[1]);
}
static ag_node *build_maximum(ag_node *const *in, const op_config *c) {
    return (void)c, ag_maximum(in[0], in[1]);
}
static ag_node *build_neg(ag_node *const *in, const op_config *c) { return (void)c, ag_neg(in[0]); }
static ag_node *build_scale(ag_node *const *in, const op_config *c) { return ag_scale(in[0], c->p); }
static ag_node *build_add_scalar(ag_node *const *in, const op_config *c) {
    return ag_add_scalar(in[0], c->q);
}
static ag_node *build_affine(ag_node *const *in, const op_config *c) { return ag_affine(in[0], c->p, c->q); }
static ag_node *build_square(ag_node *const *in, const op_config *c) { return (void)c, ag_square(in[0]); }
static ag_node *build_sqrt(ag_node *const *in, const op_config *c) { return (void)c, ag_sqrt(in[0]); }
static ag_node *build_exp(ag_node *const *in, const op_config *c) { return (void)c, ag_exp(in[0]); }
static ag_node *build_log(ag_node *const *in, const op_config *c) { return (void)c, ag_log(in[0]); }
static ag_node *build_tanh(ag_node *const *in, const op_config *c) { return (void)c, ag_tanh(in[0]); }
static ag_node *build_sigmoid(ag_node *const *in, const op_config *c) { return (void)c, ag_sigmoid(in[0]); }
static ag_node *build_softplus(ag_node *const *in, const op_config *c) { return (void)c, ag_softplus(in[0]); }
static ag_node *build_relu(ag_node *const *in, const op_config *c) { return (void)c, ag_relu(in[0]); }
static ag_node *build_leaky_relu(ag_node *const *in, const op_config *c) {
    return ag_leaky_relu(in[0], c->p);
}
static ag_node *build_abs(ag_node *const *in, const op_config *c) { return (void)c, ag_abs(in[0]); }
static ag_node *build_clamp(ag_node *const *in, const op_config *c) { return ag_clamp(in[0], c->p, c->q); }

// The gradient ops have no function in the catalogue: a vjp records them (op_case_vjp).
static ag_node *build_tanh_gradient(ag_node *const *in, const op_config *c) {
    return op_case_vjp(build_tanh(in + 1, c), in[0], 0);
}
static ag_node *build_sigmoid_gradient(ag_node *const *in, const op_config *c) {
    return op_case_vjp(build_sigmoid(in + 1, c), in[0], 0);
}
static ag_node *build_leaky_relu_gradient(ag_node *const *in, const op_config *c) {
    return op_case_vjp(build_leaky_relu(in + 1, c), in[0], 0);
}
static ag_node *build_relu_gradient(ag_node *const *in, const op_config *c) {
    return op_case_vjp(build_relu(in + 1, c), in[0], 0);
}
static ag_node *build_abs_gradient(ag_node *const *in, const op_config *c) {
    return op_case_vjp(build_abs(in + 1, c), in[0], 0);
}
static ag_node *build_clamp_gradient(ag_node *const *in, const op_config *c) {
    return op_case_vjp(build_clamp(in + 1, c), in[0], 0);
}
static ag_node *build_minimum_gradient(ag_node *const *in, const op_config *c) {
    return op_case_vjp(build_minimum(in + 1, c), in[0], 0);
}
static ag_node *build_maximum_gradient(ag_node *const *in, const op_config *c) {
    return op_case_vjp(build_maximum(in + 1, c), in[0], 0);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static bool either_nan(const double *in) { return isnan(in[0]) || isnan(in[1]); }

static double formula_add(const double *in, const op_config *c) { return (void)c, in[0] + in[1]; }
static double formula_sub(const double *in, const op_config *c) { return (void)c, in[0] - in[1]; }
static double formula_mul(const double *in, const op_config *c) { return (void)c, in[0] * in[1]; }
static double formula_div(const double *in, const op_config *c) { return (void)c, in[0] / in[1]; }
static double formula_minimum(const double *in, const op_config *c) {
    return (void)c, either_nan(in) ? NAN : fmin(in[0], in[1]);
}
static double formula_maximum(const double *in, const op_config *c) {
    return (void)c, either_nan(in) ? NAN : fmax(in[0], in[1]);
}
static double formula_neg(const double *in, const op_config *c) { return (void)c, -in[0]; }
static double formula_scale(const double *in, const op_config *c) { return c->p * in[0]; }
static double formula_add_scalar(const double *in, const op_config *c) { return in[0] + c->q; }
static double formula_affine(const double *in, const op_config *c) { return c->p * in[0] + c->q; }
static double formula_square(const double *in, const op_config *c) { return (void)c, in[0] * in[0]; }
static double formula_sqrt(const double *in, const op_config *c) { return (void)c, sqrt(in[0]); }
static double formula_exp(const double *in, const op_config *c) { return (void)c, exp(in[0]); }
static double formula_log(const double *in, const op_config *c) { return (void)c, log(in[0]); }
static double formula_tanh(const double *in, const op_config *c) { return (void)c, tanh(in[0]); }
static double formula_sigmoid(const double *in, const op_config *c) { return (void)c, sigmoid(in[0]); }
static double formula_softplus(const double *in, const op_config *c) {
    return (void)c, isnan(in[0]) ? NAN : fmax(in[0], 0) + log1p(exp(-fabs(in[0])));
}
static double formula_relu(const double *in, const op_config *c) {
    return (void)c, isnan(in[0]) ? NAN : fmax(in[0], 0);
}
static double formula_leaky_relu(const double *in, const op_config *c) {
    return in[0] < 0 ? c->p * in[0] : in[0];
}
static double formula_abs(const double *in, const op_config *c) { return (void)c, fabs(in[0]); }
static double formula_clamp(const double *in, const op_config *c) {
    return isnan(in[0]) ? NAN : fmin(fmax(in[0], c->p), c->q);
}
static double formula_tanh_gradient(const double *in, const op_config *c) {
    double y = tanh(in[1]);
    return (void)c, in[0] * (1 - y * y);
}
static double formula_sigmoid_gradient(const double *in, const op_config *c) {
    double y = sigmoid(in[1]);
    return (void)c, in[0] * (y * (1 - y));
}
static double formula_leaky_relu_gradient(const double *in, const op_config *c) {
    return in[1] > 0 ? in[0] : c->p * in[0];
}
static double formula_relu_gradient(const double *in, const op_config *c) {
    return (void)c, in[1] > 0 ? in[0] : 0;
}
static double formula_abs_gradient(const double *in, const op_config *c) {
    if (in[1] == 0 || isnan(in[1])) return in[0] * in[1];
    return (void)c, in[1] > 0 ? in[0] : -in[0];
}
static double formula_clamp_gradient(const double *in, const op_config *c) {
    return in[1] < c->p || in[1] > c->q ? 0 : in[0];
}
static double formula_minimum_gradient(const double *in, const op_config *c) {
    if (in[1] < in[2]) return in[0];
    return (void)c, in[1] > in[2] ? 0 : in[0] / 2;
}
static double formula_maximum_gradient(const double *in, const op_config *c) {
    if (in[1] > in[2]) return in[0];
    return (void)c, in[1] < in[2] ? 0 : in[0] / 2;
}

#define POINTWISE(name) .file = "pointwise", .build = build_##name, .formula = formula_##name
#define UNARY(name) POINTWISE(name), .n_inputs = 1, CONFIGS(unary_configs)
#define BINARY(name) POINTWISE(name), .n_inputs = 2, CONFIGS(binary_configs)
#define PAIR(name) POINTWISE(name), .n_inputs = 2, CONFIGS(same_pair_configs), .linear = {1}
#define TRIPLE(name) POINTWISE(name), .n_inputs = 3, CONFIGS(same_triple_configs), .linear = {1}

const op_case op_pointwise_cases[] = {
    {"add", BINARY(add), .linear = {3}, .f32_bound = 1e-6},
    {"sub", BINARY(sub), .linear = {3}, .f32_bound = 1e-6},
    {"mul", BINARY(mul), .linear = {1, 2}, .f32_bound = 1e-6},
    {"div", BINARY(div), .linear = {1}, .domain = {VALUES_ANY, VALUES_NONZERO}, .f32_bound = 1e-6},
    {"minimum", BINARY(minimum), .f32_bound = 1e-7},
    {"maximum", BINARY(maximum), .f32_bound = 1e-7},
    {"neg", UNARY(neg), .linear = {1}, .f32_bound = 1e-7},
    {"affine", UNARY(affine), .f32_bound = 1e-6},
    {"affine", UNARY(scale), .via = "scale", .linear = {1}, .f32_bound = 1e-6},
    {"affine", UNARY(add_scalar), .via = "add_scalar", .f32_bound = 1e-6},
    {"square", UNARY(square), .f32_bound = 1e-6},
    {"sqrt", UNARY(sqrt), .domain = {VALUES_POSITIVE}, .f32_bound = 1e-6},
    {"exp", UNARY(exp), .f32_bound = 1e-6},
    {"log", UNARY(log), .domain = {VALUES_POSITIVE}, .f32_bound = 1e-6},
    {"tanh", UNARY(tanh), .f32_bound = 1e-6},
    {"sigmoid", UNARY(sigmoid), .f32_bound = 1e-6},
    {"softplus", UNARY(softplus), .f32_bound = 1e-6},
    {"leaky_relu", UNARY(leaky_relu), .domain = {VALUES_NONZERO}, .f32_bound = 1e-6},
    {"leaky_relu", UNARY(relu), .via = "relu", .domain = {VALUES_NONZERO}, .f32_bound = 1e-7},
    {"abs", UNARY(abs), .domain = {VALUES_NONZERO}, .f32_bound = 1e-7},
    {"clamp", UNARY(clamp), .f32_bound = 1e-7},
    {"tanh_gradient", PAIR(tanh_gradient), .via = "vjp of tanh", .f32_bound = 4e-6},
    {"sigmoid_gradient", PAIR(sigmoid_gradient), .via = "vjp of sigmoid", .f32_bound = 4e-6},
    {"leaky_relu_gradient", PAIR(leaky_relu_gradient), .via = "vjp of leaky_relu",
     .domain = {VALUES_ANY, VALUES_NONZERO}, .f32_bound = 1e-6},
    {"leaky_relu_gradient", PAIR(relu_gradient), .via = "vjp of relu", .domain = {VALUES_ANY, VALUES_NONZERO},
     .f32_bound = 1e-7},
    {"abs_gradient", PAIR(abs_gradient), .via = "vjp of abs", .domain = {VALUES_ANY, VALUES_NONZERO},
     .f32_bound = 1e-7},
    {"clamp_gradient", PAIR(clamp_gradient), .via = "vjp of clamp", .f32_bound = 1e-7},
    {"less_gradient", TRIPLE(minimum_gradient), .via = "vjp of minimum", .f32_bound = 1e-7},
    {"less_gradient", TRIPLE(maximum_gradient), .via = "vjp of maximum", .f32_bound = 1e-7},
};
const int op_pointwise_cases_count = COUNT(op_pointwise_cases);
