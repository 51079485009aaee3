// SPDX-License-Identifier: MIT
// What the kernel checks share: buffers that notice a touch outside, numbers, comparison, the report.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autograd/kernel.h"

// The table under test, and the scalar one of its element type. The first failure ends the program.
typedef struct check {
    const ag_kernels *table, *scalar;
    const char *slot;  // the slot of the command line, or NULL for all
    int every;         // one convolution of so many is checked
    bool report;       // the accuracy that is found is printed
} check;

// Prints the table, the type and the sentence; exits with 1.
_Noreturn void check_fail(const check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

// What runs now, for the report of a touch outside all buffers. `text` lives on.
void check_running(const check *c, const char *text);

// n elements that end `gap` elements before a page that cannot be touched; the gap and the bytes before
// the first element hold a pattern that check_release tests. Filled with NaN.
typedef struct buffer {
    ag_dtype dtype;
    int64_t n, gap;
    void *data;
    int place;
} buffer;

buffer check_buffer(const check *c, int64_t n, int64_t gap);
buffer check_bytes(const check *c, int64_t bytes);  // 64-byte aligned
void check_release(const check *c, buffer *b, const char *what);

double check_get(const buffer *b, int64_t i);
void check_set(buffer *b, int64_t i, double value);
void check_copy(buffer *to, const buffer *from);
// A NaN's sign and payload do not count: they depend on the order in which a compiler names the operands.
bool check_same_bits(const buffer *a, const buffer *b);

// The same numbers in every run: uniform in [-1, 1); in [0, n); of many magnitudes; now and then one of the
// special ones (zeros, infinities, NaN, subnormal, largest).
double check_uniform(void);
int64_t check_index(int64_t n);
double check_wide(void);
double check_special(ag_dtype dtype);
void check_fill(buffer *b);
void check_seed(uint64_t seed);  // what is drawn from here on no longer depends on what was drawn before

double check_epsilon(ag_dtype dtype);   // distance from 1 to the next number
double check_smallest(ag_dtype dtype);  // normal

// Both NaN, equal, or at most `bound` apart.
bool check_near(double got, double want, double bound);

// One per family of slots.
void check_pointwise(const check *c);
void check_columns(const check *c);
void check_normalize(const check *c);
void check_matmul(const check *c);
void check_adam(const check *c);
void check_axis(const check *c);
void check_convolution(const check *c);
void check_accuracy(const check *c);
