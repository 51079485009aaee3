// SPDX-License-Identifier: MIT
// Buffers, numbers and comparison for the kernel checks.
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/kernels/check.h"

enum { PLACES = 16, PLACE_BYTES = 8 << 20, MARGIN = 64, PATTERN = 0x5a };

_Noreturn void check_fail(const check *c, const char *format, ...) {
    va_list arguments;
    const char *numbers = c->table->bf16 ? "bf16" : c->table->dtype == AG_F32 ? "f32" : "f64";
    fprintf(stderr, "%s %s: ", c->table->isa, numbers);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(EXIT_FAILURE);
}

static const check *running_check;
static const char *running_text;

static void outside(int number) {
    (void)number;
    check_fail(running_check, "%s: memory outside the buffers was touched", running_text);
}

void check_running(const check *c, const char *text) {
    running_check = c, running_text = text;
    signal(SIGSEGV, outside);
}

// Places are mapped once, each with an untouchable page behind.
static char *place_end(const check *c, int i) {
    static char *first;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), pitch = PLACE_BYTES + page;
    if (!first) {
        void *p = mmap(NULL, PLACES * pitch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) check_fail(c, "no memory for the buffers");
        first = p;
        for (size_t k = 0; k < PLACES; k++)
            if (mprotect(first + k * pitch + PLACE_BYTES, page, PROT_NONE) != 0)
                check_fail(c, "the guard page of buffer %zu cannot be set", k);
    }
    return first + (size_t)i * pitch + PLACE_BYTES;
}

static bool taken[PLACES];

static int64_t element_bytes(ag_dtype dtype) { return dtype == AG_F32 ? 4 : 8; }

static buffer buffer_at_end(const check *c, int64_t n, int64_t gap, int64_t tail) {
    int place = 0;
    while (place < PLACES && taken[place]) place++;
    const int64_t bytes = n * element_bytes(c->table->dtype);
    if (place == PLACES || bytes + tail + MARGIN > PLACE_BYTES)
        check_fail(c, "the check needs more or larger buffers than it has");
    taken[place] = true;
    char *end = place_end(c, place);
    memset(end - tail - bytes - MARGIN, PATTERN, (size_t)(bytes + tail + MARGIN));
    buffer b = {c->table->dtype, n, gap, end - tail - bytes, place};
    for (int64_t i = 0; i < n; i++) check_set(&b, i, NAN);
    return b;
}

buffer check_buffer(const check *c, int64_t n, int64_t gap) {
    return buffer_at_end(c, n, gap, gap * element_bytes(c->table->dtype));
}

buffer check_bytes(const check *c, int64_t bytes) {
    const int64_t size = element_bytes(c->table->dtype), whole = (bytes + 63) / 64 * 64;
    return buffer_at_end(c, (bytes + size - 1) / size, (whole - bytes) / size, whole - bytes);
}

void check_release(const check *c, buffer *b, const char *what) {
    const int64_t size = element_bytes(b->dtype), bytes = b->n * size;
    const char *data = b->data;
    for (int64_t i = 1; i <= MARGIN; i++)
        if (data[-i] != PATTERN) check_fail(c, "%s: byte %d before the buffer was written", what, (int)i);
    for (int64_t i = 0; i < b->gap * size; i++)
        if (data[bytes + i] != PATTERN)
            check_fail(c, "%s: byte %d behind the buffer was written", what, (int)i);
    taken[b->place] = false;
}

double check_get(const buffer *b, int64_t i) {
    return b->dtype == AG_F32 ? (double)((const float *)b->data)[i] : ((const double *)b->data)[i];
}

void check_set(buffer *b, int64_t i, double value) {
    if (b->dtype == AG_F32)
        ((float *)b->data)[i] = (float)value;
    else
        ((double *)b->data)[i] = value;
}

void check_copy(buffer *to, const buffer *from) {
    memcpy(to->data, from->data, (size_t)(from->n * element_bytes(from->dtype)));
}

bool check_same_bits(const buffer *a, const buffer *b) {
    const int64_t size = element_bytes(a->dtype);
    for (int64_t i = 0; i < a->n; i++) {
        if (isnan(check_get(a, i)) && isnan(check_get(b, i))) continue;
        if (memcmp((char *)a->data + i * size, (char *)b->data + i * size, (size_t)size) != 0) return false;
    }
    return true;
}

// SplitMix64 (Steele, Lea and Flood 2014)
static uint64_t random_state;

void check_seed(uint64_t seed) { random_state = seed; }

static uint64_t random_bits(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double check_uniform(void) { return (double)(random_bits() >> 11) / 0x1p52 - 1; }
int64_t check_index(int64_t n) { return (int64_t)(random_bits() % (uint64_t)n); }
double check_wide(void) { return ldexp(check_uniform(), (int)check_index(14) - 7); }

double check_special(ag_dtype dtype) {
    const double tiny = dtype == AG_F32 ? FLT_TRUE_MIN : DBL_TRUE_MIN;
    const double most = dtype == AG_F32 ? FLT_MAX : DBL_MAX;
    const double values[] = {0,
                             -0.0,
                             INFINITY,
                             -INFINITY,
                             NAN,
                             tiny,
                             -tiny,
                             1000 * tiny,
                             most,
                             -most,
                             1,
                             -1,
                             check_smallest(dtype),
                             -check_smallest(dtype),
                             87,
                             -87,
                             100,
                             -100,
                             700,
                             -740};
    return values[check_index((int64_t)(sizeof values / sizeof *values))];
}

void check_fill(buffer *b) {
    for (int64_t i = 0; i < b->n; i++) check_set(b, i, check_uniform());
}

double check_epsilon(ag_dtype dtype) { return dtype == AG_F32 ? FLT_EPSILON : DBL_EPSILON; }
double check_smallest(ag_dtype dtype) { return dtype == AG_F32 ? FLT_MIN : DBL_MIN; }

bool check_near(double got, double want, double bound) {
    if (isnan(want)) return isnan(got);
    return got == want || fabs(got - want) <= bound;
}
