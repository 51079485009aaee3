// SPDX-License-Identifier: MIT
// A small matrix times a wide one. Some columns of the wide one are copied into panels first, so that a tile
// reads them in a row; the small one stays in the second-level cache. Of bf16 products both are rounded on
// the way, the small one some rows at a time.
#include "autograd/kernels/epilogue.h"
#include "autograd/kernels/tile.h"

// Of a row of b and of c, taken at once: less would be less than what the memory hands over at a time (256
// bytes: 1.42 instead of 1.34 ms for [128,100] by [100,12544] in AVX-512).
enum { GROUP_BYTES = 512, GROUP = GROUP_BYTES / (int)sizeof(real) };

// Of a, rounded at once: a batch as a rule. More rows than that round b again.
enum { ROUNDS = PAIR > 1, ROUNDED_ROWS = 128 };

// Rows of a as the tile reads them, a step taking PAIR columns.
typedef struct strip {
    int64_t rows;
    const factor *a;
    int64_t row, step;  // from one row, or step, to the next
} strip_of_a;

static int64_t steps(const ag_matmul_call *call) { return tile_parts(call->k, PAIR); }

// The first PAIR of `rows` rows, `count` columns of them: to[count][PAIR], zeros behind the last row.
INLINE void pair_rows(const real *from, int64_t row, int64_t rows, int64_t count, factor *to) {
    const int64_t whole = count / LANES * LANES;
    for (int64_t o = 0; o < whole; o += LANES) {
        vec v[PAIR] = {{0}};
        for (int i = 0; i < PAIR && i < rows; i++) v[i] = v_load(from + i * row + o);
        f_store_rows(to + o * PAIR, v);
    }
    for (int64_t o = whole; o < count; o++)
        for (int i = 0; i < PAIR; i++) to[o * PAIR + i] = f_of(i < rows ? from[i * row + o] : 0);
}

// panels[columns / WIDTH][step][WIDTH][PAIR], zeros behind the last column
static void pack(const ag_matmul_call *call, const real *b, int64_t columns, factor *panels) {
    const int64_t whole = columns / WIDTH, rest = columns % WIDTH, size = steps(call) * WIDTH * PAIR;
    for (int64_t l = 0; l < call->k; l += PAIR, b += PAIR * call->b_row, panels += WIDTH * PAIR) {
        for (int64_t p = 0; p < whole; p++)
            pair_rows(b + p * WIDTH, call->b_row, call->k - l, WIDTH, panels + p * size);
        if (rest == 0) continue;
        factor *last = panels + whole * size;
        pair_rows(b + whole * WIDTH, call->b_row, call->k - l, rest, last);
        memset(last + rest * PAIR, 0, (size_t)((WIDTH - rest) * PAIR) * sizeof *last);
    }
}

// copy[rows][step][PAIR], or [step][rows][PAIR] where a lies by columns
static strip_of_a round_strip(const ag_matmul_call *call, tile_part rows, factor *copy) {
    const real *a = (const real *)call->a + rows.first * call->a_row;
    if (call->a_column != 1) {
        for (int64_t l = 0; l < call->k; l += PAIR)
            pair_rows(a + l * call->a_column, call->a_column, call->k - l, rows.count, copy + l * rows.count);
        return (strip_of_a){rows.count, copy, PAIR, rows.count * PAIR};
    }
    const int64_t depth = steps(call) * PAIR;
    for (int64_t r = 0; r < rows.count; r++) f_round(a + r * call->a_row, call->k, copy + r * depth, depth);
    return (strip_of_a){rows.count, copy, depth, PAIR};
}

// bias, c: of the tile's first column
INLINE void product_tile(int rows, int vectors, const ag_matmul_call *call, const strip_of_a *strip,
                         int64_t first, const factor *panel, int64_t columns, const real *bias, real *c) {
    const int64_t row = strip->row, step = strip->step, length = steps(call);
    const factor *a = strip->a + first * row;
    vec acc[ROWS][2] = {{{0}}};
    for (int64_t l = 0; l < length; l++, a += step, panel += WIDTH * PAIR)
        tile_step(rows, vectors, a, row, panel, acc);
    for (int v = 0; v < vectors; v++) {
        const vec added = epilogue_constant(bias, -(real)0, v * LANES, columns - v * LANES);
        for (int r = 0; r < rows; r++) acc[r][v] += added;
    }
    for (int r = 0; r < rows; r++) tile_store(vectors, acc[r], c + r * call->c_row, columns);
}

static void multiply_panels(const ag_matmul_call *call, const strip_of_a *strip, const factor *panels,
                            int64_t columns, const real *bias, real *c) {
    const int64_t parts = tile_parts(strip->rows, ROWS);
    for (int64_t i = 0; i < parts; i++) {
        const tile_part rows = tile_cut(strip->rows, parts, i);
        const factor *panel = panels;
        real *out = c + rows.first * call->c_row;
        for (int64_t first = 0; first < columns; first += WIDTH, panel += steps(call) * WIDTH * PAIR) {
            const int64_t count = columns - first < WIDTH ? columns - first : WIDTH;
            TILE_SWITCH_2(rows.count, tile_vectors(count), product_tile, call, strip, rows.first, panel,
                          count, bias ? bias + first : NULL, out + first);
        }
    }
}

static void multiply_strip(const ag_matmul_call *call, const strip_of_a *strip, real *c) {
    _Alignas(KERNEL_VECTOR_BYTES) factor panels[AG_MATMUL_DEPTH * GROUP];
    for (int64_t first = 0; first < call->n; first += GROUP) {
        const int64_t columns = call->n - first < GROUP ? call->n - first : GROUP;
        const real *bias = call->bias;
        pack(call, (const real *)call->b + first, columns, panels);
        multiply_panels(call, strip, panels, columns, bias ? bias + first : NULL, c + first);
    }
}

void KERNEL(matmul)(const ag_matmul_call *call) {
    _Alignas(KERNEL_VECTOR_BYTES) factor copy[ROUNDS ? AG_MATMUL_DEPTH * ROUNDED_ROWS : 1];
    const int64_t strips = ROUNDS ? tile_parts(call->m, ROUNDED_ROWS) : 1;
    for (int64_t i = 0; i < strips; i++) {
        const tile_part rows = tile_cut(call->m, strips, i);
        const strip_of_a plain = {call->m, call->a, call->a_row, call->a_column};
        const strip_of_a strip = ROUNDS ? round_strip(call, rows, copy) : plain;
        multiply_strip(call, &strip, (real *)call->c + rows.first * call->c_row);
    }
}
