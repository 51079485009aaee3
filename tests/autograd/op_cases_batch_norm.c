// SPDX-License-Identifier: MIT
// Rows of batch normalization; p of a configuration is epsilon.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/autograd/op_case.h"

static ag_node *build_batch_mean(ag_node *const *in, const op_config *c) {
    return (void)c, ag_batch_mean(in[0]);
}
static ag_node *build_batch_variance(ag_node *const *in, const op_config *c) {
    return (void)c, ag_batch_variance(in[0], ag_batch_mean(in[0]));
}
static ag_node *build_batch_norm(ag_node *const *in, const op_config *c) {
    ag_node *mean = ag_batch_mean(in[0]);
    return ag_batch_norm(in[0], mean, ag_batch_variance(in[0], mean), in[1], in[2], c->p);
}
static ag_node *build_batch_norm_fixed(ag_node *const *in, const op_config *c) {
    return ag_batch_norm_fixed(in[0], in[1], in[2], in[3], in[4], c->p);
}
static ag_node *build_batch_norm_gradient(ag_node *const *in, const op_config *c) {
    ag_node *beta = ag_fill(ag_node_tape(in[0]), ag_node_shape(in[2]), 0);
    return op_case_vjp(build_batch_norm((ag_node *[]){in[1], in[2], beta}, c), in[0], 0);
}

static ag_node *build_gamma_gradient(ag_node *const *in, const op_config *c) {
    ag_node *vector =
        ag_fill(ag_node_tape(in[0]), AG_SHAPE(ag_node_shape(in[1]).dim[ag_node_shape(in[1]).rank - 1]), 1);
    return op_case_vjp(build_batch_norm((ag_node *[]){in[1], vector, vector}, c), in[0], 3);
}

static void reference_batch_mean(const ref_array *in, const op_config *c, ref_array *out) {
    (void)c;
    ref_batch_mean(in, out);
}
static void reference_batch_variance(const ref_array *in, const op_config *c, ref_array *out) {
    ref_array mean = ref_create(out->shape);
    (void)c;
    ref_batch_mean(in, &mean);
    ref_batch_variance(in, &mean, out);
    ref_free(&mean);
}
static void reference_batch_norm(const ref_array *in, const op_config *c, ref_array *out) {
    ref_array mean = ref_create(in[1].shape), variance = ref_create(in[1].shape);
    ref_batch_mean(in, &mean);
    ref_batch_variance(in, &mean, &variance);
    ref_batch_norm(in, &mean, &variance, &in[1], &in[2], c->p, out);
    ref_free(&mean);
    ref_free(&variance);
}
static void reference_batch_norm_fixed(const ref_array *in, const op_config *c, ref_array *out) {
    ref_batch_norm(&in[0], &in[1], &in[2], &in[3], &in[4], c->p, out);
}
static void reference_gamma_gradient(const ref_array *in, const op_config *c, ref_array *out) {
    ref_batch_norm_gamma_gradient(&in[0], &in[1], c->p, out);
}
static void reference_batch_norm_gradient(const ref_array *in, const op_config *c, ref_array *out) {
    ref_batch_norm_input_gradient(&in[0], &in[1], &in[2], c->p, out);
}

// Moments that are not those of x: batch_norm's gradient would be wrong, so each is refused.
typedef struct moments {
    ag_node *mean, *variance;
} moments;

static moments of_another_node(ag_node *x, ag_node *other) {
    (void)x;
    return (moments){ag_batch_mean(other), ag_batch_variance(other, ag_batch_mean(other))};
}
static moments fed(ag_node *x, ag_node *other) {
    ag_node *mean = ag_input(ag_node_tape(other), "moving_mean", AG_SHAPE(3));
    return (void)x, (moments){mean, ag_input(ag_node_tape(other), "moving_variance", AG_SHAPE(3))};
}
static moments variance_of_another_node(ag_node *x, ag_node *other) {
    ag_node *mean = ag_batch_mean(x);
    return (moments){mean, ag_batch_variance(other, mean)};
}
static moments variance_around_another_mean(ag_node *x, ag_node *other) {
    return (moments){ag_batch_mean(x), ag_batch_variance(x, ag_batch_mean(other))};
}
static moments both_around_a_foreign_mean(ag_node *x, ag_node *other) {
    ag_node *mean = ag_batch_mean(other);
    return (moments){mean, ag_batch_variance(x, mean)};
}
static moments rescaled_mean(ag_node *x, ag_node *other) {
    ag_node *mean = ag_scale(ag_sum_axes(x, AG_AXIS(0), false), 0.5);
    return (void)other, (moments){mean, ag_batch_variance(x, mean)};
}
static moments mean_over_the_channels(ag_node *x, ag_node *other) {
    ag_node *mean = ag_mean_axes(x, AG_AXIS(1), false);
    return (void)other, (moments){mean, ag_batch_variance(x, mean)};
}
static moments shifted_mean(ag_node *x, ag_node *other) {
    ag_node *mean = ag_affine(ag_sum_axes(x, AG_AXIS(0), false), 1.0 / 3, 1);
    return (void)other, (moments){mean, ag_batch_variance(x, mean)};
}
static moments other_function_as_variance(ag_node *x, ag_node *other) {
    ag_node *mean = ag_batch_mean(x);
    return (void)other, (moments){mean, ag_square(mean)};
}

static const struct {
    const char *what;
    moments (*make)(ag_node *x, ag_node *other);
} foreign[] = {
    {"moments of another node", of_another_node},
    {"fed moments", fed},
    {"variance of another node", variance_of_another_node},
    {"variance around another mean", variance_around_another_mean},
    {"variance of x around a foreign mean", both_around_a_foreign_mean},
    {"rescaled mean", rescaled_mean},
    {"shifted mean", shifted_mean},
    {"mean over the channels", mean_over_the_channels},
    {"another function as variance", other_function_as_variance},
};

static void check_foreign_moments(void) {
    for (int i = 0; i < COUNT(foreign); i++) {
        ag_tape *tape = ag_tape_create("foreign", AG_F64);
        ag_node *x = ag_input(tape, "x", AG_SHAPE(3, 3)), *other = ag_input(tape, "other", AG_SHAPE(3, 3));
        ag_node *gamma = ag_fill(tape, AG_SHAPE(3), 1), *beta = ag_fill(tape, AG_SHAPE(3), 0);
        moments m = foreign[i].make(x, other);
        cr_expect(!ag_node_failed(ag_batch_norm_fixed(x, m.mean, m.variance, gamma, beta, 1e-3)),
                  "%s: batch_norm_fixed refuses: %s", foreign[i].what, ag_tape_error(tape)->text);
        cr_expect(ag_node_failed(ag_batch_norm(x, m.mean, m.variance, gamma, beta, 1e-3)),
                  "%s: batch_norm accepts foreign moments", foreign[i].what);
        const char *text = ag_tape_error(tape)->text;
        cr_expect(strstr(text, "are not the moments of x (x); use ag_batch_norm_fixed") != NULL, "%s: %s",
                  foreign[i].what, text);
        ag_tape_free(tape);
    }
}

#define SHAPE_C(c) \
    {              \
        1, { c }   \
    }
static const op_config moments_configs[] = {
    {.in = {{2, {1, 3}}}},
    {.in = {{2, {7, 3}}}},
    {.in = {{4, {2, 3, 2, 3}}}},
    {.in = {{4, {1, 2, 2, 1}}}},
    {.in = {{4, {33, 7, 7, 29}}}, .large = true},
    {.in = {{2, {1201, 65}}}, .large = true},
};
static const op_config batch_norm_configs[] = {
    {.in = {{2, {7, 3}}, SHAPE_C(3), SHAPE_C(3)}, .p = 1e-3},
    {.in = {{4, {2, 3, 2, 3}}, SHAPE_C(3), SHAPE_C(3)}, .p = 1e-5},
    {.in = {{4, {1, 2, 2, 1}}, SHAPE_C(1), SHAPE_C(1)}, .p = 1e-3},
    {.in = {{4, {33, 7, 7, 29}}, SHAPE_C(29), SHAPE_C(29)}, .large = true, .p = 1e-3},
};
static const op_config fixed_configs[] = {
    {.in = {{2, {1, 3}}, SHAPE_C(3), SHAPE_C(3), SHAPE_C(3), SHAPE_C(3)}, .p = 1e-3},
    {.in = {{4, {2, 3, 2, 3}}, SHAPE_C(3), SHAPE_C(3), SHAPE_C(3), SHAPE_C(3)}, .p = 1e-3},
    {.in = {{4, {33, 7, 7, 29}}, SHAPE_C(29), SHAPE_C(29), SHAPE_C(29), SHAPE_C(29)},
     .large = true,
     .p = 1e-3},
};
static const op_config gradient_configs[] = {
    {.in = {{2, {7, 3}}, {2, {7, 3}}, SHAPE_C(3)}, .p = 1e-3},
    {.in = {{4, {2, 3, 2, 3}}, {4, {2, 3, 2, 3}}, SHAPE_C(3)}, .p = 1e-3},
    {.in = {{4, {33, 7, 7, 29}}, {4, {33, 7, 7, 29}}, SHAPE_C(29)}, .large = true, .p = 1e-3},
};

#define ROW(name, n) .file = "batch_norm", .n_inputs = n, .build = build_##name, .reference = reference_##name

const op_case op_batch_norm_cases[] = {
    {"sum", ROW(batch_mean, 1), .via = "batch_mean", CONFIGS(moments_configs), .linear = {1},
     .f32_bound = 2e-6},
    {"batch_variance", ROW(batch_variance, 1), CONFIGS(moments_configs), .f32_bound = 2e-6},
    {"batch_norm", ROW(batch_norm, 3), CONFIGS(batch_norm_configs), .linear = {6}, .f32_bound = 4e-6},
    {"batch_norm_fixed", ROW(batch_norm_fixed, 5), CONFIGS(fixed_configs), .linear = {24},
     .domain = {VALUES_ANY, VALUES_ANY, VALUES_POSITIVE}, .f32_bound = 4e-6},
    {"batch_norm_gamma_gradient", ROW(gamma_gradient, 2), .via = "vjp of batch_norm",
     CONFIGS(gradient_configs), .linear = {1}, .f32_bound = 4e-6},
    {"batch_norm_gradient", ROW(batch_norm_gradient, 3), .via = "vjp of batch_norm",
     CONFIGS(gradient_configs), .linear = {1, 4}, .f32_bound = 2e-5},
    {"batch_norm", "batch_norm", .check = check_foreign_moments},
};
const int op_batch_norm_cases_count = COUNT(op_batch_norm_cases);
