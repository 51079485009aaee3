// SPDX-License-Identifier: MIT
// Forward convolution and input gradient: both gather, for an output pixel, rows of input pixels times
// weights. The register tile's rows are one pixel of several images, so that a tap outside the image is
// skipped for the whole tile.
#include "autograd/kernels/epilogue.h"
#include "autograd/kernels/tile.h"

enum {
    ROUNDED = PAIR > 1,  // factors are not the images' own numbers
    FEW_INPUTS = 4,
};

// One of the two passes: which tensor is gathered from, which is written.
typedef struct gather {
    const ag_conv_geometry *geometry;
    bool transposed;  // the input gradient
    int64_t in_h, in_w, in_c, out_h, out_w, out_c;
    bool narrow;    // few outputs: vectors run along in_c instead
    int64_t depth;  // in_c as it is multiplied: in whole pairs
} gather;

static gather gather_of(const ag_conv_geometry *g, bool transposed) {
    gather pass = {g, transposed, g->h, g->w, g->ci, g->oh, g->ow, g->co, false, 0};
    if (transposed) pass = (gather){g, transposed, g->oh, g->ow, g->co, g->h, g->w, g->ci, false, 0};
    pass.narrow = pass.out_c <= LANES / 2 && pass.in_c >= LANES;
    pass.depth = tile_parts(pass.in_c, PAIR) * PAIR;
    return pass;
}

// Rounding the images takes longer than bf16 products save: those of few outputs, and of few inputs that are
// no whole pairs, which are rounded one by one (28x28x3 -> 14x14x32 of 128 images 0.57 instead of 0.15 ms).
// The table's own type multiplies them as they are.
static bool stays_unrounded(const gather *pass) {
    return ROUNDED && (pass->narrow || (pass->in_c < pass->depth && pass->in_c < FEW_INPUTS));
}

static int64_t panel_width(const gather *pass) { return pass->narrow ? 1 : WIDTH; }
static int64_t panel_count(const gather *pass) { return tile_parts(pass->out_c, panel_width(pass)); }
static int64_t panel_bytes(const gather *pass) {
    const int64_t weights = pass->geometry->kh * pass->geometry->kw * pass->depth * panel_width(pass);
    return weights * (int64_t)sizeof(factor);
}
static int64_t image_size(const gather *pass) { return pass->in_h * pass->in_w * pass->depth; }

// The taps of one axis that reach an output position: `count` of them from `first` on, in packed order, over
// input positions from `source` on.
typedef struct taps {
    int64_t first, count, source;
} taps;

// Forward: taps are packed as they are.
INLINE taps forward_taps(int64_t at, int64_t k, int64_t stride, int64_t pad, int64_t size) {
    const int64_t start = at * stride - pad, low = start < 0 ? -start : 0;
    const int64_t high = k < size - start ? k : size - start;
    return (taps){low, high - low, start + low};
}

// Input gradient: tap b reaches input position (at + pad - b) / stride if that has no remainder. Packed by
// remainder b % stride, in each from the last tap to the first, so that the positions ascend.
INLINE taps gradient_taps(int64_t at, int64_t k, int64_t stride, int64_t pad, int64_t size) {
    const int64_t top = (at + pad) / stride, phase = (at + pad) % stride;
    const int64_t before = k / stride * phase + (k % stride < phase ? k % stride : phase);
    const int64_t last = phase < k ? (k - phase - 1) / stride : -1;  // b = phase + t * stride, t <= last
    const int64_t high = last < top ? last : top, low = top < size ? 0 : top - size + 1;
    return (taps){before + last - high, high - low + 1, top - high};
}

INLINE taps taps_at(const gather *pass, bool vertical, int64_t at) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t k = vertical ? g->kh : g->kw, pad = vertical ? g->pad_top : g->pad_left;
    const int64_t size = vertical ? pass->in_h : pass->in_w;
    return pass->transposed ? gradient_taps(at, k, g->stride, pad, size)
                            : forward_taps(at, k, g->stride, pad, size);
}

// Tap at a place of the packed order.
static int64_t unpacked_tap(const gather *pass, int64_t k, int64_t place) {
    if (!pass->transposed) return place;
    const int64_t stride = pass->geometry->stride;
    for (int64_t phase = 0; phase < stride; phase++) {
        const int64_t count = phase < k ? (k - phase - 1) / stride + 1 : 0;
        if (place < count) return phase + (count - 1 - place) * stride;
        place -= count;
    }
    return 0;
}

// A row of weights, zeros behind the last one: into row
// `row` of u[.. / PAIR][WIDTH][PAIR], or u[..] if narrow (then PAIR is 1).
static void pack_row(const gather *pass, const real *from, int64_t step, int64_t count, int64_t row,
                     void *u) {
    if (pass->narrow) {
        ((factor *)u)[row] = f_of(from[0]);
        return;
    }
    factor *to = (factor *)u + row / PAIR * PAIR * WIDTH + row % PAIR;
    for (int64_t o = 0; o < WIDTH; o++) to[o * PAIR] = f_of(o < count ? from[o * step] : 0);
}

// w[tap][ci][co] -> u[place][depth], by rows
static void pack_panel(const gather *pass, const real *w, int64_t panel, void *u) {
    const ag_conv_geometry *g = pass->geometry;
    const int64_t width = panel_width(pass), first = panel * width, rest = pass->out_c - first;
    const int64_t count = rest < width ? rest : width;
    const int64_t in_step = pass->transposed ? 1 : g->co, out_step = pass->transposed ? g->co : 1;
    for (int64_t place = 0; place < g->kh * g->kw; place++) {
        const int64_t a = unpacked_tap(pass, g->kh, place / g->kw);
        const int64_t b = unpacked_tap(pass, g->kw, place % g->kw);
        const real *from = w + (a * g->kw + b) * g->ci * g->co + first * out_step;
        for (int64_t c = 0; c < pass->depth; c++)
            pack_row(pass, from + c * in_step, out_step, c < pass->in_c ? count : 0, place * pass->depth + c,
                     u);
    }
}

// An image's numbers as factors, each pixel in whole pairs.
static void round_image(const gather *pass, const real *in, factor *out) {
    const int64_t pixels = pass->in_h * pass->in_w, odd = pass->in_c < pass->depth;
    const int64_t rows = odd ? pixels : 1, n = odd ? pass->in_c : pixels * pass->in_c;
    for (int64_t r = 0; r < rows; r++) f_round(in + r * n, n, out + r * (n + odd), n + odd);
}

// Images and outputs of one task.
typedef struct block {
    const gather *pass;
    const void *in, *u;  // the first image, the panel: factors
    real *out;           // the first image, from the panel's first output on
    int64_t in_image, out_image, outputs;
    bool has_epilogue;
    epilogue end[2];  // of the panel's outputs; if narrow, of the one in all lanes
} gather_block;

INLINE void finish(int rows, int vectors, const gather_block *task, vec acc[ROWS][2]) {
    for (int i = 0; i < vectors; i++)
        for (int r = 0; r < rows; r++) acc[r][i] = v_finish(acc[r][i], task->end[i]);
}

INLINE void wide_pixel(int rows, int vectors, const gather_block *task, taps v, taps h, real *out) {
    const gather *pass = task->pass;
    const factor *in = task->in, *u = task->u;
    vec acc[ROWS][2] = {{{0}}};
    for (int64_t t = 0; t < v.count; t++)
        tile_multiply(rows, vectors, h.count * pass->depth,
                      in + ((v.source + t) * pass->in_w + h.source) * pass->depth, task->in_image,
                      u + ((v.first + t) * pass->geometry->kw + h.first) * pass->depth * WIDTH, acc);
    if (task->has_epilogue) finish(rows, vectors, task, acc);
    for (int r = 0; r < rows; r++) tile_store(vectors, acc[r], out + r * task->out_image, task->outputs);
}

// acc[r] += a[r * row + ..] * b[..] by vectors, lanes still apart; at least a vector. The last one overlaps
// the one before and is masked: a call that copied the rest would send the sums to memory.
INLINE void dot(int rows, int64_t length, const real *a, int64_t row, const real *b, vec acc[ROWS]) {
    int64_t k = 0;
    for (; k + LANES <= length; k += LANES) {
        const vec w = v_load(b + k);
        for (int r = 0; r < rows; r++) acc[r] += v_load(a + r * row + k) * w;
    }
    if (k == length) return;
    const vec w = v_last(v_load(b + length - LANES), length - k);
    for (int r = 0; r < rows; r++) acc[r] += v_last(v_load(a + r * row + length - LANES), length - k) * w;
}

// Apart, so that its constants take no registers from the loops.
static __attribute__((noinline)) vec finish_sums(const gather_block *task, vec sums) {
    return v_finish(sums, task->end[0]);
}

INLINE void narrow_pixel(int rows, const gather_block *task, taps v, taps h, real *out) {
    const gather *pass = task->pass;
    const real *in = task->in, *u = task->u;
    vec acc[ROWS] = {{0}};
    for (int64_t t = 0; t < v.count; t++)
        dot(rows, h.count * pass->in_c, in + ((v.source + t) * pass->in_w + h.source) * pass->in_c,
            task->in_image, u + ((v.first + t) * pass->geometry->kw + h.first) * pass->in_c, acc);
    for (int first = 0; first < rows; first += LANES) {
        const int count = rows - first < LANES ? rows - first : LANES;
        vec sums = v_sums(count, acc + first);
        if (task->has_epilogue) sums = finish_sums(task, sums);
        for (int r = 0; r < count; r++) out[(first + r) * task->out_image] = sums[r];
    }
}

// vectors: of outputs; none if narrow
INLINE void pixels(int rows, int vectors, const gather_block *task) {
    const gather *pass = task->pass;
    for (int64_t i = 0; i < pass->out_h; i++) {
        const taps vertical = taps_at(pass, true, i);
        for (int64_t j = 0; j < pass->out_w; j++) {
            const taps h = taps_at(pass, false, j), v = h.count > 0 ? vertical : (taps){0};
            real *out = task->out + (i * pass->out_w + j) * pass->out_c;
            if (vectors == 0)
                narrow_pixel(rows, task, v, h, out);
            else
                wide_pixel(rows, vectors, task, v, h, out);
        }
    }
}

// Tasks of stage 0 are the panels, and the images where they are rounded; of stage 1 (group of images,
// panel): those that follow each other share the images in the cache.
static int64_t gather_tasks(const gather *pass, int stage) {
    const int64_t n = pass->geometry->n, panels = panel_count(pass);
    if (stage == 0) return panels + (ROUNDED ? n : 0);
    return stage == 1 ? panels * tile_parts(n, ROWS) : 0;
}

// Scratch: the panels, then the rounded images.
static int64_t panels_bytes(const gather *pass) {
    return (panel_count(pass) * panel_bytes(pass) + 63) / 64 * 64;
}

static int64_t gather_bytes(const gather *pass) {
    const int64_t images = ROUNDED ? pass->geometry->n * image_size(pass) : 0;
    return panels_bytes(pass) + images * (int64_t)sizeof(factor);
}

static void prepare(const gather *pass, const ag_conv_call *call, int64_t task) {
    const int64_t panels = panel_count(pass), image = task - panels;
    char *scratch = call->scratch;
    if (task < panels)
        pack_panel(pass, call->b, task, scratch + task * panel_bytes(pass));
    else
        round_image(pass, (const real *)call->a + image * pass->in_h * pass->in_w * pass->in_c,
                    (factor *)(scratch + panels_bytes(pass)) + image * image_size(pass));
}

static const void *images_from(const gather *pass, const ag_conv_call *call, int64_t first) {
    if (ROUNDED)
        return (const factor *)((const char *)call->scratch + panels_bytes(pass)) + first * image_size(pass);
    return (const real *)call->a + first * image_size(pass);
}

static void run_block(const gather *pass, const ag_conv_call *call, int64_t task) {
    const int64_t panels = panel_count(pass), panel = task % panels;
    const tile_part images = tile_cut(pass->geometry->n, tile_parts(pass->geometry->n, ROWS), task / panels);
    const int64_t width = panel_width(pass), rest = pass->out_c - panel * width;
    const int64_t out_image = pass->out_h * pass->out_w * pass->out_c;
    const int64_t first = panel * width, outputs = rest < width ? rest : width;
    gather_block block = {.pass = pass,
                          .in = images_from(pass, call, images.first),
                          .u = (const char *)call->scratch + panel * panel_bytes(pass),
                          .out = (real *)call->out + images.first * out_image + first,
                          .in_image = image_size(pass),
                          .out_image = out_image,
                          .outputs = outputs,
                          .has_epilogue = !epilogue_is_empty(&call->epilogue),
                          .end = {epilogue_at(&call->epilogue, first, outputs)}};
    if (outputs > LANES) block.end[1] = epilogue_at(&call->epilogue, first + LANES, outputs - LANES);
    if (pass->narrow)
        TILE_SWITCH(images.count, pixels, 0, &block)
    else
        TILE_SWITCH_2(images.count, tile_vectors(outputs), pixels, &block);
}

static void gather_run(const gather *pass, const ag_conv_call *call, int stage, int64_t task) {
    if (stage == 0)
        prepare(pass, call, task);
    else
        run_block(pass, call, task);
}

int64_t KERNEL(forward_bytes)(const ag_conv_geometry *geometry, int workers) {
    const gather pass = gather_of(geometry, false);
    return stays_unrounded(&pass) ? KERNEL_SHARED(forward_bytes)(geometry, workers) : gather_bytes(&pass);
}

int64_t KERNEL(forward_tasks)(const ag_conv_geometry *geometry, int stage) {
    const gather pass = gather_of(geometry, false);
    return stays_unrounded(&pass) ? KERNEL_SHARED(forward_tasks)(geometry, stage)
                                  : gather_tasks(&pass, stage);
}

void KERNEL(forward_run)(const ag_conv_call *call, int stage, int64_t task) {
    const gather pass = gather_of(call->geometry, false);
    if (stays_unrounded(&pass))
        KERNEL_SHARED(forward_run)(call, stage, task);
    else
        gather_run(&pass, call, stage, task);
}

int64_t KERNEL(input_gradient_bytes)(const ag_conv_geometry *geometry, int workers) {
    const gather pass = gather_of(geometry, true);
    return stays_unrounded(&pass) ? KERNEL_SHARED(input_gradient_bytes)(geometry, workers)
                                  : gather_bytes(&pass);
}

int64_t KERNEL(input_gradient_tasks)(const ag_conv_geometry *geometry, int stage) {
    const gather pass = gather_of(geometry, true);
    return stays_unrounded(&pass) ? KERNEL_SHARED(input_gradient_tasks)(geometry, stage)
                                  : gather_tasks(&pass, stage);
}

void KERNEL(input_gradient_run)(const ag_conv_call *call, int stage, int64_t task) {
    const gather pass = gather_of(call->geometry, true);
    if (stays_unrounded(&pass))
        KERNEL_SHARED(input_gradient_run)(call, stage, task);
    else
        gather_run(&pass, call, stage, task);
}
