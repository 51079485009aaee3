// SPDX-License-Identifier: MIT
// Vectors of the instruction set that this object is built for: GCC vector extensions, of a width that the
// build gives (a type wider than the registers is split into stack traffic, so it is refused here unless
// KERNEL_WIDE asks for it, as a test of the code for AVX-512's width does).
#pragma once

#include <string.h>

#include "autograd/kernels/slots.h"

#if KERNEL_WIDE
// any width
#elif KERNEL_VECTOR_BYTES == 64 && !defined(__AVX512F__)
#error "64-byte vectors need -mavx512f"
#elif KERNEL_VECTOR_BYTES == 32 && !defined(__AVX2__)
#error "32-byte vectors need -mavx2"
#endif

// Everything in these headers is static: a copy with external linkage, compiled for one instruction set,
// could be the one that the linker keeps for all. INLINE is for what must be compiled for constants.
#define INLINE static inline __attribute__((always_inline))

enum { LANES = KERNEL_VECTOR_BYTES / (int)sizeof(real) };

typedef real vec __attribute__((vector_size(KERNEL_VECTOR_BYTES)));
typedef real vec_anywhere __attribute__((vector_size(KERNEL_VECTOR_BYTES), aligned(sizeof(real)), may_alias));
#if KERNEL_BITS == 32
typedef int32_t mask __attribute__((vector_size(KERNEL_VECTOR_BYTES)));
#else
typedef int64_t mask __attribute__((vector_size(KERNEL_VECTOR_BYTES)));
#endif

INLINE vec v_load(const real *p) { return *(const vec_anywhere *)p; }
INLINE void v_store(real *p, vec v) { *(vec_anywhere *)p = v; }

// x in every lane. Minus zero, because -0 + 0 would lose the sign.
INLINE vec v_set(real x) { return x - (vec){0}; }

// The first n < LANES elements, zeros behind.
INLINE vec v_load_part(const real *p, int64_t n) {
    real lanes[LANES] = {0};
    memcpy(lanes, p, (size_t)n * sizeof *p);
    return v_load(lanes);
}

INLINE void v_store_part(real *p, int64_t n, vec v) { memcpy(p, &v, (size_t)n * sizeof *p); }

INLINE vec v_select(mask condition, vec yes, vec no) {
    return (vec)((condition & (mask)yes) | (~condition & (mask)no));
}

// The last n lanes of v, zeros before.
INLINE vec v_last(vec v, int64_t n) {
    mask lanes;
    for (int i = 0; i < LANES; i++) lanes[i] = i;
    return (vec)((mask)v & (lanes >= (mask){0} + (int)(LANES - n)));
}

#if KERNEL_VECTOR_BYTES * 8 == 16 * KERNEL_BITS
#define EVERY_OTHER(i) OF_16(i)
#elif KERNEL_VECTOR_BYTES * 8 == 8 * KERNEL_BITS
#define EVERY_OTHER(i) OF_8(i)
#elif KERNEL_VECTOR_BYTES * 8 == 4 * KERNEL_BITS
#define EVERY_OTHER(i) OF_4(i)
#else
#define EVERY_OTHER(i) OF_2(i)
#endif
#define OF_2(i) (i), (i) + 2
#define OF_4(i) OF_2(i), OF_2((i) + 4)
#define OF_8(i) OF_4(i), OF_4((i) + 8)
#define OF_16(i) OF_8(i), OF_8((i) + 16)

// Sums of neighbouring lanes: a's, then b's.
INLINE vec v_add_neighbours(vec a, vec b) {
    return __builtin_shufflevector(a, b, EVERY_OTHER(0)) + __builtin_shufflevector(a, b, EVERY_OTHER(1));
}

// In lane r the sum of the lanes of v[r], r < rows <= LANES.
INLINE vec v_sums(int rows, const vec *v) {
    vec level[LANES];
    for (int r = 0; r < rows; r++) level[r] = v[r];
    for (int size = 1; size < LANES; size *= 2, rows = (rows + 1) / 2)
        for (int r = 0; r < rows; r += 2)
            level[r / 2] = v_add_neighbours(level[r], level[r + 1 < rows ? r + 1 : r]);
    return level[0];
}
