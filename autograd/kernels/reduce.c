// SPDX-License-Identifier: MIT
// Sums: of columns, and of everything. Terms are summed plainly over blocks of rows, and the blocks' sums are
// added with the rounding error carried along (Kahan 1965, Neumaier's form by Knuth's two-sum), so that the
// error does not grow with the number of rows.
#include "autograd/kernels/normalized.h"

enum {
    BLOCK = 64,  // rows summed plainly; bounds the error at about BLOCK / 2 ULP of the sum of magnitudes
    // Vectors of columns at a time: enough chains of additions to hide their latency, and long pieces of rows
    // that come from memory: 25088 x 128 values 0.17 instead of 0.23 ms with 8 instead of 4.
    STRIP = 8,
    PAIRS = KERNEL_VECTOR_BYTES == 64 ? 8 : 4,  // the same where each has two sums: 0.57 instead of 0.83 ms
};

typedef enum term { SUM, SQUARE, DOT, GRADIENT } term;  // GRADIENT: the sum and the dot of column_gradient

enum { MEAN, SCALE, SHIFT, CONSTANTS };

typedef struct columns {
    int64_t rows, cols;
    const real *dy, *x;
    const real *constant[CONSTANTS];  // [cols], those that the terms have
    double slope;                     // of GRADIENT
} columns;

INLINE int constants_of(term kind) { return kind == SUM ? 0 : kind == GRADIENT ? CONSTANTS : SCALE; }
INLINE int sums_of(term kind) { return kind == GRADIENT ? 2 : 1; }
INLINE int strip_of(term kind) { return kind == GRADIENT ? PAIRS : STRIP; }

// total + carry += part, exactly but for the carry's own rounding
INLINE void add_carefully(vec *total, vec *carry, vec part) {
    const vec sum = *total + part, shadow = sum - *total;
    *carry += (*total - (sum - shadow)) + (part - shadow);
    *total = sum;
}

INLINE vec gradient_at(const columns *in, int64_t at, const vec k[CONSTANTS], vec d) {
    return v_activation_gradient(v_load(in->dy + at), v_normalized(d, k[SCALE], k[SHIFT]), v_leak(in->slope));
}

INLINE void add_terms(term kind, const columns *in, int64_t at, const vec k[CONSTANTS], vec part[2]) {
    const vec x = v_load(in->x + at), d = x - k[MEAN];
    if (kind == SUM) {
        part[0] += x;
    } else if (kind == GRADIENT) {
        fetch_ahead(in->x + at, in->dy + at, in->cols);
        const vec g = gradient_at(in, at, k, d);
        part[0] += g;
        part[1] += g * d;
    } else {
        part[0] += (kind == SQUARE ? d : v_load(in->dy + at)) * d;
    }
}

INLINE void strip(term kind, int width, const columns *in, int64_t c, real *const out[2]) {
    vec total[STRIP][2] = {{{0}}}, carry[STRIP][2] = {{{0}}}, k[STRIP][CONSTANTS] = {{{0}}};
    for (int v = 0; v < width; v++)
        for (int i = 0; i < constants_of(kind); i++) k[v][i] = v_load(in->constant[i] + c + v * LANES);
    for (int64_t row = 0; row < in->rows; row += BLOCK) {
        const int64_t end = row + BLOCK < in->rows ? row + BLOCK : in->rows;
        vec part[STRIP][2] = {{{0}}};
        for (int64_t r = row; r < end; r++)
            for (int v = 0; v < width; v++) add_terms(kind, in, r * in->cols + c + v * LANES, k[v], part[v]);
        for (int v = 0; v < width; v++)
            for (int s = 0; s < sums_of(kind); s++) add_carefully(&total[v][s], &carry[v][s], part[v][s]);
    }
    // An infinite total leaves a NaN in the carry.
    for (int v = 0; v < width; v++)
        for (int s = 0; s < sums_of(kind); s++)
            v_store(out[s] + c + v * LANES,
                    v_select((mask)(carry[v][s] == carry[v][s]), total[v][s] + carry[v][s], total[v][s]));
}

// The columns from c on, as far as whole strips go; returns the next one.
INLINE int64_t strips(term kind, int width, const columns *in, int64_t c, real *const out[2]) {
    for (; c + width * LANES <= in->cols; c += width * LANES) strip(kind, width, in, c, out);
    return c;
}

// At least a vector of columns. The last vector overlaps the one before where cols is not a multiple.
INLINE void wide(term kind, const columns *in, real *const out[2]) {
    int64_t c = strips(kind, strip_of(kind), in, 0, out);
    c = strips(kind, strip_of(kind) / 2, in, c, out);
    c = strips(kind, 1, in, c, out);
    if (c < in->cols) strip(kind, 1, in, in->cols - LANES, out);
}

// g of the n < LANES * LANES elements from `at` on, as in all other rows, of `tall` rows.
INLINE void few_gradients(const columns *tall, int64_t at, int64_t n, real *g) {
    real dy[LANES * LANES] = {0}, x[LANES * LANES] = {0};
    memcpy(dy, tall->dy + at, (size_t)n * sizeof *dy);
    memcpy(x, tall->x + at, (size_t)n * sizeof *x);
    const columns padded = {1, tall->cols, dy, x, {NULL}, tall->slope};
    for (int64_t i = 0; i < n; i += LANES) {
        vec k[CONSTANTS];
        for (int j = 0; j < CONSTANTS; j++) k[j] = v_load(tall->constant[j] + i);
        v_store(g + i, gradient_at(&padded, i, k, v_load(x + i) - k[MEAN]));
    }
}

// total + column c of few rows, in double; SUM, SQUARE or DOT. Never inlined, so that it is one piece of
// code: the sums of GRADIENT are those of SUM and of DOT, with the same bits.
static __attribute__((noinline)) real add_rest(term kind, double total, const columns *in, int64_t c) {
    const double mean = kind == SUM ? 0 : in->constant[MEAN][c];
    for (int64_t i = c; i < in->rows * in->cols; i += in->cols) {
        const double x = in->x[i], d = x - mean;
        total += kind == SUM ? x : (kind == SQUARE ? d : (double)in->dy[i]) * d;
    }
    return (real)total;
}

// Fewer columns than lanes: LANES rows are one row of whole vectors, whose columns repeat.
INLINE void narrow(term kind, const columns *in, real *const out[2]) {
    const int64_t cols = in->cols, period = cols * LANES, rows = in->rows / LANES, done = rows * period;
    real constant[CONSTANTS][LANES * LANES] = {{0}}, sums[2][LANES * LANES], g[LANES * LANES];
    columns tall = {rows,     period, in->dy, in->x, {constant[MEAN], constant[SCALE], constant[SHIFT]},
                    in->slope};
    for (int j = 0; j < constants_of(kind); j++)
        for (int64_t i = 0; i < period; i++) constant[j][i] = in->constant[j][i % cols];
    wide(kind, &tall, (real *[]){sums[0], sums[1]});
    if (kind == GRADIENT) few_gradients(&tall, done, in->rows % LANES * cols, g);
    const real *x = in->x + done, *dy = kind == GRADIENT ? g : kind == DOT ? in->dy + done : NULL;
    const columns rest = {in->rows % LANES, cols, dy, x, {constant[MEAN]}, 1};
    const columns gradients = {in->rows % LANES, cols, NULL, g, {NULL}, 1};
    for (int64_t c = 0; c < cols; c++) {
        double total[2] = {0};
        for (int s = 0; s < sums_of(kind); s++)
            for (int64_t i = c; i < period; i += cols) total[s] += sums[s][i];
        out[0][c] =
            kind == GRADIENT ? add_rest(SUM, total[0], &gradients, c) : add_rest(kind, total[0], &rest, c);
        if (kind == GRADIENT) out[1][c] = add_rest(DOT, total[1], &rest, c);
    }
}

INLINE void reduce(term kind, const columns *in, real *sum, real *dot) {
    if (in->cols >= LANES)
        wide(kind, in, (real *[]){sum, dot});
    else
        narrow(kind, in, (real *[]){sum, dot});
}

void KERNEL(column_sum)(int64_t rows, int64_t cols, const void *x, void *out) {
    reduce(SUM, &(columns){rows, cols, NULL, x, {NULL}, 1}, out, NULL);
}

void KERNEL(column_square)(int64_t rows, int64_t cols, const void *x, const void *mean, void *out) {
    reduce(SQUARE, &(columns){rows, cols, NULL, x, {mean}, 1}, out, NULL);
}

void KERNEL(column_dot)(int64_t rows, int64_t cols, const void *dy, const void *x, const void *mean,
                        void *out) {
    reduce(DOT, &(columns){rows, cols, dy, x, {mean}, 1}, out, NULL);
}

void KERNEL(column_gradient)(const ag_normalize_call *call) {
    reduce(
        GRADIENT,
        &(columns){
            call->rows, call->cols, call->dy, call->x, {call->mean, call->scale, call->shift}, call->slope},
        call->sum, call->dot);
}

double KERNEL(sum)(int64_t n, const void *x) {
    enum { COLS = STRIP * LANES };
    real sums[COLS];
    const int64_t rows = n / COLS;
    wide(SUM, &(columns){rows, COLS, NULL, x, {NULL}, 1}, (real *[]){sums, NULL});
    double total = 0;
    for (int c = 0; c < COLS; c++) total += sums[c];
    for (int64_t i = rows * COLS; i < n; i++) total += ((const real *)x)[i];
    return total;
}
