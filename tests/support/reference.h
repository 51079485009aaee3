// SPDX-License-Identifier: MIT
// Naive references in f64, written from the formulas as plain loops: the other side of every op's forward
// test. They share no code, no blocking and no order of summation with the library.
#pragma once

#include <stdbool.h>

#include "autograd/shape.h"

typedef struct ref_array {
    ag_shape shape;
    double *data;
} ref_array;

// Zeros; the caller frees with ref_free.
ref_array ref_create(ag_shape shape);
void ref_free(ref_array *array);

// Position of element i of a row-major array as one index per axis, and back.
void ref_unravel(ag_shape shape, int64_t i, int64_t *index);
int64_t ref_ravel(ag_shape shape, const int64_t *index);

// The element of x that lands at `index` of `shape` when x is broadcast to it by NumPy's rule.
double ref_broadcast_get(const ref_array *x, ag_shape shape, const int64_t *index);

// y = x broadcast to y's shape, and its adjoint: y = x summed to y's shape.
void ref_broadcast(const ref_array *x, ref_array *y);
void ref_sum_to(const ref_array *x, ref_array *y);

// y's axis i is x's axis axes[i]; x[begin .. begin + y's shape); zeros around x; n arrays along one axis.
void ref_transpose(const ref_array *x, const int *axes, ref_array *y);
void ref_slice(const ref_array *x, const int64_t *begin, ref_array *y);
void ref_pad(const ref_array *x, const int64_t *before, ref_array *y);
void ref_concat(int n, const ref_array *xs, int axis, ref_array *y);

// Sum (or mean) over the axes whose bit is set; y may keep them as ones or not.
void ref_reduce(const ref_array *x, unsigned axes, bool mean, ref_array *y);

// y [M,N] = op(a) [M,K] op(b) [K,N].
void ref_matmul(const ref_array *a, const ref_array *b, bool transpose_a, bool transpose_b, ref_array *y);

// y[n,i,j,o] = sum over a, b, c of x[n, i stride + a - top, j stride + b - left, c] w[a,b,c,o]; the two
// adjoints.
typedef struct ref_window {
    int64_t stride, top, left;
} ref_window;
void ref_conv2d(const ref_array *x, const ref_array *w, ref_window window, ref_array *y);
void ref_conv2d_input_gradient(const ref_array *dy, const ref_array *w, ref_window window, ref_array *dx);
void ref_conv2d_weight_gradient(const ref_array *x, const ref_array *dy, ref_window window, ref_array *dw);

// Over all axes but the last: mean, biased variance about `mean`, and
// y = gamma (x - mean) / sqrt(variance + epsilon) + beta.
void ref_batch_mean(const ref_array *x, ref_array *mean);
void ref_batch_variance(const ref_array *x, const ref_array *mean, ref_array *variance);
void ref_batch_norm(const ref_array *x, const ref_array *mean, const ref_array *variance,
                    const ref_array *gamma, const ref_array *beta, double epsilon, ref_array *y);
// dgamma = sum dy xhat and dx of that with x's own moments, from the chain rule (Ioffe and Szegedy 2015,
// section 3): dx = gamma / sigma (dy - mean(dy) - xhat mean(dy xhat)), xhat = (x - mean) / sigma.
void ref_batch_norm_gamma_gradient(const ref_array *dy, const ref_array *x, double epsilon,
                                   ref_array *dgamma);
void ref_batch_norm_input_gradient(const ref_array *dy, const ref_array *x, const ref_array *gamma,
                                   double epsilon, ref_array *dx);
