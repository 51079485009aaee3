// SPDX-License-Identifier: MIT
// What the loops of a normalization share (kernel.h, ag_normalize_call), so that its sign is the same in each.
#pragma once

#include "autograd/kernels/vector.h"

// z, from d = x - mean
INLINE vec v_normalized(vec d, vec scale, vec shift) { return d * scale + shift; }

// g; of a slope of 0 it is 0, of an infinite dy too.
INLINE vec v_activation_gradient(vec dy, vec z, double slope) {
    const vec below = slope == 0 ? (vec){0} : dy * v_set((real)slope);
    return v_select((mask)(z > (vec){0}), dy, below);
}
