// SPDX-License-Identifier: MIT
// Test values, drawn by a generator of the tests' own so that the library's random numbers are no part of the
// proof.
#pragma once

#include <stdint.h>

#include "autograd/tensor.h"

typedef enum value_domain {
    VALUES_ANY,       // [-2, 2)
    VALUES_POSITIVE,  // [0.25, 2.25)
    VALUES_NONZERO,   // magnitude in [0.25, 2.25), either sign
} value_domain;

// Next number of a splitmix64 sequence (Steele, Lea and Flood 2014); uniform on [0, 1); integer in [0,
// bound).
uint64_t values_next(uint64_t *state);
double values_uniform(uint64_t *state);
int values_below(uint64_t *state, int bound);

void values_fill(value_domain domain, uint64_t seed, int64_t n, double *out);

// A new tensor of such values; of the same value everywhere; of the numbers given. The caller frees it.
ag_tensor *values_tensor(ag_dtype dtype, ag_shape shape, value_domain domain, uint64_t seed);
ag_tensor *values_constant(ag_dtype dtype, ag_shape shape, double value);
ag_tensor *values_from(ag_dtype dtype, ag_shape shape, const double *numbers);
