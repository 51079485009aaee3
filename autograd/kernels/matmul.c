// SPDX-License-Identifier: MIT
// A small matrix times a wide one. Some columns of the wide one are copied into panels first, so that a tile
// reads them in a row, from the first-level cache; the small one stays in the second-level cache.
#include "autograd/kernels/tile.h"

// Of a row of b and of c, taken at once: less would be less than what the memory hands over at a time.
enum { GROUP_BYTES = 256, GROUP = GROUP_BYTES / (int)sizeof(real) };

// panels[columns / WIDTH][k][WIDTH], zeros behind the last column
static void pack(const ag_matmul_call *call, const real *b, int64_t columns, real *panels) {
    const int64_t whole = columns / WIDTH, rest = columns % WIDTH, size = call->k * WIDTH;
    for (int64_t l = 0; l < call->k; l++, b += call->b_row, panels += WIDTH) {
        for (int64_t p = 0; p < whole; p++) {
            v_store(panels + p * size, v_load(b + p * WIDTH));
            v_store(panels + p * size + LANES, v_load(b + p * WIDTH + LANES));
        }
        for (int64_t o = 0; o < WIDTH && rest > 0; o++)
            panels[whole * size + o] = o < rest ? b[whole * WIDTH + o] : 0;
    }
}

INLINE void product_tile(int rows, const ag_matmul_call *call, const real *a, const real *panel,
                         int64_t columns, real *c) {
    const int64_t row = call->a_row, column = call->a_column, length = call->k;
    vec acc[ROWS][2] = {{{0}}};
    for (int64_t l = 0; l < length; l++, a += column, panel += WIDTH) tile_step(rows, a, row, panel, acc);
    for (int r = 0; r < rows; r++) tile_store(acc[r], c + r * call->c_row, columns);
}

static void multiply(const ag_matmul_call *call, const real *panels, int64_t columns, real *c) {
    const int64_t parts = tile_parts(call->m, ROWS);
    for (int64_t i = 0; i < parts; i++) {
        const tile_part rows = tile_cut(call->m, parts, i);
        const real *a = (const real *)call->a + rows.first * call->a_row, *panel = panels;
        real *out = c + rows.first * call->c_row;
        for (int64_t first = 0; first < columns; first += WIDTH, panel += call->k * WIDTH) {
            const int64_t count = columns - first < WIDTH ? columns - first : WIDTH;
            TILE_SWITCH(rows.count, product_tile, call, a, panel, count, out + first)
        }
    }
}

void KERNEL(matmul)(const ag_matmul_call *call) {
    real panels[AG_MATMUL_DEPTH * GROUP];
    for (int64_t first = 0; first < call->n; first += GROUP) {
        const int64_t columns = call->n - first < GROUP ? call->n - first : GROUP;
        pack(call, (const real *)call->b + first, columns, panels);
        multiply(call, panels, columns, (real *)call->c + first);
    }
}
