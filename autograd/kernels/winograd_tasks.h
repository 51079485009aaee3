// SPDX-License-Identifier: MIT
// How the sums of Winograd's weight gradient are divided into tasks: by the sizes alone.
#pragma once

#include "autograd/kernels/winograd.h"

enum {
    FEW_POINTS = 3,    // finite ones, that hardly add to the error
    LEAST_BLOCKS = 2,  // of images, as far as there are any
    MOST_BLOCKS = 4,
    LEAST_IMAGES = 8,  // of a block, and of a part of one
    WORTH_PIXELS =
        600,  // of a block and a pair of filters: fewer would be outweighed by adding up the blocks
};

// A task is a row filter with a block of images, or with a part of one where the filter has more products
// than others. All tasks of a block come together, while its images are in the last-level cache, and the
// longest first, so that a few threads end together.
typedef struct division {
    int64_t blocks, tasks;                                    // of a block
    int64_t parts[AG_AXIS_FILTERS], before[AG_AXIS_FILTERS];  // of a block: of a filter, other filters' first
} division;

static inline int64_t row_count(const winograd *pass, int64_t filter) {
    return pass->rows.first[filter + 1] - pass->rows.first[filter];
}

// Points that multiply the errors of long sums: there runs are short, and units added up in double.
static inline bool has_many_points(const winograd *pass) {
    return larger(pass->rows.points, pass->columns.points) > FEW_POINTS;
}

// Images are added up in blocks.
static inline int64_t block_count(const winograd *pass) {
    const int64_t n = pass->geometry.n, pairs = (int64_t)pass->rows.filters * pass->columns.filters;
    const int64_t worth =
        n * product_count(&pass->rows) * product_count(&pass->columns) / pairs / WORTH_PIXELS;
    return smaller(larger(smaller(worth, MOST_BLOCKS), LEAST_BLOCKS), tile_parts(n, LEAST_IMAGES));
}

static inline bool comes_before(const winograd *pass, const int64_t *parts, int f, int g) {
    const int64_t of_f = row_count(pass, f) * parts[g], of_g = row_count(pass, g) * parts[f];
    return of_f > of_g || (of_f == of_g && f < g);
}

static inline division divide(const winograd *pass) {
    const int64_t filters = pass->rows.filters, all = larger(product_count(&pass->rows), 1);
    division d = {.blocks = block_count(pass)};
    for (int f = 0; f < filters; f++) {
        const int64_t wanted = (2 * row_count(pass, f) * filters + all) / (2 * all);
        d.parts[f] = larger(smaller(wanted, pass->geometry.n / d.blocks / LEAST_IMAGES), 1);
        d.tasks += d.parts[f];
    }
    for (int f = 0; f < filters; f++)
        for (int g = 0; g < filters; g++)
            if (comes_before(pass, d.parts, g, f)) d.before[f] += d.parts[g];
    return d;
}

// The row filter of a block's task.
static inline int filter_of(const division *d, int64_t task) {
    int filter = 0;
    while (task < d->before[filter] || task >= d->before[filter] + d->parts[filter]) filter++;
    return filter;
}
