// SPDX-License-Identifier: MIT
// Shapes: the dimensions of a tensor, outermost first, rank 0 (a scalar) to 6. Images are [N,H,W,C].
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autograd/export.h"

#define AG_MAX_RANK 6
#define AG_MAX_SIZE (INT64_C(1) << 40)  // elements
#define AG_SHAPE_TEXT 160               // bytes that ag_shape_format may write

typedef struct ag_shape {
    int rank;
    int64_t dim[AG_MAX_RANK];  // dim[rank..] are zero
} ag_shape;

// AG_SHAPE(128, 28, 28, 1); AG_SHAPE() is the scalar.
#define AG_SHAPE(...)                                                               \
    ag_shape_of((int)(sizeof((int64_t[]){0, ##__VA_ARGS__}) / sizeof(int64_t)) - 1, \
                (int64_t[]){0, ##__VA_ARGS__} + 1)

// The shape of `rank` dimensions; more than AG_MAX_RANK are cut off and leave rank -1, which every op
// refuses.
AG_API ag_shape ag_shape_of(int rank, const int64_t *dims);

// Product of the dimensions; 1 for a scalar; -1 when a dimension is not positive or the product
// exceeds AG_MAX_SIZE.
AG_API int64_t ag_shape_size(ag_shape shape);
AG_API bool ag_shape_equal(ag_shape a, ag_shape b);

// NumPy's rule: aligned at the last axis, dimensions are equal or one of them is 1. False when they do not
// fit.
AG_API bool ag_shape_broadcast(ag_shape a, ag_shape b, ag_shape *out);

// "[128,14,14,64]" into text (AG_SHAPE_TEXT bytes); returns text.
AG_API char *ag_shape_format(ag_shape shape, char *text);
