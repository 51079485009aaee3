// SPDX-License-Identifier: MIT
// Every initializer against its theory: moments, bounds, fans, and values that are a function of (stream,
// index).
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/threads.h"
#include "nn/initializer.h"
#include "tests/nn/fixture.h"

#define S(...)                                                                     \
    {                                                                              \
        .rank = sizeof((int[]){__VA_ARGS__}) / sizeof(int), .dim = { __VA_ARGS__ } \
    }

// Of a normal truncated at 2 sigma, in units of the sigma before the truncation.
#define TRUNCATED_SIGMA 0.87962566103423978

typedef struct initializer_case {
    const char *name;
    nn_initializer initializer;
    ag_shape shape;
    double mean, sigma, low, high;
} initializer_case;

// fans: dense [80,50] 80 and 50; conv [3,3,20,30] 180 and 270; transposed [3,3,30,20] 270 and 180.
static const initializer_case cases[] = {
    {"zeros", nn_zeros, S(7, 5), 0, 0, 0, 0},
    {"ones", nn_ones, S(7, 5), 1, 0, 1, 1},
    {"constant", nn_constant(-2.5), S(7, 5), -2.5, 0, -2.5, -2.5},
    {"normal", nn_normal(0.5, 0.02), S(200, 50), 0.5, 0.02, -INFINITY, INFINITY},
    {"uniform", nn_uniform(-1, 3), S(200, 50), 1, 1.1547005383792515, -1, 3},
    {"he_normal", nn_he_normal, S(80, 50), 0, 0.15811388300841897, -0.3595026, 0.3595026},
    {"he_normal", nn_he_normal, S(3, 3, 20, 30), 0, 0.10540925533894598, -0.2396684, 0.2396684},
    {"he_normal", nn_he_normal, S(3, 3, 30, 20), 0, 0.08606629658238704, -0.1956884, 0.1956884},
    {"he_uniform", nn_he_uniform, S(80, 50), 0, 0.15811388300841897, -0.27386128, 0.27386128},
    {"he_uniform", nn_he_uniform, S(3, 3, 30, 20), 0, 0.08606629658238704, -0.14907120, 0.14907120},
    {"glorot_normal", nn_glorot_normal, S(80, 50), 0, 0.12403473458920847, -0.2820171, 0.2820171},
    {"glorot_normal", nn_glorot_normal, S(3, 3, 20, 30), 0, 0.06666666666666667, -0.1515796, 0.1515796},
    {"glorot_uniform", nn_glorot_uniform, S(80, 50), 0, 0.12403473458920847, -0.21483446, 0.21483446},
    {"glorot_uniform", nn_glorot_uniform, S(3, 3, 20, 30), 0, 0.06666666666666667, -0.11547006, 0.11547006},
};

static const ag_stream stream = {.seed = 5, .purpose = AG_PURPOSE_INITIALIZE, .step = 3};

static ag_tensor *draw(const nn_initializer *initializer, ag_shape shape, ag_stream from, ag_dtype dtype) {
    ag_tensor *values = ag_tensor_create(dtype, shape);
    initializer->kind->fill(initializer, shape, from, dtype, values->data);
    return values;
}

Test(initializer, every_kind_has_a_row) {
    int n = 0;
    for (; nn_initializer_at(n); n++) {
        const nn_initializer_kind *kind = nn_initializer_at(n);
        int rows = 0;
        for (int i = 0; i < COUNT(cases); i++) {
            if (strcmp(cases[i].name, kind->name) != 0) continue;
            rows++;
            cr_expect(cases[i].initializer.kind == kind, "the row of %s uses %s", kind->name,
                      cases[i].initializer.kind->name);
        }
        cr_expect(rows > 0, "initializer %s has no row in test_initializers.c", kind->name);
    }
    cr_expect(!nn_initializer_at(n + 1) && !nn_initializer_at(-1));
}

// Mean and standard deviation within 4 standard errors; the kurtosis of all of these is at most the normal's.
static void check_moments(const initializer_case *row, ag_dtype dtype) {
    ag_tensor *values = draw(&row->initializer, row->shape, stream, dtype);
    const double n = (double)ag_shape_size(row->shape);
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < ag_shape_size(row->shape); i++) {
        const double x = ag_tensor_get(values, i);
        sum += x;
        squares += (x - row->mean) * (x - row->mean);
        cr_assert(x >= row->low - 1e-7 && x <= row->high + 1e-7, "%s %s: entry %lld is %g, outside [%g, %g]",
                  row->name, AG_TEXT(row->shape), (long long)i, x, row->low, row->high);
    }
    cr_expect(fabs(sum / n - row->mean) <= 4 * row->sigma / sqrt(n), "%s %s: mean %g, not %g", row->name,
              AG_TEXT(row->shape), sum / n, row->mean);
    const double sigma = sqrt(squares / n);
    cr_expect(fabs(sigma - row->sigma) <= 4 * row->sigma / sqrt(2 * n), "%s %s: sigma %g, not %g", row->name,
              AG_TEXT(row->shape), sigma, row->sigma);
    ag_tensor_free(values);
}

Test(initializer, has_the_moments_and_bounds_of_its_formula) {
    for (int i = 0; i < COUNT(cases); i++) {
        check_moments(&cases[i], AG_F32);
        check_moments(&cases[i], AG_F64);
    }
}

// Values reach both ends: a bound that is too wide, or a clamp instead of a redraw, would show.
Test(initializer, fills_its_bounds_evenly) {
    for (int i = 0; i < COUNT(cases); i++) {
        const initializer_case *row = &cases[i];
        if (row->sigma == 0 || isinf(row->high)) continue;
        ag_tensor *values = draw(&row->initializer, row->shape, stream, AG_F64);
        int64_t near = 0, n = ag_shape_size(row->shape);
        const double half = (row->high - row->low) / 2;
        for (int64_t k = 0; k < n; k++) near += fabs(ag_tensor_get(values, k) - row->mean) > 0.99 * half;
        // The two outermost hundredths of the range: 1 % of a uniform, about 0.23 % of a truncated normal.
        const bool truncated = strstr(row->name, "normal") != NULL;
        const double fraction = truncated ? 0.0023 : 0.01;
        cr_expect(fabs((double)near - fraction * (double)n) <
                      5 * sqrt(fraction * (double)n) + 0.1 * fraction * (double)n,
                  "%s %s: %lld of %lld values in the outermost hundredths", row->name, AG_TEXT(row->shape),
                  (long long)near, (long long)n);
        ag_tensor_free(values);
    }
}

Test(initializer, gives_the_same_bits_for_a_stream_and_others_for_another) {
    for (int i = 0; i < COUNT(cases); i++) {
        const initializer_case *row = &cases[i];
        for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
            const size_t bytes = (size_t)ag_shape_size(row->shape) * ag_dtype_bytes(dtype);
            ag_stream next = stream, reseeded = stream;
            next.step++, reseeded.seed++;
            ag_tensor *a = draw(&row->initializer, row->shape, stream, dtype);
            ag_tensor *b = draw(&row->initializer, row->shape, stream, dtype);
            ag_tensor *c = draw(&row->initializer, row->shape, next, dtype);
            ag_tensor *d = draw(&row->initializer, row->shape, reseeded, dtype);
            cr_expect(memcmp(a->data, b->data, bytes) == 0, "%s differs from itself", row->name);
            cr_expect((memcmp(a->data, c->data, bytes) == 0) == (row->sigma == 0), "%s ignores the step",
                      row->name);
            cr_expect((memcmp(a->data, d->data, bytes) == 0) == (row->sigma == 0), "%s ignores the seed",
                      row->name);
            ag_tensor_free(a), ag_tensor_free(b), ag_tensor_free(c), ag_tensor_free(d);
        }
    }
}

// A redrawn value depends on its own index alone: [n,4] and [2n,4] of one fan begin alike but for the scale.
Test(initializer, value_i_does_not_depend_on_how_many_there_are) {
    const ag_shape few = S(3, 3, 50, 7), many = S(3, 3, 50, 14);
    const nn_initializer initializer = nn_he_normal;
    ag_tensor *a = draw(&initializer, few, stream, AG_F64), *b = draw(&initializer, many, stream, AG_F64);
    cr_expect(memcmp(a->data, b->data, (size_t)ag_shape_size(few) * 8) == 0);
    ag_tensor_free(a), ag_tensor_free(b);
}

// Element i of a normal truncated at 2 sigma, from nothing
// but its index; redraw k is value i + k 2^40 of the stream.
static double truncated_element(int64_t i, ag_dtype dtype) {
    float narrow = 0;
    double wide = 0;
    uint64_t at = (uint64_t)i;
    do {
        ag_random_normal_fill(stream, at, 1, dtype, dtype == AG_F32 ? (void *)&narrow : &wide);
        if (dtype == AG_F32) wide = (double)narrow;
        at += UINT64_C(1) << 40;
    } while (fabs(wide) > 2);
    return wide;
}

Test(initializer, a_large_tensor_is_its_elements_for_any_number_of_threads) {
    const ag_shape shape = S(450, 99);
    const nn_initializer initializer = nn_he_normal;
    const double sigma = sqrt(2. / 450) / TRUNCATED_SIGMA;
    for (int threads = 1; threads <= 3; threads += 2) {
        ag_threads_set(threads);
        for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
            ag_tensor *values = draw(&initializer, shape, stream, dtype);
            for (int64_t i = 0; i < ag_shape_size(shape); i++) {
                const double x = sigma * truncated_element(i, dtype);
                cr_assert(ag_tensor_get(values, i) == (dtype == AG_F32 ? (double)(float)x : x),
                          "%d threads, element %lld", threads, (long long)i);
            }
            ag_tensor_free(values);
        }
    }
    ag_threads_set(0);
}

Test(initializer, fans_are_keras_compute_fans) {
    const struct {
        ag_shape shape;
        double fan_in, fan_out;
    } rows[] = {{{0}, 1, 1},
                {S(7), 7, 7},
                {S(100, 12544), 100, 12544},
                {S(5, 4, 3), 20, 15},
                {S(3, 3, 32, 64), 288, 576},
                {S(3, 3, 128, 256), 1152, 2304}};
    for (int i = 0; i < COUNT(rows); i++) {
        double fan_in, fan_out;
        nn_fans(rows[i].shape, &fan_in, &fan_out);
        cr_expect(fan_in == rows[i].fan_in && fan_out == rows[i].fan_out, "fans of %s are %g and %g",
                  AG_TEXT(rows[i].shape), fan_in, fan_out);
    }
}
