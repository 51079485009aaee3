// SPDX-License-Identifier: MIT
// Golden files: numbers of other frameworks (tests/golden/README.md). Whatever is missing fails the test.
#pragma once

#include "autograd/parameter.h"
#include "nn/format.h"

// Opens NAME.safetensors of the golden folder; closed with nn_format_free. Asserts by Criterion.
nn_format_content *golden_open(const char *name);

// The array's values as a new tensor of its own type and shape, for the caller to free.
ag_tensor *golden_tensor(const nn_format_content *file, const char *format, ...) AG_PRINTF(2, 3);

// One number of an array of shape [n].
double golden_number(const nn_format_content *file, int64_t i, const char *format, ...) AG_PRINTF(3, 4);

// Copies the array into the parameter; shapes must hold the same number of values.
void golden_read_parameter(const nn_format_content *file, ag_parameter *parameter, const char *format, ...)
    AG_PRINTF(3, 4);

// Fails unless |values[i] - array[i]| <= relative * max(largest
// |array|, floor) for all i; names array, index, both values.
void golden_check(const nn_format_content *file, ag_dtype dtype, const void *values, double relative,
                  double floor, const char *format, ...) AG_PRINTF(6, 7);
