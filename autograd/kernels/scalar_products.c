// SPDX-License-Identifier: MIT
// The definition of what a table of bf16 products has for itself: the convolution's three passes, one task
// per image, or per tap for the weight gradient, no scratch; and the matrix product. Sums run in double.
#include "autograd/kernels/bf16.h"
#include "autograd/kernels/slots.h"

// A number as it is multiplied.
static double factor(real value) { return KERNEL_BF16 ? (double)bf16_value(bf16_of((float)value)) : value; }

static int64_t no_scratch(const ag_conv_geometry *geometry, int workers) {
    (void)geometry, (void)workers;
    return 0;
}

int64_t KERNEL(forward_bytes)(const ag_conv_geometry *g, int workers) { return no_scratch(g, workers); }
int64_t KERNEL(input_gradient_bytes)(const ag_conv_geometry *g, int workers) {
    return no_scratch(g, workers);
}
int64_t KERNEL(weight_gradient_bytes)(const ag_conv_geometry *g, int workers) {
    return no_scratch(g, workers);
}

int64_t KERNEL(forward_tasks)(const ag_conv_geometry *g, int stage) { return stage == 1 ? g->n : 0; }
int64_t KERNEL(input_gradient_tasks)(const ag_conv_geometry *g, int stage) { return stage == 1 ? g->n : 0; }
int64_t KERNEL(weight_gradient_tasks)(const ag_conv_geometry *g, int stage) {
    return stage == 1 ? g->kh * g->kw : 0;
}

// Input pixel of an output pixel and a tap; false outside the image.
static bool input_pixel(const ag_conv_geometry *g, int64_t i, int64_t j, int64_t a, int64_t b,
                        int64_t *pixel) {
    const int64_t row = i * g->stride + a - g->pad_top, col = j * g->stride + b - g->pad_left;
    *pixel = row * g->w + col;
    return row >= 0 && row < g->h && col >= 0 && col < g->w;
}

// Output pixel that an input pixel and a tap belong to; false when there is none.
static bool output_pixel(const ag_conv_geometry *g, int64_t row, int64_t col, int64_t a, int64_t b,
                         int64_t *pixel) {
    const int64_t i = row + g->pad_top - a, j = col + g->pad_left - b;
    *pixel = i / g->stride * g->ow + j / g->stride;
    return i >= 0 && j >= 0 && i % g->stride == 0 && j % g->stride == 0 && i / g->stride < g->oh &&
           j / g->stride < g->ow;
}

static real finished(const ag_conv_call *call, double sum, int64_t channel) {
    const ag_conv_epilogue *e = &call->epilogue;
    const real *bias = e->bias, *mean = e->mean, *scale = e->scale, *shift = e->shift;
    const real v = bias ? (real)sum + bias[channel] : (real)sum;
    const real z = scale ? (v - mean[channel]) * scale[channel] + shift[channel] : v;
    return z < 0 ? (e->slope == 0 ? 0 : z * (real)e->slope) : z;
}

void KERNEL(forward_run)(const ag_conv_call *call, int stage, int64_t n) {
    (void)stage;
    const ag_conv_geometry *g = call->geometry;
    const real *x = (const real *)call->a + n * g->h * g->w * g->ci, *w = call->b;
    real *y = (real *)call->out + n * g->oh * g->ow * g->co;
    for (int64_t p = 0; p < g->oh * g->ow * g->co; p++) {
        const int64_t o = p % g->co, i = p / g->co / g->ow, j = p / g->co % g->ow;
        double total = 0;
        for (int64_t t = 0; t < g->kh * g->kw; t++) {
            int64_t pixel;
            if (!input_pixel(g, i, j, t / g->kw, t % g->kw, &pixel)) continue;
            for (int64_t c = 0; c < g->ci; c++)
                total += factor(x[pixel * g->ci + c]) * factor(w[(t * g->ci + c) * g->co + o]);
        }
        y[p] = finished(call, total, o);
    }
}

void KERNEL(input_gradient_run)(const ag_conv_call *call, int stage, int64_t n) {
    (void)stage;
    const ag_conv_geometry *g = call->geometry;
    const real *dy = (const real *)call->a + n * g->oh * g->ow * g->co, *w = call->b;
    real *dx = (real *)call->out + n * g->h * g->w * g->ci;
    for (int64_t p = 0; p < g->h * g->w * g->ci; p++) {
        const int64_t c = p % g->ci, row = p / g->ci / g->w, col = p / g->ci % g->w;
        double total = 0;
        for (int64_t t = 0; t < g->kh * g->kw; t++) {
            int64_t pixel;
            if (!output_pixel(g, row, col, t / g->kw, t % g->kw, &pixel)) continue;
            for (int64_t o = 0; o < g->co; o++)
                total += factor(dy[pixel * g->co + o]) * factor(w[(t * g->ci + c) * g->co + o]);
        }
        dx[p] = finished(call, total, c);
    }
}

// dw[a,b,c,o] for one tap
static double weight_sum(const ag_conv_call *call, int64_t tap, int64_t c, int64_t o) {
    const ag_conv_geometry *g = call->geometry;
    const real *x = call->a, *dy = call->b;
    double total = 0;
    for (int64_t p = 0; p < g->n * g->oh * g->ow; p++) {
        const int64_t n = p / (g->oh * g->ow), i = p / g->ow % g->oh, j = p % g->ow;
        int64_t pixel;
        if (input_pixel(g, i, j, tap / g->kw, tap % g->kw, &pixel))
            total += factor(x[(n * g->h * g->w + pixel) * g->ci + c]) * factor(dy[p * g->co + o]);
    }
    return total;
}

void KERNEL(weight_gradient_run)(const ag_conv_call *call, int stage, int64_t tap) {
    (void)stage;
    const ag_conv_geometry *g = call->geometry;
    real *dw = (real *)call->out + tap * g->ci * g->co;
    for (int64_t c = 0; c < g->ci; c++)
        for (int64_t o = 0; o < g->co; o++) dw[c * g->co + o] = (real)weight_sum(call, tap, c, o);
}

void KERNEL(matmul)(const ag_matmul_call *call) {
    for (int64_t i = 0; i < call->m; i++)
        for (int64_t j = 0; j < call->n; j++) {
            const real *a = (const real *)call->a + i * call->a_row, *b = (const real *)call->b + j;
            double sum = 0;
            for (int64_t l = 0; l < call->k; l++)
                sum += factor(a[l * call->a_column]) * factor(b[l * call->b_row]);
            const real *bias = call->bias;
            ((real *)call->c)[i * call->c_row + j] = bias ? (real)sum + bias[j] : (real)sum;
        }
}
