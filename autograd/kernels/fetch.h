// SPDX-License-Identifier: MIT
// Fetching memory into the caches while products are computed, which leave the memory alone.
#pragma once

#include <stdint.h>

#include "autograd/kernels/vector.h"

// Two ranges, one after the other, a few cache lines at a time.
typedef struct fetching {
    uintptr_t at, end, then, then_end;  // addresses: the last lines may lie behind the end
    int64_t step, bytes;                // from line to line; at a time, in whole steps
} fetching;

INLINE void fetch_some(fetching *f) {
    if (f->at >= f->end) return;
    for (int64_t k = 0; k < f->bytes; k += f->step) __builtin_prefetch((const void *)(f->at + (uintptr_t)k));
    f->at += (uintptr_t)f->bytes;
    if (f->at >= f->end) f->at = f->then, f->end = f->then_end, f->then_end = 0;
}
