// SPDX-License-Identifier: MIT
// Column sums around a mean, and the normalization that uses them.
#include "autograd/ops/columns.h"

#include "autograd/ops/array.h"
#include "autograd/threads.h"

static int64_t count_blocks(int64_t rows, int64_t cols) { return ag_ceil_div(rows, ag_block_rows(cols)); }

int64_t ag_columns_scratch(int64_t rows, int64_t cols, ag_dtype dtype) {
    return count_blocks(rows, cols) * cols * (int64_t)ag_dtype_bytes(dtype);
}

static void sum_block(void *context, int64_t block) {
    const ag_columns *c = context;
    const ag_dtype dtype = c->kernels->dtype;
    const int64_t first = block * ag_block_rows(c->cols);
    const int64_t rows = ag_min(ag_block_rows(c->cols), c->rows - first);
    const void *x = ag_const_at(c->x, first * c->cols, dtype);
    void *partial = ag_at(c->scratch, block * c->cols, dtype);
    if (c->dy)
        c->kernels->column_dot(rows, c->cols, ag_const_at(c->dy, first * c->cols, dtype), x, c->mean,
                               partial);
    else
        c->kernels->column_square(rows, c->cols, x, c->mean, partial);
}

void ag_columns_sum(const ag_columns *columns) {
    const int64_t n_blocks = count_blocks(columns->rows, columns->cols);
    ag_parallel_for(n_blocks, sum_block, (void *)columns);
    columns->kernels->column_sum(n_blocks, columns->cols, columns->scratch, columns->out);
}

static void normalize_block(void *context, int64_t block) {
    const ag_normalization *n = context;
    const ag_dtype dtype = n->kernels->dtype;
    const int64_t first = block * ag_block_rows(n->cols), at = first * n->cols;
    const int64_t rows = ag_min(ag_block_rows(n->cols), n->rows - first);
    const void *x = ag_const_at(n->x, at, dtype);
    void *out = ag_at(n->out, at, dtype);
    if (n->dy)
        n->kernels->normalize_gradient(rows, n->cols, ag_const_at(n->dy, at, dtype), x, n->mean, n->scale,
                                       n->shift, n->slope, out);
    else
        n->kernels->normalize(rows, n->cols, x, n->mean, n->scale, n->shift, n->activation, out);
}

void ag_columns_normalize(const ag_normalization *n) {
    ag_parallel_for(count_blocks(n->rows, n->cols), normalize_block, (void *)n);
}
