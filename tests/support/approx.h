// SPDX-License-Identifier: MIT
// Comparing arrays with a tolerance, so that a failing test names the first bad entry, both values and the
// bound.
#pragma once

#include <stdint.h>

#include "autograd/tensor.h"

// An entry is bad when |actual - expected| > relative * max(|expected|, floor), when exactly one side is NaN,
// or when an infinity meets anything else. NULL when no entry is bad; otherwise a sentence about the first
// bad one, in a buffer that lives until this thread's next call.
const char *approx_difference(int64_t n, const double *actual, const double *expected, double relative,
                              double floor);

// The same for the values of a tensor; expected values are rounded to the tensor's element type first, so
// that an overflow of f32 is expected where it must happen.
const char *approx_tensor_difference(const ag_tensor *actual, const double *expected, double relative,
                                     double floor);

// Largest |x[i]|, NaN and infinities left out; 0 for none.
double approx_largest(int64_t n, const double *x);
