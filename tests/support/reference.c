// SPDX-License-Identifier: MIT
// Naive references in f64: definitions as loops.
#include "tests/support/reference.h"

#include <math.h>
#include <stdlib.h>

ref_array ref_create(ag_shape shape) {
    int64_t size = ag_shape_size(shape);
    return (ref_array){shape, calloc((size_t)(size > 0 ? size : 1), sizeof(double))};
}

void ref_free(ref_array *array) {
    free(array->data);
    array->data = NULL;
}

void ref_unravel(ag_shape shape, int64_t i, int64_t *index) {
    for (int axis = shape.rank - 1; axis >= 0; axis--) {
        index[axis] = i % shape.dim[axis];
        i /= shape.dim[axis];
    }
}

int64_t ref_ravel(ag_shape shape, const int64_t *index) {
    int64_t i = 0;
    for (int axis = 0; axis < shape.rank; axis++) i = i * shape.dim[axis] + index[axis];
    return i;
}

// Place in an array of shape `small` that broadcasts to `index` of `shape`.
static int64_t broadcast_place(ag_shape small, ag_shape shape, const int64_t *index) {
    int64_t at[AG_MAX_RANK];
    int missing = shape.rank - small.rank;
    for (int axis = 0; axis < small.rank; axis++) at[axis] = small.dim[axis] == 1 ? 0 : index[axis + missing];
    return ref_ravel(small, at);
}

double ref_broadcast_get(const ref_array *x, ag_shape shape, const int64_t *index) {
    return x->data[broadcast_place(x->shape, shape, index)];
}

void ref_broadcast(const ref_array *x, ref_array *y) {
    int64_t index[AG_MAX_RANK];
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++) {
        ref_unravel(y->shape, i, index);
        y->data[i] = ref_broadcast_get(x, y->shape, index);
    }
}

void ref_sum_to(const ref_array *x, ref_array *y) {
    int64_t index[AG_MAX_RANK];
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++) y->data[i] = 0;
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++) {
        ref_unravel(x->shape, i, index);
        y->data[broadcast_place(y->shape, x->shape, index)] += x->data[i];
    }
}

void ref_transpose(const ref_array *x, const int *axes, ref_array *y) {
    int64_t to[AG_MAX_RANK], from[AG_MAX_RANK];
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++) {
        ref_unravel(y->shape, i, to);
        for (int axis = 0; axis < y->shape.rank; axis++) from[axes[axis]] = to[axis];
        y->data[i] = x->data[ref_ravel(x->shape, from)];
    }
}

void ref_slice(const ref_array *x, const int64_t *begin, ref_array *y) {
    int64_t index[AG_MAX_RANK];
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++) {
        ref_unravel(y->shape, i, index);
        for (int axis = 0; axis < y->shape.rank; axis++) index[axis] += begin[axis];
        y->data[i] = x->data[ref_ravel(x->shape, index)];
    }
}

// Writes x into y with its first element at `before`.
static void place(const ref_array *x, const int64_t *before, ref_array *y) {
    int64_t index[AG_MAX_RANK];
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++) {
        ref_unravel(x->shape, i, index);
        for (int axis = 0; axis < x->shape.rank; axis++) index[axis] += before[axis];
        y->data[ref_ravel(y->shape, index)] = x->data[i];
    }
}

void ref_pad(const ref_array *x, const int64_t *before, ref_array *y) {
    for (int64_t i = 0; i < ag_shape_size(y->shape); i++) y->data[i] = 0;
    place(x, before, y);
}

void ref_concat(int n, const ref_array *xs, int axis, ref_array *y) {
    int64_t before[AG_MAX_RANK] = {0};
    if (axis < 0) axis += y->shape.rank;
    for (int k = 0; k < n; k++) {
        place(&xs[k], before, y);
        before[axis] += xs[k].shape.dim[axis];
    }
}

void ref_reduce(const ref_array *x, unsigned axes, bool mean, ref_array *y) {
    ag_shape kept = x->shape;
    double count = 1;
    for (int axis = 0; axis < kept.rank; axis++)
        if (axes & (1u << axis)) {
            count *= (double)kept.dim[axis];
            kept.dim[axis] = 1;
        }
    ref_array total = {kept, y->data};
    ref_sum_to(x, &total);
    for (int64_t i = 0; mean && i < ag_shape_size(kept); i++) y->data[i] /= count;
}

void ref_matmul(const ref_array *a, const ref_array *b, bool transpose_a, bool transpose_b, ref_array *y) {
    int64_t m = y->shape.dim[0], n = y->shape.dim[1], depth = a->shape.dim[transpose_a ? 0 : 1];
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < depth; k++)
                sum += a->data[transpose_a ? k * m + i : i * depth + k] *
                       b->data[transpose_b ? j * depth + k : k * n + j];
            y->data[i * n + j] = sum;
        }
}

// One product of a convolution's definition: x[n,h,w,c] meets weight [a,b,c,o] and gives y[n,i,j,o].
typedef void (*product)(double *x, double *w, double *y);
static void into_y(double *x, double *w, double *y) { *y += *x * *w; }
static void into_x(double *x, double *w, double *y) { *x += *y * *w; }
static void into_w(double *x, double *w, double *y) { *w += *x * *y; }

// All products at output pixel `at` = (n, i, j).
static void pixel_products(const ref_array *x, const ref_array *w, ref_window window, const ref_array *y,
                           const int64_t *at, product apply) {
    const int64_t *k = w->shape.dim;
    for (int64_t a = 0; a < k[0]; a++)
        for (int64_t b = 0; b < k[1]; b++) {
            int64_t row = at[1] * window.stride + a - window.top;
            int64_t column = at[2] * window.stride + b - window.left;
            if (row < 0 || row >= x->shape.dim[1] || column < 0 || column >= x->shape.dim[2]) continue;
            for (int64_t c = 0; c < k[2]; c++)
                for (int64_t o = 0; o < k[3]; o++)
                    apply(&x->data[ref_ravel(x->shape, (int64_t[]){at[0], row, column, c})],
                          &w->data[ref_ravel(w->shape, (int64_t[]){a, b, c, o})],
                          &y->data[ref_ravel(y->shape, (int64_t[]){at[0], at[1], at[2], o})]);
        }
}

static void convolve(const ref_array *x, const ref_array *w, ref_window window, const ref_array *y,
                     product apply, const ref_array *out) {
    for (int64_t i = 0; i < ag_shape_size(out->shape); i++) out->data[i] = 0;
    for (int64_t n = 0; n < y->shape.dim[0]; n++)
        for (int64_t i = 0; i < y->shape.dim[1]; i++)
            for (int64_t j = 0; j < y->shape.dim[2]; j++)
                pixel_products(x, w, window, y, (int64_t[]){n, i, j}, apply);
}

void ref_conv2d(const ref_array *x, const ref_array *w, ref_window window, ref_array *y) {
    convolve(x, w, window, y, into_y, y);
}

void ref_conv2d_input_gradient(const ref_array *dy, const ref_array *w, ref_window window, ref_array *dx) {
    convolve(dx, w, window, dy, into_x, dx);
}

void ref_conv2d_weight_gradient(const ref_array *x, const ref_array *dy, ref_window window, ref_array *dw) {
    convolve(x, dw, window, dy, into_w, dw);
}

static int64_t channels_of(const ref_array *x) { return x->shape.dim[x->shape.rank - 1]; }

void ref_batch_mean(const ref_array *x, ref_array *mean) {
    int64_t channels = channels_of(x), rows = ag_shape_size(x->shape) / channels;
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t r = 0; r < rows; r++) sum += x->data[r * channels + c];
        mean->data[c] = sum / (double)rows;
    }
}

void ref_batch_variance(const ref_array *x, const ref_array *mean, ref_array *variance) {
    int64_t channels = channels_of(x), rows = ag_shape_size(x->shape) / channels;
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t r = 0; r < rows; r++) sum += pow(x->data[r * channels + c] - mean->data[c], 2);
        variance->data[c] = sum / (double)rows;
    }
}

void ref_batch_norm(const ref_array *x, const ref_array *mean, const ref_array *variance,
                    const ref_array *gamma, const ref_array *beta, double epsilon, ref_array *y) {
    int64_t channels = channels_of(x);
    for (int64_t i = 0; i < ag_shape_size(x->shape); i++) {
        int64_t c = i % channels;
        y->data[i] =
            gamma->data[c] * (x->data[i] - mean->data[c]) / sqrt(variance->data[c] + epsilon) + beta->data[c];
    }
}

// Mean and deviation of a channel of x, and the means over its rows of dy and of dy xhat.
typedef struct channel_moments {
    double mean, sigma, dy, dot;
} channel_moments;

static channel_moments moments_of(const ref_array *dy, const ref_array *x, double epsilon, int64_t c) {
    int64_t channels = channels_of(x), size = ag_shape_size(x->shape);
    double rows = (double)(size / channels), variance = 0;
    channel_moments m = {0};
    for (int64_t i = c; i < size; i += channels) m.mean += x->data[i] / rows;
    for (int64_t i = c; i < size; i += channels) variance += pow(x->data[i] - m.mean, 2) / rows;
    m.sigma = sqrt(variance + epsilon);
    for (int64_t i = c; i < size; i += channels) {
        m.dy += dy->data[i] / rows;
        m.dot += dy->data[i] * (x->data[i] - m.mean) / m.sigma / rows;
    }
    return m;
}

void ref_batch_norm_gamma_gradient(const ref_array *dy, const ref_array *x, double epsilon,
                                   ref_array *dgamma) {
    int64_t channels = channels_of(x), rows = ag_shape_size(x->shape) / channels;
    for (int64_t c = 0; c < channels; c++) dgamma->data[c] = moments_of(dy, x, epsilon, c).dot * (double)rows;
}

void ref_batch_norm_input_gradient(const ref_array *dy, const ref_array *x, const ref_array *gamma,
                                   double epsilon, ref_array *dx) {
    int64_t channels = channels_of(x);
    for (int64_t c = 0; c < channels; c++) {
        channel_moments m = moments_of(dy, x, epsilon, c);
        for (int64_t i = c; i < ag_shape_size(x->shape); i += channels) {
            double xhat = (x->data[i] - m.mean) / m.sigma;
            dx->data[i] = gamma->data[c] / m.sigma * (dy->data[i] - m.dy - xhat * m.dot);
        }
    }
}
