// SPDX-License-Identifier: MIT
// Sums over the rows of a [rows, cols] array, one for each column: blocks of rows in parallel, their partial
// sums combined in index order.
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

int64_t ag_columns_scratch(int64_t rows, int64_t cols, ag_dtype dtype);
void ag_columns_sum(const ag_columns *columns);
