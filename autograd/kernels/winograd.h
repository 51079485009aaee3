// SPDX-License-Identifier: MIT
// What the passes of Winograd's algorithm share: a pass with the matrices of its axes, and the transform of
// pixels.
#pragma once

#include "autograd/kernels/axis.h"
#include "autograd/kernels/combine.h"
#include "autograd/kernels/tile.h"

static inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }
static inline int64_t reals(int64_t n) { return aligned(n * (int64_t)sizeof(real)); }

// Elements between pixels: whole panels, and an odd number of cache lines, so that pixels do not share sets.
static inline int64_t pitch_of(int64_t channels) {
    const int64_t line = 64 / (int64_t)sizeof(real), unit = WIDTH > line ? WIDTH : line;
    const int64_t pitch = (channels + unit - 1) / unit * unit;
    return pitch / line % 2 == 1 ? pitch : pitch + line;
}

// One of the two image tensors of a pass, with the matrices of its axes.
typedef struct images {
    int64_t h, w, c, pitch;
    ag_axis_rows row, column;        // by product
    ag_axis_rows at_row, at_column;  // by pixel
} images;

// A pass, as stage 0 leaves it at the start of the scratch.
typedef struct winograd {
    ag_conv_geometry geometry;
    bool transposed;  // from dy to dx
    ag_axis rows, columns;
    images x, y;
    int64_t matrices_bytes;  // of this struct and its matrices
} winograd;

static inline ag_axis_shape axis_shape(const ag_conv_geometry *g, bool vertical) {
    return vertical ? (ag_axis_shape){g->h, g->oh, g->kh, g->stride, g->pad_top, g->winograd}
                    : (ag_axis_shape){g->w, g->ow, g->kw, g->stride, g->pad_left, g->winograd};
}

static inline images images_of(int64_t h, int64_t w, int64_t c) {
    return (images){h, w, c, pitch_of(c), {0}, {0}, {0}, {0}};
}

// Everything but the matrices.
static inline winograd winograd_of(const ag_conv_geometry *g, bool transposed) {
    winograd pass = {.geometry = *g, .transposed = transposed};
    const ag_axis_shape rows = axis_shape(g, true), columns = axis_shape(g, false);
    ag_axis_describe(&rows, &pass.rows), ag_axis_describe(&columns, &pass.columns);
    pass.x = images_of(g->h, g->w, g->ci), pass.y = images_of(g->oh, g->ow, g->co);
    pass.matrices_bytes =
        aligned(sizeof pass) + aligned(ag_axis_bytes(&rows)) + aligned(ag_axis_bytes(&columns));
    return pass;
}

static inline int64_t product_count(const ag_axis *axis) { return axis->first[axis->filters]; }

static inline void winograd_build(const winograd *pass, char *scratch) {
    winograd *built = (winograd *)scratch;
    *built = *pass;
    char *memory = scratch + aligned(sizeof *pass);
    const ag_axis_shape rows = axis_shape(&pass->geometry, true),
                        columns = axis_shape(&pass->geometry, false);
    ag_axis_build(&rows, &built->rows, memory);
    ag_axis_build(&columns, &built->columns, memory + aligned(ag_axis_bytes(&rows)));
    images *x = &built->x, *y = &built->y;
    x->row = built->rows.x, x->at_row = built->rows.at_x;
    y->row = built->rows.y, y->at_row = built->rows.at_y;
    x->column = built->columns.x, x->at_column = built->columns.at_x;
    y->column = built->columns.y, y->at_column = built->columns.at_y;
}

// ---- transformed pixels

// Some images and some row products of one row filter. Transformed pixels lie by column filter, then image,
// row product and column product, a pitch apart: a pair of filters has consecutive rows.
typedef struct unit {
    const winograd *pass;
    int64_t images, first_row, rows;
} unit;

static inline int64_t filter_rows(const unit *u, int column_filter) {
    const int32_t *first = u->pass->columns.first;
    return u->images * u->rows * (first[column_filter + 1] - first[column_filter]);
}

static inline int64_t filter_start(const unit *u, int column_filter) {
    return u->images * u->rows * u->pass->columns.first[column_filter];
}

// The first column product of the filter, of one image and row product (both counted from the unit's first).
static inline int64_t row_at(const unit *u, int column_filter, int64_t image, int64_t row) {
    const int32_t *first = u->pass->columns.first;
    return filter_start(u, column_filter) +
           (image * u->rows + row) * (first[column_filter + 1] - first[column_filter]);
}

// line[w][c] = what row product `row` takes from an image
static inline void take_line(const images *side, const real *image, int64_t row, real *line) {
    const int64_t length = side->w * side->c;
    combination sum = {0};
    for (int32_t t = side->row.start[row]; t < side->row.start[row + 1]; t++)
        combine_add(&sum, image + side->row.term[t].at * length, (real)side->row.term[t].factor, length,
                    line);
    combine_store(&sum, length, line);
}

// The column products of a line. The lanes behind the last channel are the next pixel's, or the line's margin:
// nobody looks at them.
static inline void take_pixels(const unit *u, const images *side, const real *line, int64_t image,
                               int64_t row, real *out) {
    const int64_t length = (side->c + LANES - 1) / LANES * LANES;
    const ag_axis *columns = &u->pass->columns;
    for (int f = 0; f < columns->filters; f++) {
        real *pixel = out + row_at(u, f, image, row) * side->pitch;
        for (int32_t p = columns->first[f]; p < columns->first[f + 1]; p++, pixel += side->pitch) {
            combination sum = {0};
            for (int32_t t = side->column.start[p]; t < side->column.start[p + 1]; t++)
                combine_add(&sum, line + side->column.term[t].at * side->c, (real)side->column.term[t].factor,
                            length, pixel);
            combine_store(&sum, length, pixel);
        }
    }
}

static inline void take(const unit *u, const images *side, const real *first_image, real *line, real *out) {
    for (int64_t image = 0; image < u->images; image++)
        for (int64_t row = 0; row < u->rows; row++) {
            take_line(side, first_image + image * side->h * side->w * side->c, u->first_row + row, line);
            take_pixels(u, side, line, image, row, out);
        }
}
