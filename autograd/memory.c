// SPDX-License-Identifier: MIT
// Aligned memory.
#define _DEFAULT_SOURCE  // madvise
#include "autograd/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096  // bytes, as on x86-64; where pages are larger the wish may be refused
#define HUGE_PAGE (2 << 20)

int64_t ag_memory_round(int64_t bytes) {
    int64_t padded;
    if (bytes < 0 || __builtin_add_overflow(bytes, AG_ALIGNMENT - 1, &padded)) return -1;
    return padded / AG_ALIGNMENT * AG_ALIGNMENT;
}

void ag_memory_prefer_huge(void *memory, int64_t bytes) {
#ifdef MADV_HUGEPAGE
    const uintptr_t start = (uintptr_t)memory, first = (start + PAGE - 1) / PAGE * PAGE;
    if (bytes >= HUGE_PAGE) madvise((void *)first, (size_t)bytes - (first - start), MADV_HUGEPAGE);
#else
    (void)memory, (void)bytes;
#endif
}

void *ag_memory_reserve(int64_t bytes) {
    const int64_t rounded = ag_memory_round(bytes);
    if (rounded < 0) return NULL;
    const size_t size = rounded ? (size_t)rounded : AG_ALIGNMENT;
    void *memory;
    if (posix_memalign(&memory, size < HUGE_PAGE ? AG_ALIGNMENT : HUGE_PAGE, size) != 0) return NULL;
    ag_memory_prefer_huge(memory, rounded);
    return memory;
}

void *ag_memory_create(int64_t bytes) {
    void *memory = ag_memory_reserve(bytes);
    if (memory && bytes > 0) memset(memory, 0, (size_t)ag_memory_round(bytes));
    return memory;
}
