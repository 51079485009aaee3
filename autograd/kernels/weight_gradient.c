// SPDX-License-Identifier: MIT
// Weight gradient: per tap the outer products of input and output-gradient pixels, summed over the pixels
// whose tap lies in the image. The register tile's rows are channels of one of the two, its vectors channels
// of the other.
#include "autograd/kernels/tile.h"

typedef struct outer {
    const ag_conv_geometry *geometry;
    bool swapped;  // rows are co and lanes ci: fewer lanes idle when co is small
    int64_t rows, lanes, width;
    int64_t panels, groups;
} outer;

static outer outer_of(const ag_conv_geometry *g) {
    outer pass = {.geometry = g, .swapped = g->co < WIDTH && g->ci > g->co};
    pass.rows = pass.swapped ? g->co : g->ci;
    pass.lanes = pass.swapped ? g->ci : g->co;
    pass.width = pass.lanes < WIDTH ? pass.lanes : WIDTH;
    pass.panels = tile_parts(pass.lanes, WIDTH);
    // Enough tasks for many threads, as few partial sums as that allows.
    const int64_t wanted = tile_parts(32, pass.panels), most = tile_parts(g->n, 4);
    pass.groups = wanted < most ? wanted : most;
    return pass;
}

static int64_t partial_size(const outer *pass) {
    return pass->geometry->kh * pass->geometry->kw * pass->rows * WIDTH;
}

// First channel of a panel; the last panel overlaps the one before rather than reach past the pixel.
static int64_t panel_first(const outer *pass, int64_t panel) {
    const int64_t last = pass->lanes - pass->width;
    return panel * WIDTH < last ? panel * WIDTH : last;
}

// Output positions [first, first + count) of an axis whose tap lies in the image.
static tile_part inside(int64_t tap, int64_t pad, int64_t stride, int64_t size, int64_t outputs) {
    const int64_t low = tap < pad ? (pad - tap + stride - 1) / stride : 0;
    const int64_t end = size - 1 + pad - tap < 0 ? 0 : (size - 1 + pad - tap) / stride + 1;
    const int64_t high = end < outputs ? end : outputs;
    return (tile_part){low, high > low ? high - low : 0};
}

// Like tile_multiply, for fewer channels than a panel: the vectors must not be read past the last pixel.
INLINE void multiply_part(int rows, int64_t length, const real *a, int64_t step, const real *b, int64_t pitch,
                          int64_t width, vec acc[ROWS][2]) {
    for (int64_t k = 0; k < length; k++, a += step, b += pitch) {
        real lanes[WIDTH] = {0};
        memcpy(lanes, b, (size_t)width * sizeof *b);
        tile_multiply(rows, 1, a, 1, step, lanes, WIDTH, acc);
    }
}

// An operand under one tap, from the first pixel that counts.
typedef struct operand {
    const real *data;
    int64_t image, line, pixel;  // steps
} operand;

// Operands and pixels of a task under one tap.
typedef struct tap_view {
    operand rows, lanes;
    int64_t images, lines, pixels;
} tap_view;

static tap_view view_of(const outer *pass, const ag_conv_call *call, int64_t tap) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t a = tap / g->kw, b = tap % g->kw;
    const tile_part i = inside(a, g->pad_top, g->stride, g->h, g->oh);
    const tile_part j = inside(b, g->pad_left, g->stride, g->w, g->ow);
    const int64_t row = i.first * g->stride + a - g->pad_top, col = j.first * g->stride + b - g->pad_left;
    const operand x = {(const real *)call->a + (row * g->w + col) * g->ci, g->h * g->w * g->ci,
                       g->stride * g->w * g->ci, g->stride * g->ci};
    const operand dy = {(const real *)call->b + (i.first * g->ow + j.first) * g->co, g->oh * g->ow * g->co,
                        g->ow * g->co, g->co};
    return (tap_view){pass->swapped ? dy : x, pass->swapped ? x : dy, g->n, i.count, j.count};
}

INLINE void tile(int rows, bool whole, const tap_view *view, int64_t width, real *sums) {
    vec acc[ROWS][2] = {{{0}}};
    for (int64_t n = 0; n < view->images; n++)
        for (int64_t i = 0; i < view->lines; i++) {
            const real *a = view->rows.data + n * view->rows.image + i * view->rows.line;
            const real *b = view->lanes.data + n * view->lanes.image + i * view->lanes.line;
            if (whole)
                tile_multiply(rows, view->pixels, a, 1, view->rows.pixel, b, view->lanes.pixel, acc);
            else
                multiply_part(rows, view->pixels, a, view->rows.pixel, b, view->lanes.pixel, width, acc);
        }
    for (int r = 0; r < rows; r++) {
        v_store(sums + r * WIDTH, v_load(sums + r * WIDTH) + acc[r][0]);
        v_store(sums + r * WIDTH + LANES, v_load(sums + r * WIDTH + LANES) + acc[r][1]);
    }
}

#ifndef GB
#define GB 1
#endif
// partial sums of a block of images: [tap][rows][WIDTH]
static void add_block(const outer *pass, const ag_conv_call *call, int64_t panel, tile_part images,
                      real *sums) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t parts = tile_parts(pass->rows, ROWS), first = panel_first(pass, panel);
    for (int64_t p = 0; p < parts; p++) {
        const tile_part rows = tile_cut(pass->rows, parts, p);
        for (int64_t tap = 0; tap < g->kh * g->kw; tap++) {
            tap_view view = view_of(pass, call, tap);
            view.images = images.count;
            view.rows.data += images.first * view.rows.image + rows.first;
            view.lanes.data += images.first * view.lanes.image + first;
            real *out = sums + (tap * pass->rows + rows.first) * WIDTH;
            if (pass->width == WIDTH)
                TILE_SWITCH(rows.count, tile, true, &view, WIDTH, out)
            else
                TILE_SWITCH(rows.count, tile, false, &view, pass->width, out)
        }
    }
}

// Tasks of stage 1 are (panel, group of images).
static void sum_group(const outer *pass, const ag_conv_call *call, int64_t task) {
    const tile_part group = tile_cut(pass->geometry->n, pass->groups, task % pass->groups);
    real *sums = (real *)call->scratch + task * partial_size(pass);
    memset(sums, 0, (size_t)partial_size(pass) * sizeof *sums);
    for (int64_t n = 0; n < group.count; n += GB) {
        const int64_t rest = group.count - n;
        const tile_part images = {group.first + n, rest < GB ? rest : GB};
        add_block(pass, call, task / pass->groups, images, sums);
    }
}

// Tasks of stage 2 are taps: the groups' sums in index order, into dw[tap][ci][co].
static void combine_tap(const outer *pass, const ag_conv_call *call, int64_t tap) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t row_step = pass->swapped ? 1 : g->co, lane_step = pass->swapped ? g->co : 1;
    real *dw = (real *)call->out + tap * g->ci * g->co;
    for (int64_t panel = 0; panel < pass->panels; panel++)
        for (int64_t r = 0; r < pass->rows; r++) {
            const real *sums = (const real *)call->scratch + panel * pass->groups * partial_size(pass) +
                               (tap * pass->rows + r) * WIDTH;
            vec low = v_load(sums), high = v_load(sums + LANES);
            for (int64_t k = 1; k < pass->groups; k++) {
                low += v_load(sums + k * partial_size(pass));
                high += v_load(sums + k * partial_size(pass) + LANES);
            }
            real total[WIDTH];
            v_store(total, low), v_store(total + LANES, high);
            real *out = dw + r * row_step + panel_first(pass, panel) * lane_step;
            for (int64_t o = 0; o < pass->width; o++) out[o * lane_step] = total[o];
        }
}

int64_t KERNEL(weight_gradient_bytes)(const ag_conv_geometry *geometry) {
    const outer pass = outer_of(geometry);
    return pass.panels * pass.groups * partial_size(&pass) * (int64_t)sizeof(real);
}

int64_t KERNEL(weight_gradient_tasks)(const ag_conv_geometry *geometry, int stage) {
    const outer pass = outer_of(geometry);
    return stage == 1 ? pass.panels * pass.groups : stage == 2 ? geometry->kh * geometry->kw : 0;
}

void KERNEL(weight_gradient_run)(const ag_conv_call *call, int stage, int64_t task) {
    const outer pass = outer_of(call->geometry);
    if (stage == 1)
        sum_group(&pass, call, task);
    else
        combine_tap(&pass, call, task);
}
