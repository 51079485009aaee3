// SPDX-License-Identifier: MIT
// Forward convolution and input gradient by Winograd's algorithm. The weights are transformed first; then a
// block of images goes through it row product by row product: a line of transformed pixels, a matrix product
// per pair of filters, and the result added to the lines that it belongs to.
#include "autograd/kernels/winograd.h"
#include "autograd/kernels/epilogue.h"

enum {
    BLOCK_IMAGES = 4,        // of a task, at most
    LEAST_BLOCKS = 4,        // as far as there are images
    UNIT_ROWS = 2,           // row products of one filter taken at once, at most
    CHUNK_BYTES = 16 << 10,  // of the weights that are transformed at once, in the first-level cache
};

static int64_t pair_count(const winograd *pass) {
    return (int64_t)pass->rows.filters * pass->columns.filters;
}
static int64_t blocks_of(int64_t n) { return larger(tile_parts(n, BLOCK_IMAGES), smaller(n, LEAST_BLOCKS)); }
static int64_t block_count(const winograd *pass) { return blocks_of(pass->geometry.n); }
static int64_t block_images(const winograd *pass) { return tile_parts(pass->geometry.n, block_count(pass)); }
static const images *input_of(const winograd *pass) { return pass->transposed ? &pass->y : &pass->x; }
static const images *output_of(const winograd *pass) { return pass->transposed ? &pass->x : &pass->y; }
static int64_t panels_of(const images *side) { return tile_parts(side->c, WIDTH); }

// lines[image][w][c] from the sums of a row product. The lanes behind the last channel are overwritten by the
// next pixel, or lie in the line's margin.
static void give_pixels(const unit *u, const images *side, const real *sums, real *lines) {
    combination sum = {.from = sums,
                       .step = u->images * u->rows * side->pitch,
                       .from_row = side->pitch,
                       .rows = u->images,
                       .count = whole_lanes(side->c),
                       .out_row = line_size(side)};
    for (int64_t j = 0; j < side->w; j++) {
        sum.out = lines + j * side->c;
        combine_row(&sum, &side->at_column, j);
    }
}

// The epilogue over a vector of channels of each pixel. Apart, so that its constants are in registers.
static __attribute__((noinline)) void finish_lanes(real *v, int64_t pixels, int64_t step, epilogue e) {
    for (int64_t j = 0; j < pixels; j++, v += step) v_store(v, v_finish(v_load(v), e));
}

// Fewer channels than lanes, of one pixel.
static __attribute__((noinline)) void finish_part(real *v, int64_t count, epilogue e) {
    v_store_part(v, count, v_finish(v_load_part(v, count), e));
}

// The epilogue over a row of pixels.
static void finish_row(const images *side, const ag_conv_call *call, real *row) {
    for (int64_t c = 0; c < side->c; c += LANES) {
        const int64_t count = smaller(LANES, side->c - c);
        const epilogue e = epilogue_at(&call->epilogue, c, count);
        if (count == LANES)
            finish_lanes(row + c, side->w, side->c, e);
        else
            for (int64_t j = 0; j < side->w; j++) finish_part(row + j * side->c + c, count, e);
    }
}

// Adds the lines to the rows of the images that the row product gives to.
// The first product to reach a row starts it, the last one finishes it.
static void give_lines(const unit *u, const images *side, const ag_conv_call *call, int64_t row,
                       const real *lines, real *first_image) {
    const int64_t length = side->w * side->c;
    for (int32_t t = side->row.start[row]; t < side->row.start[row + 1]; t++) {
        const ag_axis_term term = {0, side->row.term[t].factor};
        const int64_t at = side->row.term[t].at, first = side->at_row.start[at],
                      end = side->at_row.start[at + 1];
        const combination sum = {.from = lines,
                                 .from_row = line_size(side),
                                 .rows = u->images,
                                 .count = length,
                                 .out = first_image + at * length,
                                 .out_row = side->h * length};
        combine(&sum, 1, &term, side->at_row.term[first].at != row);
        if (epilogue_is_empty(&call->epilogue) || side->at_row.term[end - 1].at != row) continue;
        for (int64_t image = 0; image < u->images; image++)
            finish_row(side, call, (real *)sum.out + image * sum.out_row);
    }
}

static void give(const unit *u, const images *side, const ag_conv_call *call, const real *sums, real *lines,
                 real *first_image) {
    for (int64_t row = 0; row < u->rows; row++) {
        give_pixels(u, side, sums + row * u->images * side->pitch, lines);
        give_lines(u, side, call, u->first_row + row, lines, first_image);
    }
}

// Rows that no product reaches: of padding alone, or left over by the stride.
static void fill_unreached(const images *side, const ag_conv_call *call, int64_t count, real *first_image) {
    const int64_t length = side->w * side->c;
    for (int64_t i = 0; i < side->h; i++)
        for (int64_t n = 0; n < count && side->at_row.start[i] == side->at_row.start[i + 1]; n++) {
            real *row = first_image + (n * side->h + i) * length;
            memset(row, 0, (size_t)length * sizeof(real));
            if (!epilogue_is_empty(&call->epilogue)) finish_row(side, call, row);
        }
}

// ---- transformed weights: factors u[filter pair][panel][input / PAIR][WIDTH][PAIR]

static int64_t panel_size(const winograd *pass) { return input_of(pass)->c * WIDTH; }

// out[tap][k][WIDTH], zeros behind the last output
static void gather_weights(const winograd *pass, const real *w, int64_t panel, tile_part inputs, real *out) {
    const ag_conv_geometry *g = &pass->geometry;
    const int64_t first = panel * WIDTH, count = smaller(WIDTH, output_of(pass)->c - first);
    const bool backwards = pass->transposed || pass->mirrored;  // from the weights' outputs to their inputs
    const int64_t in_step = backwards ? 1 : g->co, out_step = backwards ? input_of(pass)->c : 1;
    const int64_t taps = g->kh * g->kw;
    for (int64_t tap = 0; tap < taps; tap++) {
        const int64_t at = pass->mirrored ? taps - 1 - tap : tap;
        const real *from = w + at * g->ci * g->co + inputs.first * in_step + first * out_step;
        for (int64_t k = 0; k < inputs.count; k++, out += WIDTH)
            for (int64_t o = 0; o < WIDTH; o++) out[o] = o < count ? from[k * in_step + o * out_step] : 0;
    }
}

static void transform_chunk(const winograd *pass, const real *w, int64_t panel, tile_part inputs, factor *u) {
    const ag_axis *rows = &pass->rows, *columns = &pass->columns;
    const int64_t count = inputs.count * WIDTH;
    real taps[CHUNK_BYTES / sizeof(real)], line[CHUNK_BYTES / sizeof(real)];
    gather_weights(pass, w, panel, inputs, taps);
    const combination down = {
        .from = taps, .step = columns->taps * count, .rows = 1, .count = columns->taps * count, .out = line};
    combination across = {.from = line,
                          .step = count,
                          .from_row = WIDTH,
                          .rows = inputs.count,
                          .count = WIDTH,
                          .out_row = WIDTH,
                          .kind = COMBINE_ROWS};
    for (int i = 0; i < rows->filters; i++) {
        combine_dense(&down, rows->taps, rows->filter[i]);
        for (int j = 0; j < columns->filters; j++) {
            const int64_t pair = (int64_t)i * columns->filters + j;
            across.out =
                u + (pair * panels_of(output_of(pass)) + panel) * panel_size(pass) + inputs.first * WIDTH;
            combine_dense(&across, columns->taps, columns->filter[j]);
        }
    }
}

// Inputs whose weights are transformed at once.
static int64_t chunk_inputs(const ag_conv_geometry *g) {
    return CHUNK_BYTES / (int64_t)sizeof(real) / (g->kh * g->kw * WIDTH) / PAIR * PAIR;
}

static void transform_inputs(const winograd *pass, const real *w, int64_t task, factor *u) {
    const int64_t chunk = chunk_inputs(&pass->geometry), first = task * chunk;
    const tile_part inputs = {first, smaller(chunk, input_of(pass)->c - first)};
    for (int64_t panel = 0; panel < panels_of(output_of(pass)); panel++)
        transform_chunk(pass, w, panel, inputs, u);
}

// ---- forward and input gradient

// out[r][WIDTH] = sum over k of a[r][k] b[k][WIDTH]
INLINE void product_tile(int rows, int vectors, const factor *a, int64_t a_pitch, const factor *b,
                         int64_t length, real *out, int64_t out_pitch) {
    vec acc[ROWS][2] = {{{0}}};
    tile_multiply(rows, vectors, length, a, a_pitch, b, acc);
    for (int r = 0; r < rows; r++) {
        v_store(out + r * out_pitch, acc[r][0]);
        v_store(out + r * out_pitch + LANES, acc[r][1]);
    }
}

// All rows of one pair of filters times its weights.
static void multiply_pair(const winograd *pass, int64_t rows, const factor *pixels, const factor *u,
                          real *sums) {
    const images *in = input_of(pass), *out = output_of(pass);
    const int64_t parts = tile_parts(rows, ROWS);
    for (int64_t first = 0; first < out->c; first += WIDTH, u += panel_size(pass))
        for (int64_t i = 0; i < parts; i++) {
            const tile_part part = tile_cut(rows, parts, i);
            TILE_SWITCH_2(part.count, tile_vectors(out->c - first), product_tile,
                          pixels + part.first * in->pitch, in->pitch, u, in->c,
                          sums + part.first * out->pitch + first, out->pitch);
        }
}

// A worker's own memory: lines, transformed pixels, sums.
static int64_t pixels_offset(const winograd *pass) {
    return reals(block_images(pass) * larger(line_size(&pass->x), line_size(&pass->y)));
}
static int64_t sums_offset(const winograd *pass) {
    return pixels_offset(pass) + factor_bytes(block_images(pass) * UNIT_ROWS * product_count(&pass->columns) *
                                              input_of(pass)->pitch);
}
static int64_t block_bytes(const winograd *pass) {
    return sums_offset(pass) +
           reals(block_images(pass) * UNIT_ROWS * product_count(&pass->columns) * output_of(pass)->pitch);
}

static int64_t weights_bytes(const winograd *pass) {
    return factor_bytes(pair_count(pass) * panels_of(output_of(pass)) * panel_size(pass));
}

static void run_block(const winograd *pass, const ag_conv_call *call, int64_t task) {
    const images *in = input_of(pass), *out = output_of(pass);
    const tile_part part = tile_cut(pass->geometry.n, block_count(pass), task);
    char *own =
        (char *)call->scratch + pass->matrices_bytes + weights_bytes(pass) + call->worker * block_bytes(pass);
    real *lines = (real *)own, *sums = (real *)(own + sums_offset(pass));
    factor *pixels = (factor *)(own + pixels_offset(pass));
    const factor *u = (const factor *)((const char *)call->scratch + pass->matrices_bytes);
    const real *from = (const real *)call->a + part.first * in->h * in->w * in->c;
    real *to = (real *)call->out + part.first * out->h * out->w * out->c;
    const int64_t pair_size = panels_of(out) * panel_size(pass);
    fill_unreached(out, call, part.count, to);
    for (int i = 0; i < pass->rows.filters; i++)
        for (int32_t row = pass->rows.first[i]; row < pass->rows.first[i + 1]; row += UNIT_ROWS) {
            const unit now = {.pass = pass,
                              .images = part.count,
                              .first_row = row,
                              .rows = smaller(UNIT_ROWS, pass->rows.first[i + 1] - row),
                              .kind = COMBINE_FACTORS};
            take(&now, in, from, lines, pixels);
            for (int j = 0; j < pass->columns.filters; j++)
                multiply_pair(pass, filter_rows(&now, j), pixels + filter_start(&now, j) * in->pitch,
                              u + ((int64_t)i * pass->columns.filters + j) * pair_size,
                              sums + filter_start(&now, j) * out->pitch);
            give(&now, out, call, sums, lines, to);
        }
}

static int64_t gather_bytes(const ag_conv_geometry *g, bool transposed, int workers) {
    const winograd pass = winograd_of(g, transposed);
    return pass.matrices_bytes + weights_bytes(&pass) + workers * block_bytes(&pass);
}

// Stages: the matrices; the weights, some inputs at a time; blocks of images.
static int64_t gather_tasks(const ag_conv_geometry *g, bool transposed, int stage) {
    return stage == 0   ? 1
           : stage == 1 ? tile_parts(transposed ? g->co : g->ci, chunk_inputs(g))
                        : blocks_of(g->n);
}

static void gather_run(const ag_conv_call *call, bool transposed, int stage, int64_t task) {
    const winograd *pass = call->scratch;
    if (stage == 0) {
        const winograd described = winograd_of(call->geometry, transposed);
        winograd_build(&described, call->scratch);
    } else if (stage == 1) {
        transform_inputs(pass, call->b, task, (factor *)((char *)call->scratch + pass->matrices_bytes));
    } else {
        run_block(pass, call, task);
    }
}

int64_t KERNEL(winograd_forward_bytes)(const ag_conv_geometry *g, int workers) {
    return gather_bytes(g, false, workers);
}
int64_t KERNEL(winograd_forward_tasks)(const ag_conv_geometry *g, int stage) {
    return gather_tasks(g, false, stage);
}
void KERNEL(winograd_forward_run)(const ag_conv_call *call, int stage, int64_t task) {
    gather_run(call, false, stage, task);
}

int64_t KERNEL(winograd_input_gradient_bytes)(const ag_conv_geometry *g, int workers) {
    return gather_bytes(g, true, workers);
}
int64_t KERNEL(winograd_input_gradient_tasks)(const ag_conv_geometry *g, int stage) {
    return gather_tasks(g, true, stage);
}
void KERNEL(winograd_input_gradient_run)(const ag_conv_call *call, int stage, int64_t task) {
    gather_run(call, true, stage, task);
}
