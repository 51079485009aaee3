// SPDX-License-Identifier: MIT
// How ops cut flat arrays into tasks: by fixed sizes, so that neither results nor the order of sums know the
// number of threads.
#pragma once

#include "autograd/element.h"

#define AG_CHUNK 16384  // elements of a task: a share of the second-level cache, microseconds of work
#define AG_CHUNK_ROWS \
    16  // at least so many rows in a block: partial sums are a sixteenth of the array at most

static inline int64_t ag_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t ag_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t ag_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static inline int64_t ag_chunk_count(int64_t n) { return ag_ceil_div(n, AG_CHUNK); }
static inline int64_t ag_chunk_length(int64_t n, int64_t i) { return ag_min(AG_CHUNK, n - i * AG_CHUNK); }

// Rows of a block of a [rows, cols] array.
static inline int64_t ag_block_rows(int64_t cols) { return ag_max(AG_CHUNK_ROWS, AG_CHUNK / cols); }
