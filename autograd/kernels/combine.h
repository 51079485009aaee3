// SPDX-License-Identifier: MIT
// Sums of a few arrays times a factor each: the transforms of Winograd's algorithm are made of them.
#pragma once

#include "autograd/kernels/axis.h"
#include "autograd/kernels/vector.h"

// The same sum for several rows: out[r][i] = sum over the terms of factor * from[r][at * step + i].
typedef struct combination {
    const real *from;
    int64_t step, from_row;
    int64_t rows, count;  // i < count
    real *out;
    int64_t out_row;
} combination;

enum { COMBINE_AT_ONCE = 6 };

INLINE vec combine_lanes(int n, bool add, const real *const *from, const vec *factor, const real *out,
                         int64_t i) {
    vec sum = add ? v_load(out + i) : (vec){0};
    for (int t = 0; t < n; t++) sum += factor[t] * v_load(from[t] + i);
    return sum;
}

// add: to what out holds already
INLINE void combine_few(int n, bool add, const combination *c, const ag_axis_term *terms) {
    const real *from[COMBINE_AT_ONCE];
    vec factor[COMBINE_AT_ONCE];
    for (int t = 0; t < n; t++)
        from[t] = c->from + terms[t].at * c->step, factor[t] = v_set((real)terms[t].factor);
    const int64_t count = c->count, whole = count / LANES * LANES, from_row = c->from_row,
                  out_row = c->out_row;
    real *out = c->out;
    for (int64_t r = c->rows; r > 0; r--, out += out_row) {
        for (int64_t i = 0; i < whole; i += LANES)
            v_store(out + i, combine_lanes(n, add, from, factor, out, i));
        if (whole < count) {
            vec sum = add ? v_load_part(out + whole, count - whole) : (vec){0};
            for (int t = 0; t < n; t++) sum += factor[t] * v_load_part(from[t] + whole, count - whole);
            v_store_part(out + whole, count - whole, sum);
        }
        for (int t = 0; t < n; t++) from[t] += from_row;
    }
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
static inline void combine(const combination *c, int64_t n, const ag_axis_term *terms, bool add) {
    for (; n > COMBINE_AT_ONCE; n -= COMBINE_AT_ONCE, terms += COMBINE_AT_ONCE, add = true)
        combine_some(COMBINE_AT_ONCE, add, c, terms);
    combine_some((int)n, add, c, terms);
}

// The terms of a matrix row.
static inline void combine_row(const combination *c, const ag_axis_rows *matrix, int64_t row) {
    combine(c, matrix->start[row + 1] - matrix->start[row], matrix->term + matrix->start[row], false);
}

// The terms factor[0], factor[stride], .. of which some are 0.
static inline void combine_dense(const combination *c, int n, const double *factor, int stride) {
    ag_axis_term terms[AG_AXIS_FILTERS];
    int count = 0;
    for (int i = 0; i < n; i++)
        if (factor[i * stride] != 0) terms[count++] = (ag_axis_term){i, factor[i * stride]};
    combine(c, count, terms, false);
}
