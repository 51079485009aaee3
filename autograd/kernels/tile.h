// SPDX-License-Identifier: MIT
// The register tile of the convolution: ROWS x 2 vectors of sums, one broadcast element times two vectors a
// step. As many rows as 16 registers hold beside two vectors and the broadcast; of AVX-512's 32 not all are
// needed: 16 sums hide an addition's latency, and 8 divides most batches and channel counts. Where a vector
// is all that is left of the columns, the second one is not multiplied, and its sums stay zero.
#pragma once

#include <string.h>

#include "autograd/kernels/factor.h"

#if KERNEL_VECTOR_BYTES == 64
#define ROWS 8
#elif KERNEL_VECTOR_BYTES == 32
#define ROWS 6
#else
#define ROWS 4
#endif

enum { WIDTH = 2 * LANES };

// Calls f(1, ..), f(2, ..) .. f(ROWS, ..), so that f is compiled for a constant number of rows; TILE_SWITCH_2
// f(1, 1, ..), f(1, 2, ..) .. f(ROWS, 2, ..), for constant numbers of rows and vectors.
#define TILE_CASE(rows, f, ...) \
    case rows:                  \
        f(rows, __VA_ARGS__);   \
        break
#if ROWS > 4
#define TILE_CASES_5_6(f, ...)    \
    TILE_CASE(5, f, __VA_ARGS__); \
    TILE_CASE(6, f, __VA_ARGS__)
#else
#define TILE_CASES_5_6(f, ...)
#endif
#if ROWS > 6
#define TILE_CASES_7_8(f, ...)    \
    TILE_CASE(7, f, __VA_ARGS__); \
    TILE_CASE(8, f, __VA_ARGS__)
#else
#define TILE_CASES_7_8(f, ...)
#endif
#define TILE_SWITCH(rows, f, ...)       \
    switch (rows) {                     \
        TILE_CASE(1, f, __VA_ARGS__);   \
        TILE_CASE(2, f, __VA_ARGS__);   \
        TILE_CASE(3, f, __VA_ARGS__);   \
        TILE_CASE(4, f, __VA_ARGS__);   \
        TILE_CASES_5_6(f, __VA_ARGS__); \
        TILE_CASES_7_8(f, __VA_ARGS__); \
    }

#define TILE_SWITCH_2(rows, vectors, f, ...)     \
    do {                                         \
        if ((vectors) == 2)                      \
            TILE_SWITCH(rows, f, 2, __VA_ARGS__) \
        else                                     \
            TILE_SWITCH(rows, f, 1, __VA_ARGS__) \
    } while (0)

// Vectors of the tile that some columns, at most WIDTH, need.
INLINE int tile_vectors(int64_t columns) { return columns > LANES ? 2 : 1; }

// acc[r][..] += a[r * row] * b[..], of pairs the sum of both products: a[.., PAIR], b[WIDTH][PAIR]
INLINE void tile_step(int rows, int vectors, const factor *a, int64_t row, const factor *b,
                      vec acc[ROWS][2]) {
    const factors b0 = f_load(b), b1 = f_load(b + LANES * PAIR);
    for (int r = 0; r < rows; r++) {
        const factors s = f_set(a + r * row);
        acc[r][0] = f_multiply(acc[r][0], s, b0);
        if (vectors == 2) acc[r][1] = f_multiply(acc[r][1], s, b1);
    }
}

// acc[r][..] += sum over k < length of a[r * row + k] * b[k / PAIR][..][k % PAIR]; length in whole pairs
INLINE void tile_multiply(int rows, int vectors, int64_t length, const factor *a, int64_t row,
                          const factor *b, vec acc[ROWS][2]) {
    for (int64_t k = 0; k < length; k += PAIR, a += PAIR, b += WIDTH * PAIR)
        tile_step(rows, vectors, a, row, b, acc);
}

// Apart, so that the tile, of which a vector's address would be taken, stays in registers.
static __attribute__((noinline, unused)) void tile_store_part(real *out, int64_t columns, vec v) {
    v_store_part(out, columns, v);
}

// The first columns of a row of the tile, more than those of the vectors but the last.
INLINE void tile_store(int vectors, vec acc[2], real *out, int64_t columns) {
    if (vectors == 2) v_store(out, acc[0]);
    const int64_t first = (vectors - 1) * LANES;
    if (columns == vectors * LANES)
        v_store(out + first, acc[vectors - 1]);
    else
        tile_store_part(out + first, columns - first, acc[vectors - 1]);
}

INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Bytes of scratch in whole cache lines.
INLINE int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }
INLINE int64_t reals(int64_t n) { return aligned(n * (int64_t)sizeof(real)); }

// A range cut into `parts` whose sizes differ by at most one: no small rest that would leave the tile's
// additions waiting for each other.
typedef struct tile_part {
    int64_t first, count;
} tile_part;

INLINE int64_t tile_parts(int64_t n, int64_t most) { return (n + most - 1) / most; }

INLINE tile_part tile_cut(int64_t n, int64_t parts, int64_t i) {
    const int64_t size = n / parts, more = n % parts;  // the first `more` parts have one element more
    return (tile_part){i * size + (i < more ? i : more), size + (i < more)};
}
