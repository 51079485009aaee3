// SPDX-License-Identifier: MIT
// Initializers: formulas and the table of all kinds. Every value is a function of (stream, its index) alone.
#include "nn/initializer.h"

#include <math.h>

#include "autograd/threads.h"
#include "nn/given.h"

// Standard deviation of the standard normal truncated at 2 sigma; Keras divides by it, so that the truncated
// values have the sigma asked for.
#define TRUNCATED_SIGMA 0.87962566103423978
#define TRUNCATION 2.0

// Redraw k of element i is value i + k 2^40 of the stream: past every element, as no shape has more.
#define REDRAW_SHIFT 40

#define PART 16384  // elements that a thread draws at one go

void nn_fans(ag_shape shape, double *fan_in, double *fan_out) {
    if (!NN_GIVEN(fan_in, "fan_in", NULL) || !NN_GIVEN(fan_out, "fan_out", NULL)) return;
    double receptive_field = 1;
    for (int i = 0; i < shape.rank - 2; i++) receptive_field *= (double)shape.dim[i];
    const double last = shape.rank > 0 ? (double)shape.dim[shape.rank - 1] : 1;
    *fan_in = shape.rank > 1 ? receptive_field * (double)shape.dim[shape.rank - 2] : last;
    *fan_out = receptive_field * last;
}

static double fan_in_of(ag_shape shape) {
    double fan_in, fan_out;
    nn_fans(shape, &fan_in, &fan_out);
    return fan_in;
}

static double fan_average_of(ag_shape shape) {
    double fan_in, fan_out;
    nn_fans(shape, &fan_in, &fan_out);
    return (fan_in + fan_out) / 2;
}

// value := factor value + term, rounded once.
static void values_affine(ag_dtype dtype, int64_t n, void *values, double factor, double term) {
    float *narrow = values;
    double *wide = values;
    if (dtype == AG_F32)
        for (int64_t i = 0; i < n; i++) narrow[i] = (float)(factor * (double)narrow[i] + term);
    else
        for (int64_t i = 0; i < n; i++) wide[i] = factor * wide[i] + term;
}

static void fill_same(ag_shape shape, ag_dtype dtype, void *values, double value) {
    float *narrow = values;
    double *wide = values;
    const int64_t n = ag_shape_size(shape);
    if (dtype == AG_F32)
        for (int64_t i = 0; i < n; i++) narrow[i] = (float)value;
    else
        for (int64_t i = 0; i < n; i++) wide[i] = value;
}

static void fill_uniform(ag_shape shape, ag_stream stream, ag_dtype dtype, void *values, double low,
                         double high) {
    const int64_t n = ag_shape_size(shape);
    ag_random_uniform_fill(stream, 0, n, dtype, values);
    values_affine(dtype, n, values, high - low, low);
}

// Draws element i anew until it lies within the truncation.
static void redraw(ag_stream stream, int64_t i, ag_dtype dtype, void *value) {
    const double *wide = value;
    const float *narrow = value;
    for (uint64_t k = 1; fabs(dtype == AG_F32 ? (double)*narrow : *wide) > TRUNCATION; k++)
        ag_random_normal_fill(stream, (uint64_t)i + (k << REDRAW_SHIFT), 1, dtype, value);
}

typedef struct truncated {
    ag_stream stream;
    ag_dtype dtype;
    int64_t n;
    char *values;
    double sigma;  // of the normal before it is truncated
} truncated;

// Elements part PART to (part + 1) PART.
static void fill_part(void *context, int64_t part) {
    const truncated *t = context;
    const size_t size = ag_dtype_bytes(t->dtype);
    const int64_t first = part * PART, n = t->n - first < PART ? t->n - first : PART;
    char *values = t->values + (size_t)first * size;
    ag_random_normal_fill(t->stream, (uint64_t)first, n, t->dtype, values);
    for (int64_t i = 0; i < n; i++) redraw(t->stream, first + i, t->dtype, values + (size_t)i * size);
    values_affine(t->dtype, n, values, t->sigma, 0);
}

static void fill_truncated_normal(ag_shape shape, ag_stream stream, ag_dtype dtype, void *values,
                                  double variance) {
    const int64_t n = ag_shape_size(shape);
    truncated t = {stream, dtype, n, values, sqrt(variance) / TRUNCATED_SIGMA};
    ag_parallel_for((n + PART - 1) / PART, fill_part, &t);
}

static void zeros(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                  void *values) {
    (void)initializer, (void)stream;
    fill_same(shape, dtype, values, 0);
}

static void ones(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                 void *values) {
    (void)initializer, (void)stream;
    fill_same(shape, dtype, values, 1);
}

static void constant(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                     void *values) {
    (void)stream;
    fill_same(shape, dtype, values, initializer->a);
}

static void normal(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                   void *values) {
    const int64_t n = ag_shape_size(shape);
    ag_random_normal_fill(stream, 0, n, dtype, values);
    values_affine(dtype, n, values, initializer->b, initializer->a);
}

static void uniform(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                    void *values) {
    fill_uniform(shape, stream, dtype, values, initializer->a, initializer->b);
}

static void he_normal(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                      void *values) {
    (void)initializer;
    fill_truncated_normal(shape, stream, dtype, values, 2 / fan_in_of(shape));
}

static void he_uniform(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                       void *values) {
    (void)initializer;
    const double limit = sqrt(6 / fan_in_of(shape));
    fill_uniform(shape, stream, dtype, values, -limit, limit);
}

static void glorot_normal(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                          void *values) {
    (void)initializer;
    fill_truncated_normal(shape, stream, dtype, values, 1 / fan_average_of(shape));
}

static void glorot_uniform(const nn_initializer *initializer, ag_shape shape, ag_stream stream,
                           ag_dtype dtype, void *values) {
    (void)initializer;
    const double limit = sqrt(3 / fan_average_of(shape));
    fill_uniform(shape, stream, dtype, values, -limit, limit);
}

const nn_initializer_kind nn_initializer_zeros = {"zeros", zeros};
const nn_initializer_kind nn_initializer_ones = {"ones", ones};
const nn_initializer_kind nn_initializer_constant = {"constant", constant};
const nn_initializer_kind nn_initializer_normal = {"normal", normal};
const nn_initializer_kind nn_initializer_uniform = {"uniform", uniform};
const nn_initializer_kind nn_initializer_he_normal = {"he_normal", he_normal};
const nn_initializer_kind nn_initializer_he_uniform = {"he_uniform", he_uniform};
const nn_initializer_kind nn_initializer_glorot_normal = {"glorot_normal", glorot_normal};
const nn_initializer_kind nn_initializer_glorot_uniform = {"glorot_uniform", glorot_uniform};

const nn_initializer_kind *nn_initializer_at(int i) {
    static const nn_initializer_kind *const kinds[] = {
        &nn_initializer_zeros,      &nn_initializer_ones,          &nn_initializer_constant,
        &nn_initializer_normal,     &nn_initializer_uniform,       &nn_initializer_he_normal,
        &nn_initializer_he_uniform, &nn_initializer_glorot_normal, &nn_initializer_glorot_uniform,
    };
    return i >= 0 && i < (int)(sizeof kinds / sizeof *kinds) ? kinds[i] : NULL;
}
