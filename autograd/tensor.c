// SPDX-License-Identifier: MIT
// Tensors: shape, element type, values.
#include "autograd/tensor.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/element.h"
#include "autograd/memory.h"

size_t ag_dtype_bytes(ag_dtype dtype) { return dtype == AG_F64 ? 8 : 4; }

const char *ag_dtype_name(ag_dtype dtype) { return dtype == AG_F64 ? "f64" : "f32"; }

int64_t ag_shape_bytes(ag_shape shape, ag_dtype dtype) {
    const int64_t size = ag_shape_size(shape);
    return size < 0 ? -1 : size * (int64_t)ag_dtype_bytes(dtype);  // at most 2^43
}

ag_tensor *ag_tensor_create(ag_dtype dtype, ag_shape shape) {
    ag_tensor *tensor = malloc(sizeof *tensor);
    if (!tensor) return NULL;
    *tensor = (ag_tensor){.dtype = dtype, .shape = shape};
    tensor->data = ag_memory_create(ag_shape_bytes(shape, dtype));
    if (tensor->data) return tensor;
    free(tensor);
    return NULL;
}

ag_tensor *ag_tensor_copy(const ag_tensor *tensor) {
    ag_tensor *copy = ag_tensor_create(tensor->dtype, tensor->shape);
    if (copy) memcpy(copy->data, tensor->data, (size_t)ag_shape_bytes(tensor->shape, tensor->dtype));
    return copy;
}

void ag_tensor_free(ag_tensor *tensor) {
    if (!tensor) return;
    free(tensor->data);
    free(tensor);
}

double ag_tensor_get(const ag_tensor *tensor, int64_t i) { return ag_load(tensor->data, i, tensor->dtype); }

void ag_tensor_set(ag_tensor *tensor, int64_t i, double value) {
    ag_store(tensor->data, i, tensor->dtype, value);
}
