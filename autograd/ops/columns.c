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

// ---- normalization

typedef struct job {
    const ag_kernels *kernels;
    const ag_normalize_call *all;
    void *sum, *dot;  // of the blocks, a row each
} job;

static ag_normalize_call rows_of(const job *j, int64_t block) {
    ag_normalize_call call = *j->all;
    const ag_dtype dtype = j->kernels->dtype;
    const int64_t first = block * ag_block_rows(call.cols), at = first * call.cols;
    call.rows = ag_min(ag_block_rows(call.cols), call.rows - first);
    call.x = ag_const_at(call.x, at, dtype);
    if (call.dy) call.dy = ag_const_at(call.dy, at, dtype);
    return call;
}

static void gradient_block(void *context, int64_t block) {
    const job *j = context;
    ag_normalize_call call = rows_of(j, block);
    call.sum = ag_at(j->sum, block * call.cols, j->kernels->dtype);
    call.dot = ag_at(j->dot, block * call.cols, j->kernels->dtype);
    j->kernels->column_gradient(&call);
}

void ag_columns_gradient(const ag_kernels *kernels, const ag_normalize_call *call, void *scratch) {
    const int64_t n_blocks = count_blocks(call->rows, call->cols);
    job j = {kernels, call, scratch, ag_at(scratch, n_blocks * call->cols, kernels->dtype)};
    // From the last block, whose dy what made it has left in the cache, to the first, with which the next
    // pass begins: the two and a sum of dx behind them take 4.5 instead of 4.8 ms for 25088 x 128 values.
    ag_parallel_for_backwards(n_blocks, gradient_block, &j);
    kernels->column_sum(n_blocks, call->cols, j.sum, call->sum);
    kernels->column_sum(n_blocks, call->cols, j.dot, call->dot);
}

static void normalize_block(void *context, int64_t block) {
    const job *j = context;
    ag_normalize_call call = rows_of(j, block);
    call.out = ag_at(call.out, block * ag_block_rows(call.cols) * call.cols, j->kernels->dtype);
    if (call.dy)
        j->kernels->normalize_gradient(&call);
    else
        j->kernels->normalize(&call);
}

void ag_columns_normalize(const ag_kernels *kernels, const ag_normalize_call *call) {
    job j = {.kernels = kernels, .all = call};
    ag_parallel_for(count_blocks(call->rows, call->cols), normalize_block, &j);
}
