// SPDX-License-Identifier: MIT
// What a convolution does to its results before it stores them: v + bias, then leaky ReLU.
#pragma once

#include "autograd/kernels/vector.h"

// A slope of 0 gives 0, of minus infinity too.
INLINE vec v_leaky(vec v, double slope) {
    return v_select((mask)(v < (vec){0}), slope == 0 ? (vec){0} : v * v_set((real)slope), v);
}

static inline bool epilogue_is_empty(const ag_conv_call *call) { return !call->bias && call->slope == 1; }

// bias[first] .. bias[first + count - 1], and behind it up to `width`, or without a bias, minus zeros: they
// change nothing.
static inline void epilogue_bias(const ag_conv_call *call, int64_t first, int64_t count, int64_t width,
                                 real *out) {
    for (int64_t i = 0; i < width; i++)
        out[i] = call->bias && i < count ? ((const real *)call->bias)[first + i] : -(real)0;
}
