// SPDX-License-Identifier: MIT
// Weight gradient: per tap the outer products of input and output-gradient pixels, summed over the pixels
// whose tap lies in the image. The register tile's rows are channels of one of the two, its vectors channels
// of the other. Both are copied, a block of pixels at a time, into strips as wide as the tile: a strip is
// read once per tap, from the first-level cache, where the pixels themselves would fall on few of its sets.
#include "autograd/kernels/fetch.h"
#include "autograd/kernels/tile.h"

enum {
    STRIP_BYTES = 26 << 10,     // of a rows' and a lanes' strip together: most of a first-level cache
    PARTIAL_BYTES = 600 << 10,  // of a task's sums, though at least one panel: about a second-level cache
    TASKS = 16,                 // wanted, for many threads; more would only cost memory for partial sums
    LEAST_TASKS = 8,            // by copying the rows more than once, when there are few images
    GROUP_PIXELS = 256,         // of a group of images: fewer would be outweighed by combining the groups
    BYTES_AT_ONCE = 12 * 64,    // bytes at a tile, at most: more would hold it up
};

// A pixel's places in the two strips.
typedef struct places {
    int32_t row, lane;
} places;

// One of the two tensors.
typedef struct operand {
    int64_t channels, h, w;
    int64_t part, parts;  // channels of a strip, strips
} operand;

// A task's scratch, in bytes from its start: the sums of its panels, a strip of rows, a strip of lanes per
// panel, and per tap the list of pixels and its length.
typedef struct layout {
    int64_t panel, lane_strip;  // bytes of one
    int64_t rows, lanes, list, counts, end;
} layout;

typedef struct outer {
    const ag_conv_geometry *geometry;
    bool swapped;            // rows are of dy and lanes of x: fewer lanes idle when co is small
    operand rows, lanes;     // the lanes' parts are called panels
    int64_t images, lines;   // of dy in a block
    int64_t shares, groups;  // parts of the panels, of the images: a task each
    layout scratch;
} outer;

static int64_t strip_bytes(const outer *pass, const operand *side, bool of_x) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t lines = of_x ? smaller((pass->lines - 1) * g->stride + g->kh, g->h) : pass->lines;
    return aligned(pass->images * lines * side->w * side->part * (int64_t)sizeof(real));
}

static int64_t strips_bytes(const outer *pass) {
    return strip_bytes(pass, &pass->rows, !pass->swapped) + strip_bytes(pass, &pass->lanes, pass->swapped);
}

// Bytes of a block in one of the tensors, gaps between its images included.
static int64_t bytes_of(const operand *side, int64_t images, int64_t lines) {
    return ((images - 1) * side->h + lines) * side->w * side->channels * (int64_t)sizeof(real);
}

// Tiles of products of a block, in a share of the panels.
static int64_t tile_count(const outer *pass) {
    return pass->geometry->kh * pass->geometry->kw * pass->rows.parts *
           tile_parts(pass->lanes.parts, pass->shares);
}

// Blocks of whole images, or of lines of one image where an image is too large. If an image can be fetched
// while another one's tiles are computed, then no more images than can.
static void choose_block(outer *pass) {
    pass->images = 1, pass->lines = pass->geometry->oh;
    const operand *rows = &pass->rows, *lanes = &pass->lanes;
    const int64_t image = bytes_of(rows, 1, rows->h) + bytes_of(lanes, 1, lanes->h);
    const int64_t fetched = tile_count(pass) * BYTES_AT_ONCE / image;
    pass->images = smaller(larger(STRIP_BYTES / strips_bytes(pass), 1), pass->geometry->n);
    if (fetched > 0) pass->images = smaller(pass->images, fetched);
    while (pass->lines > 1 && strips_bytes(pass) > STRIP_BYTES) pass->lines = (pass->lines + 1) / 2;
}

static layout layout_of(const outer *pass) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t panels = tile_parts(pass->lanes.parts, pass->shares), taps = g->kh * g->kw;
    layout at = {.panel = taps * pass->rows.channels * WIDTH * (int64_t)sizeof(real)};
    at.lane_strip = strip_bytes(pass, &pass->lanes, pass->swapped);
    at.rows = aligned(panels * at.panel);
    at.lanes = at.rows + strip_bytes(pass, &pass->rows, !pass->swapped);
    at.list = at.lanes + panels * at.lane_strip;
    at.counts = at.list + aligned(taps * pass->images * pass->lines * g->ow * (int64_t)sizeof(places));
    at.end = at.counts + aligned(taps * (int64_t)sizeof(int32_t));
    return at;
}

static outer outer_of(const ag_conv_geometry *g) {
    const operand x = {g->ci, g->h, g->w, 0, 0}, dy = {g->co, g->oh, g->ow, 0, 0};
    const bool swapped = g->co < WIDTH && g->ci > g->co;
    outer pass = {.geometry = g, .swapped = swapped, .rows = swapped ? dy : x, .lanes = swapped ? x : dy};
    pass.rows.part = ROWS, pass.rows.parts = tile_parts(pass.rows.channels, ROWS);
    pass.lanes.part = WIDTH, pass.lanes.parts = tile_parts(pass.lanes.channels, WIDTH);
    const int64_t panel = g->kh * g->kw * pass.rows.channels * WIDTH * (int64_t)sizeof(real);
    pass.shares = tile_parts(pass.lanes.parts, larger(PARTIAL_BYTES / panel, 1));
    const int64_t most = smaller(g->n, tile_parts(g->n * g->oh * g->ow, GROUP_PIXELS));
    pass.groups = smaller(tile_parts(TASKS, pass.shares), most);
    pass.shares = larger(pass.shares, smaller(tile_parts(LEAST_TASKS, pass.groups), pass.lanes.parts));
    choose_block(&pass);
    pass.scratch = layout_of(&pass);
    return pass;
}

static int64_t panel_lanes(const outer *pass, int64_t panel) {
    return smaller(WIDTH, pass->lanes.channels - panel * WIDTH);
}

// Pixels that are worked on together.
typedef struct pixel_block {
    tile_part images, lines;  // of dy
    int64_t x_top, x_lines;   // lines of x that the taps reach
    bool first;               // of the task: nothing is summed yet
} pixel_block;

static pixel_block block_at(const outer *pass, int64_t line) {
    const ag_conv_geometry *g = pass->geometry;
    pixel_block block = {{0, pass->images}, {line, smaller(pass->lines, g->oh - line)}, 0, 0, false};
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

// Some channels of a block's pixels as a strip [image][line][pixel][part].
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

static uintptr_t address_of(const operand *side, const void *data, int64_t image, int64_t line) {
    return (uintptr_t)data +
           (uintptr_t)((image * side->h + line) * side->w * side->channels * (int64_t)sizeof(real));
}

// The same lines of some images behind the block's, while its tiles are computed; nothing, if those are too
// few for it.
static fetching fetch_images(const outer *pass, const ag_conv_call *call, const pixel_block *block,
                             int64_t images) {
    const operand *x = pass->swapped ? &pass->lanes : &pass->rows;
    const operand *dy = pass->swapped ? &pass->rows : &pass->lanes;
    const int64_t first = block->images.first + block->images.count;
    const int64_t of_x = bytes_of(x, images, block->x_lines),
                  of_dy = bytes_of(dy, images, block->lines.count);
    const int64_t bytes = (tile_parts(of_x + of_dy, tile_count(pass) * 64) + 1) * 64;
    if (images == 0 || bytes > BYTES_AT_ONCE) return (fetching){0};
    const uintptr_t at = address_of(x, call->a, first, block->x_top);
    const uintptr_t then = address_of(dy, call->b, first, block->lines.first);
    return (fetching){at, at + (uintptr_t)of_x, then, then + (uintptr_t)of_dy, 64, bytes};
}

// A block's rows of the next strip, while this one's tiles are computed.
static fetching fetch_rows(const outer *pass, const ag_conv_call *call, const pixel_block *block,
                           int64_t part) {
    const operand *rows = &pass->rows;
    if (part == rows->parts) return (fetching){0};
    const bool of_x = !pass->swapped;
    const uintptr_t at = address_of(rows, of_x ? call->a : call->b, block->images.first,
                                    of_x ? block->x_top : block->lines.first) +
                         (uintptr_t)tile_cut(rows->channels, rows->parts, part).first * sizeof(real);
    const int64_t bytes = bytes_of(rows, block->images.count, of_x ? block->x_lines : block->lines.count),
                  pixel = rows->channels * (int64_t)sizeof(real), tiles = tile_count(pass) / rows->parts;
    return (fetching){at, at + (uintptr_t)bytes, 0, 0, pixel, tile_parts(bytes / pixel, tiles) * pixel};
}

// Output positions of an axis whose tap lies in the image.
static tile_part inside(int64_t tap, int64_t pad, int64_t stride, int64_t size, tile_part outputs) {
    const int64_t low = tap < pad ? (pad - tap + stride - 1) / stride : 0;
    const int64_t end = size - 1 + pad - tap < 0 ? 0 : (size - 1 + pad - tap) / stride + 1;
    const int64_t first = larger(low, outputs.first), last = smaller(end, outputs.first + outputs.count);
    return (tile_part){first, larger(last - first, 0)};
}

// The pixels of a block, image after image, whose tap lies in the image; how many of each image. One list
// instead of loops over images, lines and pixels: lines are short, and the end of each costs several pixels.
static int32_t list_places(const outer *pass, const pixel_block *block, int64_t tap, places *list) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t a = tap / g->kw, b = tap % g->kw;
    const tile_part i = inside(a, g->pad_top, g->stride, g->h, block->lines);
    const tile_part j = inside(b, g->pad_left, g->stride, g->w, (tile_part){0, g->ow});
    for (int64_t n = 0; n < pass->images; n++)
        for (int64_t line = i.first; line < i.first + i.count; line++) {
            const int64_t x_line = n * block->x_lines + line * g->stride + a - g->pad_top - block->x_top;
            const int64_t dy_line = n * block->lines.count + line - block->lines.first;
            for (int64_t k = j.first; k < j.first + j.count; k++) {
                const int64_t x = x_line * g->w + k * g->stride + b - g->pad_left, dy = dy_line * g->ow + k;
                *list++ = pass->swapped ? (places){(int32_t)dy * ROWS, (int32_t)x * WIDTH}
                                        : (places){(int32_t)x * ROWS, (int32_t)dy * WIDTH};
            }
        }
    return (int32_t)(i.count * j.count);
}

// sums[r][..] += over the listed pixels
INLINE void tile(int rows, int vectors, const places *list, int64_t count, const real *row_strip,
                 const real *lane_strip, bool first, real *sums) {
    vec acc[ROWS][2] = {{{0}}};
    for (int64_t k = 0; k < count; k++)
        tile_step(rows, vectors, row_strip + list[k].row, 1, lane_strip + list[k].lane, acc);
    for (int r = 0; r < rows; r++, sums += WIDTH) {
        if (!first) acc[r][0] += v_load(sums), acc[r][1] += v_load(sums + LANES);
        v_store(sums, acc[r][0]);
        v_store(sums + LANES, acc[r][1]);
    }
}

INLINE void fetch_sums(int64_t n, const real *sums) {
    for (int64_t k = 0; k < n; k += LANES) __builtin_prefetch(sums + k, 1);
}

static void add_panel(const outer *pass, const pixel_block *block, tile_part rows, int64_t panel, int vectors,
                      fetching *next_images, fetching *next_rows, char *scratch) {
    const layout *at = &pass->scratch;
    const int64_t pitch = pass->images * pass->lines * pass->geometry->ow;
    const real *row_strip = (const real *)(scratch + at->rows);
    const real *lane_strip = (const real *)(scratch + at->lanes + panel * at->lane_strip);
    real *sums = (real *)(scratch + panel * at->panel) + rows.first * WIDTH;
    for (int64_t tap = 0; tap < pass->geometry->kh * pass->geometry->kw; tap++) {
        const places *list = (const places *)(scratch + at->list) + tap * pitch;
        const int64_t count = block->images.count * ((const int32_t *)(scratch + at->counts))[tap];
        real *out = sums + tap * pass->rows.channels * WIDTH;
        fetch_some(next_images);
        fetch_some(next_rows);
        fetch_sums(rows.count * WIDTH, out);
        TILE_SWITCH_2(rows.count, vectors, tile, list, count, row_strip, lane_strip, block->first, out);
    }
}

static void add_block(const outer *pass, const ag_conv_call *call, tile_part panels, const pixel_block *block,
                      fetching next_images, char *scratch) {
    const real *rows_data = pass->swapped ? call->b : call->a;
    const real *lanes_data = pass->swapped ? call->a : call->b;
    const layout *at = &pass->scratch;
    for (int64_t p = 0; p < panels.count; p++) {
        const int64_t panel = panels.first + p;
        const tile_part channels = {panel * WIDTH, panel_lanes(pass, panel)};
        fill_strip(&pass->lanes, lanes_data, block, pass->swapped, channels,
                   (real *)(scratch + at->lanes + p * at->lane_strip));
    }
    for (int64_t part = 0; part < pass->rows.parts; part++) {
        const tile_part rows = tile_cut(pass->rows.channels, pass->rows.parts, part);
        fill_strip(&pass->rows, rows_data, block, !pass->swapped, rows, (real *)(scratch + at->rows));
        fetching next_rows = fetch_rows(pass, call, block, part + 1);
        for (int64_t p = 0; p < panels.count; p++)
            add_panel(pass, block, rows, p, tile_vectors(panel_lanes(pass, panels.first + p)), &next_images,
                      &next_rows, scratch);
    }
}

// The lists serve all images of the group.
static void list_block(const outer *pass, const pixel_block *block, char *scratch) {
    const ag_conv_geometry *g = pass->geometry;
    places *list = (places *)(scratch + pass->scratch.list);
    int32_t *counts = (int32_t *)(scratch + pass->scratch.counts);
    for (int64_t tap = 0; tap < g->kh * g->kw; tap++)
        counts[tap] = list_places(pass, block, tap, list + tap * pass->images * pass->lines * g->ow);
}

static char *scratch_of(const outer *pass, const ag_conv_call *call, int64_t share, int64_t group) {
    return (char *)call->scratch + (share * pass->groups + group) * pass->scratch.end;
}

// Tasks of stage 1 are (group of images, share of the panels).
static void sum_group(const outer *pass, const ag_conv_call *call, int64_t task) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t share = task % pass->shares;
    const tile_part panels = tile_cut(pass->lanes.parts, pass->shares, share);
    const tile_part group = tile_cut(g->n, pass->groups, task / pass->shares);
    char *scratch = scratch_of(pass, call, share, task / pass->shares);
    for (int64_t line = 0; line < g->oh; line += pass->lines) {
        pixel_block block = block_at(pass, line);
        list_block(pass, &block, scratch);
        for (int64_t n = 0; n < group.count; n += pass->images) {
            block.images = (tile_part){group.first + n, smaller(pass->images, group.count - n)};
            block.first = n == 0 && line == 0;
            const int64_t left = group.count - n - block.images.count;
            add_block(pass, call, panels, &block,
                      fetch_images(pass, call, &block, smaller(pass->images, left)), scratch);
        }
    }
}

// One row of one tap and panel: the groups' sums in index order.
static void combine_row(const outer *pass, const char *sums, int64_t lanes, int64_t step, real *out) {
    vec total[2] = {{0}};
    for (int64_t k = 0; k < pass->groups; k++, sums += pass->scratch.end) {
        total[0] += v_load((const real *)sums);
        total[1] += v_load((const real *)sums + LANES);
    }
    if (lanes == WIDTH && step == 1) {
        v_store(out, total[0]), v_store(out + LANES, total[1]);
        return;
    }
    real values[WIDTH];
    memcpy(values, total, sizeof values);
    for (int64_t o = 0; o < lanes; o++) out[o * step] = values[o];
}

// Tasks of stage 2 are taps: into dw[tap][ci][co].
static void combine_tap(const outer *pass, const ag_conv_call *call, int64_t tap) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t row_step = pass->swapped ? 1 : g->co, lane_step = pass->swapped ? g->co : 1;
    const int64_t row_bytes = WIDTH * (int64_t)sizeof(real);
    real *dw = (real *)call->out + tap * g->ci * g->co;
    for (int64_t share = 0; share < pass->shares; share++) {
        const tile_part panels = tile_cut(pass->lanes.parts, pass->shares, share);
        const char *scratch = scratch_of(pass, call, share, 0);
        for (int64_t p = 0; p < panels.count; p++) {
            const char *sums = scratch + p * pass->scratch.panel + tap * pass->rows.channels * row_bytes;
            const int64_t lane = (panels.first + p) * WIDTH, lanes = panel_lanes(pass, panels.first + p);
            for (int64_t r = 0; r < pass->rows.channels; r++)
                combine_row(pass, sums + r * row_bytes, lanes, lane_step,
                            dw + r * row_step + lane * lane_step);
        }
    }
}

int64_t KERNEL(weight_gradient_bytes)(const ag_conv_geometry *geometry, int workers) {
    (void)workers;
    const outer pass = outer_of(geometry);
    return pass.shares * pass.groups * pass.scratch.end;
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
