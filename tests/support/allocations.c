// SPDX-License-Identifier: MIT
// The watch on allocations.
#define _GNU_SOURCE
#include "tests/support/allocations.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int watching, allocations;
static const char *break_at_start;
static long break_growth;

static void note(void) {
    if (__atomic_load_n(&watching, __ATOMIC_RELAXED)) __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
}

// The C library's own entry points; looking them up by dlsym would allocate.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    note();
    return __libc_calloc(n, size);
}

void *realloc(void *block, size_t size) {
    note();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **out, size_t alignment, size_t size) {
    *out = memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "mmap");
    note();
    return real(address, length, protection, flags, file, offset);
}

int allocations_are_seen(void) {
    watching = 1;
    void *volatile block = malloc(10);
    block = realloc(block, 20);
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    watching = 0;
    free(block);
    munmap(page, 4096);
    const int seen = allocations == 3;
    allocations = 0;
    return seen;
}

void allocations_start(void) {
    break_at_start = sbrk(0);
    watching = 1;
}

void allocations_pause(void) {
    if (watching) break_growth += (long)((const char *)sbrk(0) - break_at_start);
    watching = 0;
}

int allocations_count(void) { return allocations; }
long allocations_break_growth(void) { return break_growth; }
