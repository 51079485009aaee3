// SPDX-License-Identifier: MIT
// Loops of batch normalization over [rows, cols] arrays, a channel per column: blocks of rows in parallel,
// the partial sums of the blocks combined in index order.
#pragma once

#include "autograd/kernel.h"

// out[c] = sum over r of dy[r,c] (x[r,c] - mean[c]); of (x[r,c] - mean[c])^2 where dy is NULL.
typedef struct ag_columns {
    const ag_kernels *kernels;
    int64_t rows, cols;
    const void *dy, *x, *mean;
    void *scratch;  // ag_columns_scratch
    void *out;
} ag_columns;

// x [..,C] as such an array.
static inline int64_t ag_columns_in(ag_shape x) { return x.dim[x.rank - 1]; }
static inline int64_t ag_rows_in(ag_shape x) { return ag_shape_size(x) / ag_columns_in(x); }

int64_t ag_columns_scratch(int64_t rows, int64_t cols, ag_dtype dtype);
void ag_columns_sum(const ag_columns *columns);

// kernel.h's column_gradient of all rows; scratch: twice ag_columns_scratch.
void ag_columns_gradient(const ag_kernels *kernels, const ag_normalize_call *call, void *scratch);

// kernel.h's normalize, or normalize_gradient where dy is given. out may be x or dy, but none of the vectors.
void ag_columns_normalize(const ag_kernels *kernels, const ag_normalize_call *call);
