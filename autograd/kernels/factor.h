// SPDX-License-Identifier: MIT
// The numbers that a convolution multiplies. In most tables they are of the table's own type. In a table of
// bf16 products they are bfloat16, and a step adds the products of a pair of them to a float: by VDPBF16PS
// where the object is built for it, which takes and gives subnormal numbers as 0; otherwise by shifts and two
// multiply-adds.
#pragma once

#include "autograd/kernels/vector.h"

#if !KERNEL_BF16

enum { PAIR = 1 };  // factors of a step
typedef real factor;
typedef vec factors;  // those of a step, for each lane

INLINE factor f_of(real value) { return value; }
INLINE factors f_load(const factor *p) { return v_load(p); }
INLINE factors f_set(const factor *p) { return v_set(*p); }
INLINE vec f_multiply(vec sum, factors a, factors b) { return sum + a * b; }
INLINE void f_store(factor *p, vec v) { v_store(p, v); }
INLINE void f_store_rows(factor *p, const vec v[PAIR]) { v_store(p, v[0]); }

#else

#include "autograd/kernels/bf16.h"

enum { PAIR = 2 };
typedef uint16_t factor;
typedef uint32_t factors __attribute__((vector_size(KERNEL_VECTOR_BYTES)));
typedef uint32_t factors_anywhere __attribute__((vector_size(KERNEL_VECTOR_BYTES), aligned(2), may_alias));
typedef uint32_t factor_pair __attribute__((aligned(2), may_alias));
typedef uint16_t halves __attribute__((vector_size(KERNEL_VECTOR_BYTES / 2)));
typedef uint16_t halves_anywhere __attribute__((vector_size(KERNEL_VECTOR_BYTES / 2), aligned(2), may_alias));

INLINE factor f_of(real value) { return bf16_of(value); }
INLINE factors f_load(const factor *p) { return *(const factors_anywhere *)p; }
INLINE factors f_set(const factor *p) { return *(const factor_pair *)p - (factors){0}; }

#ifdef __AVX512BF16__
#include <immintrin.h>

INLINE vec f_multiply(vec sum, factors a, factors b) {
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
INLINE halves f_halves(vec v) { return (halves)_mm512_cvtneps_pbh((__m512)v); }
#else
INLINE vec f_multiply(vec sum, factors a, factors b) {
    const factors upper = 0xffff0000 - (factors){0};
    sum += (vec)(a << 16) * (vec)(b << 16);
    return sum + (vec)(a & upper) * (vec)(b & upper);
}
INLINE halves f_halves(vec v) {
    const factors bits = (factors)v, rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    const factors kept = bits >> 16 | 0x40, is_nan = (factors)(v != v);  // a NaN stays one
    return __builtin_convertvector((is_nan & kept) | (~is_nan & rounded), halves);
}
#endif

INLINE void f_store(factor *p, vec v) { *(halves_anywhere *)p = f_halves(v); }

// v[0]'s first, v[1]'s first, v[0]'s second, ..
INLINE void f_store_rows(factor *p, const vec v[PAIR]) {
    const factors low = __builtin_convertvector(f_halves(v[0]), factors);
    const factors high = __builtin_convertvector(f_halves(v[1]), factors);
    *(factors_anywhere *)p = low | high << 16;
}

#endif

// to[depth]: a row of n numbers as factors, zeros behind them.
INLINE void f_round(const real *from, int64_t n, factor *to, int64_t depth) {
    const int64_t whole = n / LANES * LANES;
    for (int64_t i = 0; i < whole; i += LANES) f_store(to + i, v_load(from + i));
    for (int64_t i = whole; i < depth; i++) to[i] = f_of(i < n ? from[i] : 0);
}
