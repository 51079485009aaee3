// SPDX-License-Identifier: MIT
// Weight gradient: per tap the outer products of input and output-gradient pixels, summed over the pixels
// whose tap lies in the image. The register tile's rows are channels of one of the two, its vectors channels
// of the other. Both are copied, a block of pixels at a time, into strips as wide as the tile: a strip is read
// once per tap, from the first-level cache, where the pixels themselves would fall on few of its sets.
#include "autograd/kernels/tile.h"

enum {
    STRIP_BYTES = 24 << 10,     // of a rows' and a lanes' strip together: most of a first-level cache
    PARTIAL_BYTES = 300 << 10,  // of a task's sums: half of a second-level cache, at least one panel
    TASKS = 16,                 // wanted, for many threads; more would only cost memory for partial sums
};

// One of the two tensors.
typedef struct operand {
    int64_t channels, h, w;
    int64_t stride;      // pixels between neighbouring positions of a tap
    int64_t part, parts;  // channels of a strip, strips
} operand;

typedef struct outer {
    const ag_conv_geometry *geometry;
    bool swapped;         // rows are of dy and lanes of x: fewer lanes idle when co is small
    operand rows, lanes;  // lanes' parts are called panels
    int64_t images, lines;  // of dy in a block
    int64_t shares, groups;  // parts of the panels, of the images: a task each
} outer;

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Lines of x under so many lines of dy.
static int64_t lines_under(const ag_conv_geometry *g, int64_t lines) {
    return smaller((lines - 1) * g->stride + g->kh, g->h);
}

static int64_t strip_lines(const outer *pass, bool of_x) {
    return of_x ? lines_under(pass->geometry, pass->lines) : pass->lines;
}

static int64_t strip_size(const outer *pass, const operand *side, bool of_x) {
    return pass->images * strip_lines(pass, of_x) * side->w * side->part;
}

static int64_t strips_bytes(const outer *pass) {
    return (strip_size(pass, &pass->rows, !pass->swapped) + strip_size(pass, &pass->lanes, pass->swapped)) *
           (int64_t)sizeof(real);
}

// Blocks of whole images, or of lines of one image where an image is too large.
static void choose_block(outer *pass) {
    const ag_conv_geometry *g = pass->geometry;
    pass->images = 1, pass->lines = g->oh;
    pass->images = smaller(larger(STRIP_BYTES / strips_bytes(pass), 1), g->n);
    while (pass->lines > 1 && strips_bytes(pass) > STRIP_BYTES) pass->lines = (pass->lines + 1) / 2;
}

static outer outer_of(const ag_conv_geometry *g) {
    const operand x = {g->ci, g->h, g->w, g->stride, 0, 0}, dy = {g->co, g->oh, g->ow, 1, 0, 0};
    const bool swapped = g->co < WIDTH && g->ci > g->co;
    outer pass = {.geometry = g, .swapped = swapped, .rows = swapped ? dy : x, .lanes = swapped ? x : dy};
    pass.rows.part = ROWS, pass.rows.parts = tile_parts(pass.rows.channels, ROWS);
    pass.lanes.part = WIDTH, pass.lanes.parts = tile_parts(pass.lanes.channels, WIDTH);
    choose_block(&pass);
    const int64_t panel = g->kh * g->kw * pass.rows.channels * WIDTH * (int64_t)sizeof(real);
    pass.shares = tile_parts(pass.lanes.parts, larger(PARTIAL_BYTES / panel, 1));
    pass.groups = smaller(tile_parts(TASKS, pass.shares), g->n);
    return pass;
}

// Elements of one panel's sums: [tap][row][WIDTH].
static int64_t panel_size(const outer *pass) {
    return pass->geometry->kh * pass->geometry->kw * pass->rows.channels * WIDTH;
}

// Scratch of a task: the sums of its panels, a strip of rows, a strip of lanes per panel.
static int64_t task_size(const outer *pass) {
    const int64_t panels = tile_parts(pass->lanes.parts, pass->shares);
    return panels * (panel_size(pass) + strip_size(pass, &pass->lanes, pass->swapped)) +
           strip_size(pass, &pass->rows, !pass->swapped);
}

// Pixels that are worked on together.
typedef struct pixel_block {
    tile_part images, lines;  // of dy
    int64_t x_top, x_lines;   // lines of x that the taps reach
} pixel_block;

static pixel_block block_at(const outer *pass, tile_part images, int64_t line) {
    const ag_conv_geometry *g = pass->geometry;
    pixel_block block = {images, {line, smaller(pass->lines, g->oh - line)}, 0, 0};
    const int64_t top = line * g->stride - g->pad_top;
    const int64_t end = top + (block.lines.count - 1) * g->stride + g->kh;
    block.x_top = smaller(larger(top, 0), g->h);
    block.x_lines = larger(smaller(end, g->h) - block.x_top, 0);
    return block;
}

INLINE void copy_rows(int count, const real *from, int64_t pixels, int64_t channels, real *strip) {
    for (int64_t p = 0; p < pixels; p++)
        memcpy(strip + p * ROWS, from + p * channels, (size_t)count * sizeof *from);
}

static void copy_lanes(int64_t count, const real *from, int64_t pixels, int64_t channels, real *strip) {
    for (int64_t p = 0; p < pixels; p++, from += channels, strip += WIDTH) {
        if (count == WIDTH)
            memcpy(strip, from, WIDTH * sizeof *from);
        else
            for (int64_t o = 0; o < WIDTH; o++) strip[o] = o < count ? from[o] : 0;
    }
}

// A block's pixels, `channels` of them from the first on, as a strip [image][line][pixel][part].
static void fill_strip(const operand *side, const real *data, const pixel_block *block, bool of_x,
                       tile_part channels, real *strip) {
    const int64_t first = of_x ? block->x_top : block->lines.first;
    const int64_t pixels = (of_x ? block->x_lines : block->lines.count) * side->w;
    for (int64_t n = 0; n < block->images.count; n++, strip += pixels * side->part) {
        const int64_t line = (block->images.first + n) * side->h + first;
        const real *from = data + line * side->w * side->channels + channels.first;
        if (side->part == WIDTH)
            copy_lanes(channels.count, from, pixels, side->channels, strip);
        else
            TILE_SWITCH(channels.count, copy_rows, from, pixels, side->channels, strip)
    }
}

// Output positions [first, first + count) of an axis whose tap lies in the image.
static tile_part inside(int64_t tap, int64_t pad, int64_t stride, int64_t size, tile_part outputs) {
    const int64_t low = tap < pad ? (pad - tap + stride - 1) / stride : 0;
    const int64_t end = size - 1 + pad - tap < 0 ? 0 : (size - 1 + pad - tap) / stride + 1;
    const int64_t first = larger(low, outputs.first), last = smaller(end, outputs.first + outputs.count);
    return (tile_part){first, larger(last - first, 0)};
}

// A strip under one tap: from the first pixel that counts, and the steps between pixels.
typedef struct strip_view {
    const real *data;
    int64_t image, line, pixel;
} strip_view;

typedef struct tap_view {
    strip_view rows, lanes;
    int64_t images, lines, pixels;
} tap_view;

static strip_view view_strip(const operand *side, const real *strip, int64_t lines, int64_t line,
                             int64_t pixel) {
    return (strip_view){strip + (line * side->w + pixel) * side->part, lines * side->w * side->part,
                        side->stride * side->w * side->part, side->stride * side->part};
}

static tap_view view_tap(const outer *pass, const pixel_block *block, int64_t tap, const real *rows,
                         const real *lanes) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t a = tap / g->kw, b = tap % g->kw;
    const tile_part i = inside(a, g->pad_top, g->stride, g->h, block->lines);
    const tile_part j = inside(b, g->pad_left, g->stride, g->w, (tile_part){0, g->ow});
    const operand *x_side = pass->swapped ? &pass->lanes : &pass->rows;
    const operand *dy_side = pass->swapped ? &pass->rows : &pass->lanes;
    const strip_view x = view_strip(x_side, pass->swapped ? lanes : rows, block->x_lines,
                                    i.first * g->stride + a - g->pad_top - block->x_top,
                                    j.first * g->stride + b - g->pad_left);
    const strip_view dy = view_strip(dy_side, pass->swapped ? rows : lanes, block->lines.count,
                                     i.first - block->lines.first, j.first);
    return (tap_view){pass->swapped ? dy : x, pass->swapped ? x : dy, block->images.count, i.count, j.count};
}

// sums[r][..] += over the block's pixels under one tap
INLINE void tile(int rows, const tap_view *view, real *sums) {
    vec acc[ROWS][2] = {{{0}}};
    for (int64_t n = 0; n < view->images; n++)
        for (int64_t i = 0; i < view->lines; i++)
            tile_multiply(rows, view->pixels, view->rows.data + n * view->rows.image + i * view->rows.line, 1,
                          view->rows.pixel, view->lanes.data + n * view->lanes.image + i * view->lanes.line,
                          view->lanes.pixel, acc);
    for (int r = 0; r < rows; r++, sums += WIDTH) {
        v_store(sums, v_load(sums) + acc[r][0]);
        v_store(sums + LANES, v_load(sums + LANES) + acc[r][1]);
    }
}

static void add_panel(const outer *pass, const pixel_block *block, tile_part rows, const real *row_strip,
                      const real *lane_strip, real *sums) {
    for (int64_t tap = 0; tap < pass->geometry->kh * pass->geometry->kw; tap++) {
        const tap_view view = view_tap(pass, block, tap, row_strip, lane_strip);
        real *out = sums + (tap * pass->rows.channels + rows.first) * WIDTH;
        TILE_SWITCH(rows.count, tile, &view, out)
    }
}

static void add_block(const outer *pass, const ag_conv_call *call, tile_part panels, const pixel_block *block,
                      real *sums) {
    const real *rows_data = pass->swapped ? call->b : call->a, *lanes_data = pass->swapped ? call->a : call->b;
    const int64_t lanes_size = strip_size(pass, &pass->lanes, pass->swapped);
    real *lane_strips = sums + panels.count * panel_size(pass);
    real *row_strip = lane_strips + panels.count * lanes_size;
    for (int64_t p = 0; p < panels.count; p++) {
        const int64_t first = (panels.first + p) * WIDTH;
        const tile_part channels = {first, smaller(WIDTH, pass->lanes.channels - first)};
        fill_strip(&pass->lanes, lanes_data, block, pass->swapped, channels, lane_strips + p * lanes_size);
    }
    for (int64_t part = 0; part < pass->rows.parts; part++) {
        const tile_part rows = tile_cut(pass->rows.channels, pass->rows.parts, part);
        fill_strip(&pass->rows, rows_data, block, !pass->swapped, rows, row_strip);
        for (int64_t p = 0; p < panels.count; p++)
            add_panel(pass, block, rows, row_strip, lane_strips + p * lanes_size, sums + p * panel_size(pass));
    }
}

// Tasks of stage 1 are (share of the panels, group of images).
static void sum_group(const outer *pass, const ag_conv_call *call, int64_t task) {
    const ag_conv_geometry *g = pass->geometry;
    const tile_part panels = tile_cut(pass->lanes.parts, pass->shares, task / pass->groups);
    const tile_part group = tile_cut(g->n, pass->groups, task % pass->groups);
    real *sums = (real *)call->scratch + task * task_size(pass);
    memset(sums, 0, (size_t)(panels.count * panel_size(pass)) * sizeof *sums);
    for (int64_t n = 0; n < group.count; n += pass->images)
        for (int64_t line = 0; line < g->oh; line += pass->lines) {
            const tile_part images = {group.first + n, smaller(pass->images, group.count - n)};
            const pixel_block block = block_at(pass, images, line);
            add_block(pass, call, panels, &block, sums);
        }
}

// One row of one tap and panel: the groups' sums in index order.
static void combine_row(const outer *pass, const real *sums, int64_t lanes, int64_t step, real *out) {
    vec total[2] = {v_load(sums), v_load(sums + LANES)};
    for (int64_t k = 1; k < pass->groups; k++) {
        total[0] += v_load(sums + k * task_size(pass));
        total[1] += v_load(sums + k * task_size(pass) + LANES);
    }
    real values[WIDTH];
    memcpy(values, total, sizeof values);
    for (int64_t o = 0; o < lanes; o++) out[o * step] = values[o];
}

// Tasks of stage 2 are taps: into dw[tap][ci][co].
static void combine_tap(const outer *pass, const ag_conv_call *call, int64_t tap) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t row_step = pass->swapped ? 1 : g->co, lane_step = pass->swapped ? g->co : 1;
    real *dw = (real *)call->out + tap * g->ci * g->co;
    for (int64_t share = 0; share < pass->shares; share++) {
        const tile_part panels = tile_cut(pass->lanes.parts, pass->shares, share);
        for (int64_t p = 0; p < panels.count; p++) {
            const real *sums = (const real *)call->scratch + share * pass->groups * task_size(pass) +
                               p * panel_size(pass) + tap * pass->rows.channels * WIDTH;
            const int64_t lane = (panels.first + p) * WIDTH;
            const int64_t lanes = smaller(WIDTH, pass->lanes.channels - lane);
            for (int64_t r = 0; r < pass->rows.channels; r++)
                combine_row(pass, sums + r * WIDTH, lanes, lane_step, dw + r * row_step + lane * lane_step);
        }
    }
}

int64_t KERNEL(weight_gradient_bytes)(const ag_conv_geometry *geometry) {
    const outer pass = outer_of(geometry);
    return pass.shares * pass.groups * task_size(&pass) * (int64_t)sizeof(real);
}

int64_t KERNEL(weight_gradient_tasks)(const ag_conv_geometry *geometry, int stage) {
    const outer pass = outer_of(geometry);
    return stage == 1 ? pass.shares * pass.groups : stage == 2 ? geometry->kh * geometry->kw : 0;
}

void KERNEL(weight_gradient_run)(const ag_conv_call *call, int stage, int64_t task) {
    const outer pass = outer_of(call->geometry);
    if (stage == 1)
        sum_group(&pass, call, task);
    else
        combine_tap(&pass, call, task);
}
