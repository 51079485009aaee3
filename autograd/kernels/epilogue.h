// SPDX-License-Identifier: MIT
// What a convolution does to its results before it stores them (kernel.h, ag_conv_epilogue).
#pragma once

#include "autograd/kernels/normalized.h"

// The epilogue of a vector of channels
typedef struct epilogue {
    vec bias, mean, scale, shift;
    leak below;
} epilogue;

static inline bool epilogue_is_empty(const ag_conv_epilogue *e) {
    return !e->bias && !e->scale && e->slope == 1;
}

// LANES values from `first` on; behind the last, if `count` are left, copies of that one. Without a vector
// the value that changes nothing.
INLINE vec epilogue_constant(const void *vector, real neutral, int64_t first, int64_t count) {
    if (!vector) return v_set(neutral);
    const real *from = (const real *)vector + first;
    if (count >= LANES) return v_load(from);
    real lanes[LANES];
    for (int i = 0; i < LANES; i++) lanes[i] = from[i < count ? i : count - 1];
    return v_load(lanes);
}

INLINE epilogue epilogue_at(const ag_conv_epilogue *e, int64_t first, int64_t count) {
    return (epilogue){.bias = epilogue_constant(e->bias, -(real)0, first, count),
                      .mean = epilogue_constant(e->mean, 0, first, count),
                      .scale = epilogue_constant(e->scale, 1, first, count),
                      .shift = epilogue_constant(e->shift, -(real)0, first, count),
                      .below = v_leak(e->slope)};
}

INLINE vec v_finish(vec sum, epilogue e) {
    return v_leaky(v_normalized(sum + e.bias - e.mean, e.scale, e.shift), e.below);
}
