// SPDX-License-Identifier: MIT
// Tensors: shape, element type, values.
#include "autograd/tensor.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/memory.h"

size_t ag_dtype_bytes(ag_dtype dtype) { return dtype == AG_F64 ? 8 : 4; }

const char *ag_dtype_name(ag_dtype dtype) { return dtype == AG_F64 ? "f64" : "f32"; }

static size_t tensor_bytes(const ag_tensor *tensor) {
    return (size_t)ag_shape_size(tensor->shape) * ag_dtype_bytes(tensor->dtype);
}

ag_tensor *ag_tensor_create(ag_dtype dtype, ag_shape shape) {
    if (ag_shape_size(shape) < 0) return NULL;
    ag_tensor *tensor = malloc(sizeof *tensor);
    if (!tensor) return NULL;
    *tensor = (ag_tensor){.dtype = dtype, .shape = shape};
    tensor->data = ag_memory_create((int64_t)tensor_bytes(tensor));
    if (tensor->data) return tensor;
    free(tensor);
    return NULL;
}

ag_tensor *ag_tensor_copy(const ag_tensor *tensor) {
    ag_tensor *copy = ag_tensor_create(tensor->dtype, tensor->shape);
    if (copy) memcpy(copy->data, tensor->data, tensor_bytes(tensor));
    return copy;
}

void ag_tensor_free(ag_tensor *tensor) {
    if (!tensor) return;
    free(tensor->data);
    free(tensor);
}

double ag_tensor_get(const ag_tensor *tensor, int64_t i) {
    return tensor->dtype == AG_F64 ? ((const double *)tensor->data)[i]
                                   : (double)((const float *)tensor->data)[i];
}

void ag_tensor_set(ag_tensor *tensor, int64_t i, double value) {
    if (tensor->dtype == AG_F64)
        ((double *)tensor->data)[i] = value;
    else
        ((float *)tensor->data)[i] = (float)value;
}
