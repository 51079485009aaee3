// SPDX-License-Identifier: MIT
// Fetching images into the caches while other products are computed, which leave the memory alone.
#pragma once

#include "autograd/kernels/winograd.h"

// A unit with its images.
typedef struct portion {
    unit unit;
    const real *x, *y;
} portion;

enum { LINES_AT_ONCE = 16 * PAIR };  // lines at a tile, at most: more would hold it up

// What is fetched of the next portion's images: some cache lines at each tile of this one's products.
typedef struct ahead {
    const portion *portion;
    int64_t lines, done;  // at a tile; before this one
} ahead;

static inline int64_t lines_of_row(const images *side) {
    return tile_parts(side->w * side->c * (int64_t)sizeof(real), 64);
}

// All that a unit reads, by row product, row and image.
static inline int64_t lines_read(const unit *u, const images *side) {
    const int64_t rows = side->row.start[u->first_row + u->rows] - side->row.start[u->first_row];
    return rows * u->images * lines_of_row(side);
}

// Lines k to end - 1 of them.
static inline void fetch(const unit *u, const images *side, const real *first_image, int64_t k, int64_t end) {
    const int64_t lines = lines_of_row(side);
    const ag_axis_term *terms = side->row.term + side->row.start[u->first_row];
    while (k < end) {
        const int64_t row = k / lines, last = smaller(end, (row + 1) * lines);
        const real *from =
            first_image + row % u->images * image_size(side) + terms[row / u->images].at * side->w * side->c;
        for (; k < last; k++) __builtin_prefetch((const char *)from + (k - row * lines) * 64);
    }
}

static inline void fetch_next(ahead *next) {
    if (next->lines == 0) return;
    const unit *u = &next->portion->unit;
    const images *x = &u->pass->x, *y = &u->pass->y;
    const int64_t from = next->done, to = next->done += next->lines, of_x = lines_read(u, x);
    fetch(u, x, next->portion->x, from, smaller(to, of_x));
    fetch(u, y, next->portion->y, larger(from - of_x, 0), smaller(to - of_x, lines_read(u, y)));
}

// Nothing, if the tiles are too few for it.
static inline ahead ahead_of(const portion *next, int64_t tiles) {
    const unit *u = &next->unit;
    const int64_t all = lines_read(u, &u->pass->x) + lines_read(u, &u->pass->y);
    return (ahead){next, all <= LINES_AT_ONCE * tiles ? tile_parts(all, tiles) : 0, 0};
}
