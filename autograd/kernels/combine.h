// SPDX-License-Identifier: MIT
// Sums of a few arrays times a factor each: the transforms of Winograd's algorithm are made of them.
#pragma once

#include "autograd/kernels/vector.h"

enum { COMBINE_AT_ONCE = 6 };

// Terms of a sum over arrays, gathered one by one.
typedef struct combination {
    int n;
    const real *from[COMBINE_AT_ONCE];
    real factor[COMBINE_AT_ONCE];
} combination;

INLINE void combine_terms(int n, const combination *c, int64_t count, real *out) {
    // Copies, which no store to out can change.
    const real *from[COMBINE_AT_ONCE];
    vec factor[COMBINE_AT_ONCE];
    for (int t = 0; t < n; t++) from[t] = c->from[t], factor[t] = v_set(c->factor[t]);
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vec sum = {0};
        for (int t = 0; t < n; t++) sum += factor[t] * v_load(from[t] + i);
        v_store(out + i, sum);
    }
    if (i == count) return;
    vec sum = {0};
    for (int t = 0; t < n; t++) sum += factor[t] * v_load_part(from[t] + i, count - i);
    v_store_part(out + i, count - i, sum);
}

// out[i] = sum over the terms, i < count; out may be one of the arrays.
static inline void combine_store(const combination *c, int64_t count, real *out) {
    switch (c->n) {
        case 0:
            combine_terms(0, c, count, out);
            break;
        case 1:
            combine_terms(1, c, count, out);
            break;
        case 2:
            combine_terms(2, c, count, out);
            break;
        case 3:
            combine_terms(3, c, count, out);
            break;
        case 4:
            combine_terms(4, c, count, out);
            break;
        case 5:
            combine_terms(5, c, count, out);
            break;
        case 6:
            combine_terms(6, c, count, out);
            break;
    }
}

// One term more; a full combination is summed into out first and goes on from there.
INLINE void combine_add(combination *c, const real *from, real factor, int64_t count, real *out) {
    if (c->n == COMBINE_AT_ONCE) {
        combine_store(c, count, out);
        *c = (combination){.n = 1, .from = {out}, .factor = {1}};
    }
    c->from[c->n] = from, c->factor[c->n++] = factor;
}
