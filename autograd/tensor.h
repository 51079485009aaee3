// SPDX-License-Identifier: MIT
// A tensor: a shape, an element type and its own values, row-major without strides. Values that flow through
// a graph are nodes (tape.h); tensors carry values in and out of it.
#pragma once

#include <stddef.h>

#include "autograd/shape.h"

typedef enum ag_dtype { AG_F32, AG_F64 } ag_dtype;

// 4 or 8.
AG_API size_t ag_dtype_bytes(ag_dtype dtype);
AG_API const char *ag_dtype_name(ag_dtype dtype);

// Bytes of an array of this shape; -1 when the shape is not a valid one (ag_shape_size).
AG_API int64_t ag_shape_bytes(ag_shape shape, ag_dtype dtype);

typedef struct ag_tensor {
    ag_dtype dtype;
    ag_shape shape;
    void *data;  // 64-byte aligned, owned
} ag_tensor;

// All zeros. NULL when memory runs out or the shape is not a valid one. The caller frees it.
AG_API ag_tensor *ag_tensor_create(ag_dtype dtype, ag_shape shape);
// Another tensor of the same values. NULL when memory runs out. The caller frees it.
AG_API ag_tensor *ag_tensor_copy(const ag_tensor *tensor);
AG_API void ag_tensor_free(ag_tensor *tensor);  // NULL is fine

// Element i, in row-major order from 0, as double; element i := value, rounded to the element type. i is not
// checked.
AG_API double ag_tensor_get(const ag_tensor *tensor, int64_t i);
AG_API void ag_tensor_set(ag_tensor *tensor, int64_t i, double value);
