// SPDX-License-Identifier: MIT
// Loops over an index space with operands that step through memory each in its own way: broadcasting,
// transposing, cutting and pasting are copies that differ in strides only.
#pragma once

#include "autograd/op.h"

#define AG_STRIDED_OPERANDS 4

typedef struct ag_strides {
    int64_t axis[AG_MAX_RANK];  // in elements
} ag_strides;

typedef struct ag_strided {
    int rank;
    int64_t dim[AG_MAX_RANK];
    int n_operands;
    ag_strides operand[AG_STRIDED_OPERANDS];
} ag_strided;

// A piece of the innermost axis.
typedef struct ag_run {
    int64_t n;
    int64_t offset[AG_STRIDED_OPERANDS];  // of the first element, in elements
    int64_t step[AG_STRIDED_OPERANDS];
} ag_run;

// Row-major strides; those of `shape` seen as an array of shape `to` by NumPy's rule, 0 along broadcast axes.
ag_strides ag_strides_of(ag_shape shape);
ag_strides ag_strides_broadcast(ag_shape shape, ag_shape to);

// The loop over a shape's indices, without operands yet; adds one.
ag_strided ag_strided_over(ag_shape shape);
void ag_strided_add(ag_strided *loop, ag_strides strides);

// Calls body for pieces that make up the whole space, in parallel. Axes that all operands cross evenly count
// as one.
void ag_strided_run(const ag_strided *loop, void (*body)(void *context, const ag_run *run), void *context);

// dst = src, operands 0 and 1 of the loop.
void ag_strided_copy(const ag_strided *loop, ag_dtype dtype, void *dst, const void *src);

// For the ops that only move values.
double ag_no_flops(const ag_node *node);
