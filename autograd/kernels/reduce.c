// SPDX-License-Identifier: MIT
// Sums: of columns, and of everything. Terms are summed plainly over blocks of rows, and the blocks' sums are
// added with the rounding error carried along (Kahan 1965, Neumaier's form by Knuth's two-sum), so that the
// error does not grow with the number of rows.
#include "autograd/kernels/vector.h"

enum {
    BLOCK = 64,  // rows summed plainly; bounds the error at about BLOCK / 2 ULP of the sum of magnitudes
    STRIP = 4,   // vectors of columns at a time; enough chains of additions to hide their latency
};

typedef enum term { SUM, SQUARE, DOT } term;

typedef struct columns {
    int64_t rows, cols;
    const real *dy, *x, *mean;
} columns;

// total + carry += part, exactly but for the carry's own rounding
INLINE void add_carefully(vec *total, vec *carry, vec part) {
    const vec sum = *total + part, shadow = sum - *total;
    *carry += (*total - (sum - shadow)) + (part - shadow);
    *total = sum;
}

INLINE vec one_term(term kind, const columns *in, int64_t at, vec mean) {
    const vec x = v_load(in->x + at);
    if (kind == SUM) return x;
    return (kind == SQUARE ? x - mean : v_load(in->dy + at)) * (x - mean);
}

INLINE void strip(term kind, int width, const columns *in, int64_t c, real *out) {
    vec total[STRIP] = {{0}}, carry[STRIP] = {{0}}, mean[STRIP] = {{0}};
    if (kind != SUM)
        for (int v = 0; v < width; v++) mean[v] = v_load(in->mean + c + v * LANES);
    for (int64_t row = 0; row < in->rows; row += BLOCK) {
        const int64_t end = row + BLOCK < in->rows ? row + BLOCK : in->rows;
        vec part[STRIP] = {{0}};
        for (int64_t r = row; r < end; r++)
            for (int v = 0; v < width; v++)
                part[v] += one_term(kind, in, r * in->cols + c + v * LANES, mean[v]);
        for (int v = 0; v < width; v++) add_carefully(&total[v], &carry[v], part[v]);
    }
    // An infinite total leaves a NaN in the carry.
    for (int v = 0; v < width; v++)
        v_store(out + c + v * LANES, v_select((mask)(carry[v] == carry[v]), total[v] + carry[v], total[v]));
}

// At least a vector of columns. The last vector overlaps the one before where cols is not a multiple.
INLINE void wide(term kind, const columns *in, real *out) {
    int64_t c = 0;
    for (; c + STRIP * LANES <= in->cols; c += STRIP * LANES) strip(kind, STRIP, in, c, out);
    for (; c + LANES <= in->cols; c += LANES) strip(kind, 1, in, c, out);
    if (c < in->cols) strip(kind, 1, in, in->cols - LANES, out);
}

// Fewer columns than lanes: LANES rows are one row of whole vectors, whose columns repeat.
INLINE void narrow(term kind, const columns *in, real *out) {
    const int64_t cols = in->cols, period = cols * LANES, rows = in->rows / LANES, done = rows * period;
    real mean[LANES * LANES], sums[LANES * LANES];
    for (int64_t i = 0; i < period; i++) mean[i] = in->mean ? in->mean[i % cols] : 0;
    const columns tall = {rows, period, in->dy, in->x, mean};
    wide(kind, &tall, sums);
    for (int64_t c = 0; c < cols; c++) {
        double total = 0;
        for (int64_t i = c; i < period; i += cols) total += sums[i];
        for (int64_t i = done + c; i < in->rows * cols; i += cols) {
            const double d = (double)in->x[i] - (double)mean[c];
            total += kind == SUM ? in->x[i] : kind == SQUARE ? d * d : in->dy[i] * d;
        }
        out[c] = (real)total;
    }
}

INLINE void reduce(term kind, const columns *in, real *out) {
    if (in->cols >= LANES)
        wide(kind, in, out);
    else
        narrow(kind, in, out);
}

void KERNEL(column_sum)(int64_t rows, int64_t cols, const void *x, void *out) {
    reduce(SUM, &(columns){rows, cols, NULL, x, NULL}, out);
}

void KERNEL(column_square)(int64_t rows, int64_t cols, const void *x, const void *mean, void *out) {
    reduce(SQUARE, &(columns){rows, cols, NULL, x, mean}, out);
}

void KERNEL(column_dot)(int64_t rows, int64_t cols, const void *dy, const void *x, const void *mean,
                        void *out) {
    reduce(DOT, &(columns){rows, cols, dy, x, mean}, out);
}

double KERNEL(sum)(int64_t n, const void *x) {
    enum { COLS = STRIP * LANES };
    real sums[COLS];
    const int64_t rows = n / COLS;
    wide(SUM, &(columns){rows, COLS, NULL, x, NULL}, sums);
    double total = 0;
    for (int c = 0; c < COLS; c++) total += sums[c];
    for (int64_t i = rows * COLS; i < n; i++) total += ((const real *)x)[i];
    return total;
}
