// SPDX-License-Identifier: MIT
// Aligned memory.
#include "autograd/memory.h"

#include <stdlib.h>
#include <string.h>

int64_t ag_memory_round(int64_t bytes) {
    int64_t padded;
    if (bytes < 0 || __builtin_add_overflow(bytes, AG_ALIGNMENT - 1, &padded)) return -1;
    return padded / AG_ALIGNMENT * AG_ALIGNMENT;
}

void *ag_memory_create(int64_t bytes) {
    const int64_t rounded = ag_memory_round(bytes);
    if (rounded < 0) return NULL;
    const size_t size = rounded ? (size_t)rounded : AG_ALIGNMENT;
    void *memory = aligned_alloc(AG_ALIGNMENT, size);
    if (memory) memset(memory, 0, size);
    return memory;
}
