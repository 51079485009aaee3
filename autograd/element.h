// SPDX-License-Identifier: MIT
// Elements of flat arrays of either type (private).
#pragma once

#include "autograd/tensor.h"

// Address of element i.
static inline void *ag_at(void *array, int64_t i, ag_dtype dtype) {
    return (char *)array + i * (int64_t)ag_dtype_bytes(dtype);
}
static inline const void *ag_const_at(const void *array, int64_t i, ag_dtype dtype) {
    return (const char *)array + i * (int64_t)ag_dtype_bytes(dtype);
}

// Element i as double; element i := value, rounded to the type.
static inline double ag_load(const void *array, int64_t i, ag_dtype dtype) {
    return dtype == AG_F32 ? (double)((const float *)array)[i] : ((const double *)array)[i];
}
static inline void ag_store(void *array, int64_t i, ag_dtype dtype, double value) {
    if (dtype == AG_F32)
        ((float *)array)[i] = (float)value;
    else
        ((double *)array)[i] = value;
}
