// SPDX-License-Identifier: MIT
// The vocabulary of pointwise.def in vectors. exp, log, log1p and tanh are SLEEF's 1.0 ULP functions by the
// names of one instruction set (the plain names would dispatch on every call, and have no 512-bit form). Off
// x86-64, and in vectors wider than the registers, they are libm's, lane by lane.
#pragma once

#include "autograd/kernels/vector.h"

#if defined(__x86_64__) && !KERNEL_WIDE

#include "autograd/kernels/elementary.h"

#define MATH_JOIN(name, type, isa) Sleef_##name##type##_u10##isa
#define MATH_EXPAND(name, type, isa) MATH_JOIN(name, type, isa)
#define MATH(name) MATH_EXPAND(name, MATH_TYPE, MATH_ISA)

#if KERNEL_VECTOR_BYTES == 64
#define MATH_ISA avx512f
#define MATH_SQRT(type) _mm512_sqrt_##type
#elif KERNEL_VECTOR_BYTES == 32
#define MATH_ISA avx2
#define MATH_SQRT(type) _mm256_sqrt_##type
#else
#define MATH_ISA sse2
#define MATH_SQRT(type) _mm_sqrt_##type
#endif

#if KERNEL_BITS == 32 && KERNEL_VECTOR_BYTES == 64
#define MATH_TYPE f16
#elif KERNEL_BITS == 32 && KERNEL_VECTOR_BYTES == 32
#define MATH_TYPE f8
#elif KERNEL_BITS == 32
#define MATH_TYPE f4
#elif KERNEL_VECTOR_BYTES == 64
#define MATH_TYPE d8
#elif KERNEL_VECTOR_BYTES == 32
#define MATH_TYPE d4
#else
#define MATH_TYPE d2
#endif

INLINE vec v_sqrt(vec a) {
#if KERNEL_BITS == 32
    return MATH_SQRT(ps)(a);
#else
    return MATH_SQRT(pd)(a);
#endif
}

#else

#include <tgmath.h>

#define LANE_BY_LANE(function)                                 \
    INLINE vec v_##function(vec a) {                           \
        for (int i = 0; i < LANES; i++) a[i] = function(a[i]); \
        return a;                                              \
    }
LANE_BY_LANE(sqrt)
LANE_BY_LANE(exp)
LANE_BY_LANE(log)
LANE_BY_LANE(log1p)
LANE_BY_LANE(tanh)
#define MATH(name) v_##name

#endif

INLINE vec v_abs(vec a) { return (vec)((mask)a & ~(mask)v_set((real)-0.0)); }

// A NaN among the operands is the result; of equal operands (0 and -0 too) the second is.
INLINE vec v_min(vec a, vec b) { return v_select((mask)(a < b) | (mask)(a != a), a, b); }
INLINE vec v_max(vec a, vec b) { return v_select((mask)(a > b) | (mask)(a != a), a, b); }

// 1 / (1 + exp(-a)), by a power that never overflows, so that tiny results keep their digits: at most 2.5 ULP
// (1 of the power, 1/2 each of its sum and of the quotient, 1/2 where the power enters twice).
INLINE vec v_sigmoid(vec a) {
    const vec power = MATH(exp)(-v_abs(a)), one = v_set(1);
    return v_select((mask)(a < v_set(0)), power, one) / (one + power);
}

#define V_SET(number) v_set((real)(number))
#define V_SELECT(condition, yes, no) v_select((mask)(condition), yes, no)
#define V_SQRT(a) v_sqrt(a)
#define V_EXP(a) MATH(exp)(a)
#define V_LOG(a) MATH(log)(a)
#define V_LOG1P(a) MATH(log1p)(a)
#define V_TANH(a) MATH(tanh)(a)
#define V_SIGMOID(a) v_sigmoid(a)
#define V_ABS(a) v_abs(a)
#define V_MIN(a, b) v_min(a, b)
#define V_MAX(a, b) v_max(a, b)
