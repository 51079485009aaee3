// SPDX-License-Identifier: MIT
// Sums of a few arrays times a factor each: the transforms of Winograd's algorithm are made of them.
#pragma once

#include "autograd/kernels/axis.h"
#include "autograd/kernels/factor.h"

// What is stored: the sums themselves; factors; or factors of PAIR rows interleaved, [i][PAIR], zeros for a
// row that is not there. The latter two of whole vectors.
typedef enum combination_kind {
    COMBINE_SUMS,
    COMBINE_FACTORS = PAIR == 1 ? COMBINE_SUMS : 1,
    COMBINE_ROWS = PAIR == 1 ? COMBINE_SUMS : 2,
} combination_kind;

// The same sum for several rows: out[r][i] = sum over the terms of factor * from[r][at * step + i].
typedef struct combination {
    const real *from;
    int64_t step, from_row;
    int64_t rows, count;  // i < count
    void *out;
    int64_t out_row;  // elements: of real, of factor, or of PAIR factors
    combination_kind kind;
} combination;

enum { COMBINE_AT_ONCE = 6 };

INLINE vec combine_lanes(int n, bool add, const real *const *from, const vec *weight, const real *out,
                         int64_t i) {
    vec sum = add ? v_load(out + i) : (vec){0};
    for (int t = 0; t < n; t++) sum += weight[t] * v_load(from[t] + i);
    return sum;
}

INLINE void combine_sums(int n, bool add, const combination *c, const real **from, const vec *weight) {
    const int64_t count = c->count, whole = count / LANES * LANES, from_row = c->from_row,
                  out_row = c->out_row;
    real *out = c->out;
    for (int64_t r = c->rows; r > 0; r--, out += out_row) {
        for (int64_t i = 0; i < whole; i += LANES)
            v_store(out + i, combine_lanes(n, add, from, weight, out, i));
        if (whole < count) {
            vec sum = add ? v_load_part(out + whole, count - whole) : (vec){0};
            for (int t = 0; t < n; t++) sum += weight[t] * v_load_part(from[t] + whole, count - whole);
            v_store_part(out + whole, count - whole, sum);
        }
        for (int t = 0; t < n; t++) from[t] += from_row;
    }
}

INLINE void combine_factors(int n, const combination *c, const real **from, const vec *weight) {
    const int64_t count = c->count, from_row = c->from_row, out_row = c->out_row;
    factor *out = c->out;
    for (int64_t r = c->rows; r > 0; r--, out += out_row) {
        for (int64_t i = 0; i < count; i += LANES)
            f_store(out + i, combine_lanes(n, false, from, weight, NULL, i));
        for (int t = 0; t < n; t++) from[t] += from_row;
    }
}

INLINE void combine_rows(int n, const combination *c, const real **from, const vec *weight) {
    const int64_t count = c->count, from_row = c->from_row, out_row = c->out_row * PAIR;
    factor *out = c->out;
    for (int64_t r = c->rows; r > 0; r -= PAIR, out += out_row) {
        for (int64_t i = 0; i < count; i += LANES) {
            vec sum[PAIR] = {{0}};
            for (int q = 0; q < PAIR && q < r; q++)
                sum[q] = combine_lanes(n, false, from, weight, NULL, q * from_row + i);
            f_store_rows(out + i * PAIR, sum);
        }
        for (int t = 0; t < n; t++) from[t] += PAIR * from_row;
    }
}

// add: to what out holds already
INLINE void combine_few(int n, bool add, const combination *c, const ag_axis_term *terms) {
    const real *from[COMBINE_AT_ONCE];
    vec weight[COMBINE_AT_ONCE];
    for (int t = 0; t < n; t++)
        from[t] = c->from + terms[t].at * c->step, weight[t] = v_set((real)terms[t].factor);
    if (PAIR == 1 || c->kind == COMBINE_SUMS)
        combine_sums(n, add, c, from, weight);
    else if (c->kind == COMBINE_FACTORS)
        combine_factors(n, c, from, weight);
    else
        combine_rows(n, c, from, weight);
}

#define COMBINE_CASE(n)                      \
    case n:                                  \
        if (add)                             \
            combine_few(n, true, c, terms);  \
        else                                 \
            combine_few(n, false, c, terms); \
        break

static void combine_some(int n, bool add, const combination *c, const ag_axis_term *terms) {
    switch (n) {
        COMBINE_CASE(0);
        COMBINE_CASE(1);
        COMBINE_CASE(2);
        COMBINE_CASE(3);
        COMBINE_CASE(4);
        COMBINE_CASE(5);
        COMBINE_CASE(6);
    }
}

// n terms, to what out holds already (add) or from zero.
// Factors are not added to: of them COMBINE_AT_ONCE at most.
static inline void combine(const combination *c, int64_t n, const ag_axis_term *terms, bool add) {
    for (; n > COMBINE_AT_ONCE; n -= COMBINE_AT_ONCE, terms += COMBINE_AT_ONCE, add = true)
        combine_some(COMBINE_AT_ONCE, add, c, terms);
    combine_some((int)n, add, c, terms);
}

// The terms of a matrix row.
static inline void combine_row(const combination *c, const ag_axis_rows *matrix, int64_t row) {
    combine(c, matrix->start[row + 1] - matrix->start[row], matrix->term + matrix->start[row], false);
}

// The terms weight[0], weight[1], .. of which some are 0.
static inline void combine_dense(const combination *c, int n, const double *weight) {
    ag_axis_term terms[AG_AXIS_TAPS];
    int count = 0;
    for (int i = 0; i < n; i++)
        if (weight[i] != 0) terms[count++] = (ag_axis_term){i, weight[i]};
    combine(c, count, terms, false);
}
