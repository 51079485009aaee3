// SPDX-License-Identifier: MIT
// What the passes of Winograd's algorithm share: a pass with the matrices of its axes, and the transform of
// pixels.
#pragma once

#include "autograd/kernels/axis.h"
#include "autograd/kernels/combine.h"
#include "autograd/kernels/tile.h"

static inline int64_t factor_bytes(int64_t n) { return aligned(n * (int64_t)sizeof(factor)); }

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
    bool mirrored;    // an input gradient of stride 1 as a forward convolution, of the weights backwards
    ag_axis rows, columns;
    images x, y;
    int64_t matrices_bytes;  // of this struct and its matrices
} winograd;

static inline images images_of(int64_t h, int64_t w, int64_t c) {
    return (images){h, w, c, pitch_of(c), {0}, {0}, {0}, {0}};
}

// The input gradient of stride 1 seen as a forward convolution of dy. X, which takes differences, is then on
// the side of dy: beside sums of them, as Y's, the error is smaller where dy is an activation.
static inline ag_conv_geometry mirrored_of(const ag_conv_geometry *g) {
    ag_conv_geometry to = *g;
    to.h = g->oh, to.w = g->ow, to.ci = g->co;
    to.oh = g->h, to.ow = g->w, to.co = g->ci;
    to.pad_top = g->kh - 1 - g->pad_top, to.pad_left = g->kw - 1 - g->pad_left;
    return to;
}

// Everything but the matrices.
static inline winograd winograd_of(const ag_conv_geometry *geometry, bool transposed) {
    const bool mirrored = transposed && geometry->stride == 1;
    winograd pass = {.geometry = mirrored ? mirrored_of(geometry) : *geometry,
                     .transposed = transposed && !mirrored,
                     .mirrored = mirrored};
    const ag_conv_geometry *g = &pass.geometry;
    const ag_axis_shape rows = ag_axis_of(g, true), columns = ag_axis_of(g, false);
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
    const ag_axis_shape rows = ag_axis_of(&pass->geometry, true),
                        columns = ag_axis_of(&pass->geometry, false);
    ag_axis_build(&rows, &built->rows, memory);
    ag_axis_build(&columns, &built->columns, memory + aligned(ag_axis_bytes(&rows)));
    images *x = &built->x, *y = &built->y;
    x->row = built->rows.x, x->at_row = built->rows.at_x;
    y->row = built->rows.y, y->at_row = built->rows.at_y;
    x->column = built->columns.x, x->at_column = built->columns.at_x;
    y->column = built->columns.y, y->at_column = built->columns.at_y;
}

// ---- transformed pixels

// Some images and some row products of one row filter. Transformed pixels
// lie by column product, then row product, then image, a pitch apart: a pair
// of filters has consecutive rows. Interleaved, an image is PAIR images.
typedef struct unit {
    const winograd *pass;
    int64_t images, first_row, rows;
    combination_kind kind;  // of the pixels: COMBINE_FACTORS or COMBINE_ROWS
    bool fetched;           // the images, into the caches
} unit;

// Elements of a transformed pixel, each of as many factors as are interleaved.
static inline int64_t interleaved(const unit *u) { return PAIR > 1 && u->kind == COMBINE_ROWS ? PAIR : 1; }

// Transformed pixels of a row product and a column product.
static inline int64_t pixels_of(const unit *u) { return tile_parts(u->images, interleaved(u)); }

static inline int64_t filter_start(const unit *u, int column_filter) {
    return pixels_of(u) * u->rows * u->pass->columns.first[column_filter];
}

static inline int64_t filter_rows(const unit *u, int column_filter) {
    return filter_start(u, column_filter + 1) - filter_start(u, column_filter);
}

// Elements of a line of pixels, with a margin for a vector that begins in its last pixel.
static inline int64_t line_size(const images *side) { return side->w * side->c + LANES; }

static inline int64_t image_size(const images *side) { return side->h * side->w * side->c; }

static inline int64_t whole_lanes(int64_t channels) { return (channels + LANES - 1) / LANES * LANES; }

// Images whose lines are transformed before the next ones' are taken: few, so that they are still in the
// first-level cache then. A multiple of PAIR.
enum { TAKEN_IMAGES = 4 };

// The first image's row that a row product is, if it is one, and if no vector reaches behind its last pixel.
// From memory a copy is faster, which reads pixel after pixel.
static inline const real *row_taken(const unit *u, const images *side, const real *first_image, int64_t row) {
    const ag_axis_term *term = side->row.term + side->row.start[row];
    const bool is_one = side->row.start[row + 1] - side->row.start[row] == 1 && term->factor == 1;
    return u->fetched && is_one && side->c % LANES == 0 ? first_image + term->at * side->w * side->c : NULL;
}

// lines[image][w][c] = what the row product takes from each image
static inline void take_lines(const images *side, const real *first_image, int64_t count, int64_t row,
                              real *lines) {
    const int64_t length = side->w * side->c;
    const combination sum = {.from = first_image,
                             .step = length,
                             .from_row = image_size(side),
                             .rows = count,
                             .count = length,
                             .out = lines,
                             .out_row = line_size(side)};
    combine_row(&sum, &side->row, row);
}

// The column products of the lines, of which each image has one. The lanes behind the last channel are the
// next pixel's, or the line's margin: nobody looks at them.
static inline void take_pixels(const unit *u, const images *side, const real *lines, int64_t between_lines,
                               int64_t count, factor *out) {
    const int64_t between = pixels_of(u) * u->rows * side->pitch;
    combination sum = {.from = lines,
                       .step = side->c,
                       .from_row = between_lines,
                       .rows = count,
                       .count = whole_lanes(side->c),
                       .out_row = side->pitch,
                       .kind = u->kind};
    for (int64_t p = 0; p < product_count(&u->pass->columns); p++) {
        sum.out = out + p * between * interleaved(u);
        combine_row(&sum, &side->column, p);
    }
}

// The transformed pixels of a unit. lines: of TAKEN_IMAGES
static inline void take(const unit *u, const images *side, const real *first_image, real *lines,
                        factor *out) {
    for (int64_t r = 0; r < u->rows; r++, out += pixels_of(u) * side->pitch * interleaved(u))
        for (int64_t i = 0; i < u->images; i += TAKEN_IMAGES) {
            const int64_t count = smaller(TAKEN_IMAGES, u->images - i), row = u->first_row + r;
            const real *image = first_image + i * image_size(side), *taken = row_taken(u, side, image, row);
            if (taken == NULL) take_lines(side, image, count, row, lines);
            take_pixels(u, side, taken ? taken : lines, taken ? image_size(side) : line_size(side), count,
                        out + i * side->pitch);
        }
}
