// SPDX-License-Identifier: MIT
// The definition of every slot but those of scalar_products.c, in plain C and libm: the oracle of the vector
// tables' test. Sums run in double, in index order.
#include <tgmath.h>

#include "autograd/kernels/slots.h"

#define V_SET(number) ((real)(number))
#define V_SELECT(condition, yes, no) ((condition) ? (yes) : (no))
#define V_SQRT(a) sqrt(a)
#define V_EXP(a) exp(a)
#define V_LOG(a) log(a)
#define V_LOG1P(a) log1p(a)
#define V_TANH(a) tanh(a)
#define V_ABS(a) fabs(a)
#define V_MIN(a, b) minimum_of(a, b)
#define V_MAX(a, b) maximum_of(a, b)
#define V_SIGMOID(a) sigmoid_of(a)

// A NaN among the operands is the result; of equal operands (0 and -0 too) the second is.
static inline real minimum_of(real a, real b) { return a < b || a != a ? a : b; }
static inline real maximum_of(real a, real b) { return a > b || a != a ? a : b; }

// 1 / (1 + exp(-a)), by a power that never overflows, so that tiny results keep their digits.
static inline real sigmoid_of(real a) {
    const real power = exp(-fabs(a));
    return (a < 0 ? power : (real)1) / (1 + power);
}

static inline real operand(const ag_pointwise_call *call, int arity, int k, int64_t i) {
    return k < arity ? ((const real *)call->in[k])[i * call->step[k]] : 0;
}

#define AG_POINTWISE(name, arity, expression)                                          \
    void KERNEL(name)(const ag_pointwise_call *call) {                                 \
        const double p = call->p, q = call->q;                                         \
        (void)p, (void)q;                                                              \
        for (int64_t i = 0; i < call->n; i++) {                                        \
            const real a = operand(call, arity, 0, i), b = operand(call, arity, 1, i); \
            const real c = operand(call, arity, 2, i);                                 \
            (void)b, (void)c;                                                          \
            ((real *)call->out)[i] = expression;                                       \
        }                                                                              \
    }
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE

double KERNEL(sum)(int64_t n, const void *x) {
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += ((const real *)x)[i];
    return total;
}

void KERNEL(column_sum)(int64_t rows, int64_t cols, const void *x, void *out) {
    const real *in = x;
    for (int64_t c = 0; c < cols; c++) {
        double total = 0;
        for (int64_t r = 0; r < rows; r++) total += in[r * cols + c];
        ((real *)out)[c] = (real)total;
    }
}

void KERNEL(column_dot)(int64_t rows, int64_t cols, const void *dy, const void *x, const void *mean,
                        void *out) {
    const real *left = dy, *right = x, *center = mean;
    for (int64_t c = 0; c < cols; c++) {
        double total = 0;
        for (int64_t r = 0; r < rows; r++)
            total += (double)left[r * cols + c] * ((double)right[r * cols + c] - (double)center[c]);
        ((real *)out)[c] = (real)total;
    }
}

void KERNEL(column_square)(int64_t rows, int64_t cols, const void *x, const void *mean, void *out) {
    const real *in = x, *center = mean;
    for (int64_t c = 0; c < cols; c++) {
        double total = 0;
        for (int64_t r = 0; r < rows; r++) {
            const double d = (double)in[r * cols + c] - (double)center[c];
            total += d * d;
        }
        ((real *)out)[c] = (real)total;
    }
}

// z of element i, in column c
static inline real normalized_of(const ag_normalize_call *call, int64_t i, int64_t c) {
    const real *x = call->x, *mean = call->mean, *scale = call->scale, *shift = call->shift;
    return (x[i] - mean[c]) * scale[c] + shift[c];
}

// g of element i, in column c
static inline real gradient_of(const ag_normalize_call *call, int64_t i, int64_t c) {
    const real dy = ((const real *)call->dy)[i];
    if (call->slope == 1 || normalized_of(call, i, c) > 0) return dy;
    return call->slope == 0 ? 0 : dy * (real)call->slope;
}

void KERNEL(normalize)(const ag_normalize_call *call) {
    for (int64_t i = 0; i < call->rows * call->cols; i++) {
        const real z = normalized_of(call, i, i % call->cols);
        ((real *)call->out)[i] = z < 0 ? (call->slope == 0 ? 0 : z * (real)call->slope) : z;
    }
}

void KERNEL(column_gradient)(const ag_normalize_call *call) {
    const real *x = call->x, *mean = call->mean;
    for (int64_t c = 0; c < call->cols; c++) {
        double sum = 0, dot = 0;
        for (int64_t i = c; i < call->rows * call->cols; i += call->cols) {
            const double g = gradient_of(call, i, c);
            sum += g;
            dot += g * ((double)x[i] - (double)mean[c]);
        }
        ((real *)call->sum)[c] = (real)sum;
        ((real *)call->dot)[c] = (real)dot;
    }
}

void KERNEL(normalize_gradient)(const ag_normalize_call *call) {
    const real *x = call->x, *mean = call->mean, *scale = call->scale, *a = call->a, *b = call->b;
    for (int64_t i = 0; i < call->rows * call->cols; i++) {
        const int64_t c = i % call->cols;
        ((real *)call->out)[i] = scale[c] * (gradient_of(call, i, c) - a[c] - (x[i] - mean[c]) * b[c]);
    }
}

void KERNEL(adam)(const ag_adam_step *step) {
    const real *g = step->g;
    real *w = step->w, *m = step->m, *v = step->v;
    const real beta1 = (real)step->beta1, beta2 = (real)step->beta2;
    const real rest1 = (real)(1 - step->beta1), rest2 = (real)(1 - step->beta2);
    const real rate = (real)step->rate, epsilon = (real)step->epsilon;
    const real root_scale = (real)step->root_scale, keep = (real)(1 - step->decay);
    for (int64_t i = 0; i < step->n; i++) {
        m[i] = beta1 * m[i] + rest1 * g[i];
        v[i] = beta2 * v[i] + rest2 * (g[i] * g[i]);
        w[i] = keep * w[i] - rate * m[i] / (root_scale * sqrt(v[i]) + epsilon);
    }
}
