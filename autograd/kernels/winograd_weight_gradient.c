// SPDX-License-Identifier: MIT
// Weight gradient by Winograd's algorithm: per pair of filters the outer products of the transformed pixels
// of x and dy, and the filters' transpose at the end.
#include "autograd/kernels/ahead.h"
#include "autograd/kernels/winograd_tasks.h"

enum {
    UNIT_ROWS = 32,  // of images (or pairs) and row products transformed at once: many, for long sums
    // Pixels whose products are added to each other before they are added to the rest, where the points are
    // many: as many as the registers hold beside the sums.
    STEPS = PAIR == 1 && KERNEL_VECTOR_BYTES == 64 ? 4 : 1,
    // Pixels added up from zero, at most: where the points are many, and where they are few. The rounding of
    // bf16 hides that of its sums.
    RUN = STEPS > 1 ? 48 : 24,
    LONG_RUN = PAIR > 1 ? INT32_MAX : 96,
    CHUNK = 1024,  // elements of dw that a task of the last stage makes, whole rows of WIDTH
};

// Of a panel's rows, in the last stage.
static int64_t chunk_count(int64_t ci) { return tile_parts(ci, CHUNK / WIDTH); }

// Row products and images transformed at once.
static int64_t unit_rows(const winograd *pass, int64_t filter) {
    return smaller(larger(row_count(pass, filter), 1), UNIT_ROWS);
}

static int64_t unit_images(const winograd *pass, int64_t filter) {
    return smaller(UNIT_ROWS / unit_rows(pass, filter) * PAIR, pass->geometry.n);
}

// ---- scratch: matrices, sums of each task [column filter][panel][ci][WIDTH], each worker's own memory

static int64_t panel_count(const winograd *pass) { return tile_parts(pass->y.c, WIDTH); }
static int64_t weights(const winograd *pass) { return panel_count(pass) * pass->x.c * WIDTH; }
static int64_t sums_size(const winograd *pass) { return pass->columns.filters * weights(pass); }
static int64_t task_count(const winograd *pass) {
    const division d = divide(pass);
    return d.blocks * d.tasks;
}

static int64_t lines_bytes(const winograd *pass, int64_t filter) {
    const int64_t count = smaller(TAKEN_IMAGES, unit_images(pass, filter));
    return reals(count * larger(line_size(&pass->x), line_size(&pass->y)));
}

static int64_t pixels_bytes(const winograd *pass, const images *side, int64_t filter) {
    return factor_bytes(tile_parts(unit_images(pass, filter), PAIR) * PAIR * unit_rows(pass, filter) *
                        product_count(&pass->columns) * side->pitch);
}

static int64_t worker_bytes(const winograd *pass) {
    const int64_t chunks = (int64_t)pass->rows.filters * pass->columns.taps + pass->columns.filters;
    int64_t most = reals(chunks * CHUNK);
    for (int f = 0; f < pass->rows.filters; f++)
        most = larger(
            most, lines_bytes(pass, f) + pixels_bytes(pass, &pass->x, f) + pixels_bytes(pass, &pass->y, f));
    return most;
}

static char *worker_memory(const winograd *pass, const ag_conv_call *call) {
    return (char *)call->scratch + pass->matrices_bytes + reals(task_count(pass) * sums_size(pass)) +
           call->worker * worker_bytes(pass);
}

// ---- stage 1

// acc[r][..] += the sum over s < STEPS of a[s][r] b[s][..], which is rounded while it is still small.
// Pointers, because gcc keeps an index for every element that lies a pitch away.
INLINE void add_steps(int rows, int vectors, const factor *const *a, const factor *const *b,
                      vec acc[ROWS][2]) {
    factors f[STEPS][2];
    for (int s = 0; s < STEPS; s++)
        for (int i = 0; i < vectors; i++) f[s][i] = f_load(b[s] + i * LANES * PAIR);
    for (int r = 0; r < rows; r++) {
        vec sum[2] = {{0}};
        for (int s = 0; s < STEPS; s++) {
            const factors w = f_set(a[s] + r * PAIR);
            for (int i = 0; i < vectors; i++) sum[i] = f_multiply(sum[i], w, f[s][i]);
        }
        acc[r][0] += sum[0], acc[r][1] += sum[1];
    }
}

// As many whole STEPS of a sum as there are; returns their length.
INLINE int64_t outer_steps(int rows, int vectors, const factor *a, int64_t a_step, const factor *b,
                           int64_t b_step, int64_t length, vec acc[ROWS][2]) {
    const factor *as[STEPS], *bs[STEPS];
    for (int s = 0; s < STEPS; s++) as[s] = a + s * a_step, bs[s] = b + s * b_step;
    int64_t k = 0;
    for (; k + STEPS <= length; k += STEPS) {
        add_steps(rows, vectors, as, bs, acc);
        for (int s = 0; s < STEPS; s++) as[s] += STEPS * a_step, bs[s] += STEPS * b_step;
    }
    return k;
}

// out[r][WIDTH] (+)= sum over k < length of a[k][r] b[k][WIDTH], of pairs the sum of both products
INLINE void outer_tile(int rows, int vectors, bool in_steps, const factor *a, int64_t a_pitch,
                       const factor *b, int64_t b_pitch, int64_t length, bool first, real *out) {
    const int64_t a_step = a_pitch * PAIR, b_step = b_pitch * PAIR;
    vec acc[ROWS][2] = {{{0}}};
    const int64_t done = in_steps ? outer_steps(rows, vectors, a, a_step, b, b_step, length, acc) : 0;
    a += done * a_step, b += done * b_step;
    for (int64_t k = done; k < length; k++, a += a_step, b += b_step)
        tile_step(rows, vectors, a, PAIR, b, acc);
    for (int r = 0; r < rows; r++, out += WIDTH) {
        v_store(out, first ? acc[r][0] : v_load(out) + acc[r][0]);
        v_store(out + LANES, first ? acc[r][1] : v_load(out + LANES) + acc[r][1]);
    }
}

// A sum's length in parts as even as whole steps allow.
static int64_t run_of(const winograd *pass, int64_t length) {
    const int64_t parts = larger(tile_parts(length, has_many_points(pass) ? RUN : LONG_RUN), 1);
    return larger(tile_parts(length, parts * STEPS), 1) * STEPS;
}

// A tile's sums, a run at a time. Apart, so that the loops' steps are in registers.
static __attribute__((noinline)) void outer_sums(const winograd *pass, int rows, int vectors, const factor *x,
                                                 const factor *y, int64_t length, int64_t run, bool first,
                                                 real *sums) {
    const int64_t x_pitch = pass->x.pitch, y_pitch = pass->y.pitch;
    const bool in_steps = STEPS > 1 && has_many_points(pass);
    int64_t k = 0;
    do {
        const factor *x_run = x + k * x_pitch * PAIR, *y_run = y + k * y_pitch * PAIR;
        const int64_t count = smaller(run, length - k);
        const bool from_zero = first && k == 0;
        if (in_steps)
            TILE_SWITCH_2(rows, vectors, outer_tile, true, x_run, x_pitch, y_run, y_pitch, count, from_zero,
                          sums);
        else
            TILE_SWITCH_2(rows, vectors, outer_tile, false, x_run, x_pitch, y_run, y_pitch, count, from_zero,
                          sums);
        k += run;
    } while (k < length);
}

static int64_t row_units(const winograd *pass, int filter) {
    return larger(tile_parts(row_count(pass, filter), unit_rows(pass, filter)), 1);
}

static portion portion_of(const winograd *pass, const ag_conv_call *call, int filter, tile_part block,
                          int64_t i) {
    const int64_t row = i % row_units(pass, filter) * unit_rows(pass, filter),
                  skipped = i / row_units(pass, filter) * unit_images(pass, filter),
                  first = block.first + skipped;
    return (portion){{.pass = pass,
                      .images = smaller(unit_images(pass, filter), block.count - skipped),
                      .first_row = pass->rows.first[filter] + row,
                      .rows = smaller(unit_rows(pass, filter), row_count(pass, filter) - row),
                      .kind = COMBINE_ROWS},
                     (const real *)call->a + first * image_size(&pass->x),
                     (const real *)call->b + first * image_size(&pass->y)};
}

// Tiles of products of a unit.
static int64_t tile_count(const winograd *pass) {
    return pass->columns.filters * panel_count(pass) * tile_parts(pass->x.c, ROWS);
}

static void multiply_pair(const winograd *pass, int64_t length, const factor *x, const factor *y, bool first,
                          ahead *next, real *sums) {
    const int64_t ci = pass->x.c, parts = tile_parts(ci, ROWS), run = run_of(pass, length);
    for (int64_t left = pass->y.c; left > 0; left -= WIDTH, y += WIDTH * PAIR, sums += ci * WIDTH)
        for (int64_t i = 0; i < parts; i++) {
            const tile_part part = tile_cut(ci, parts, i);
            fetch_some(next);
            outer_sums(pass, (int)part.count, tile_vectors(left), x + part.first * PAIR, y, length, run,
                       first, sums + part.first * WIDTH);
        }
}

static void sum_block(const winograd *pass, const ag_conv_call *call, int64_t task) {
    const division d = divide(pass);
    const int filter = filter_of(&d, task % d.tasks);
    const int64_t parts = d.parts[filter], part = task % d.tasks - d.before[filter];
    const tile_part block = tile_cut(pass->geometry.n, d.blocks * parts, task / d.tasks * parts + part);
    const int64_t count = tile_parts(block.count, unit_images(pass, filter)) * row_units(pass, filter);
    real *sums = (real *)((char *)call->scratch + pass->matrices_bytes) + task * sums_size(pass);
    char *own = worker_memory(pass, call);
    real *lines = (real *)own;
    factor *x = (factor *)(own + lines_bytes(pass, filter));
    factor *y = (factor *)(own + lines_bytes(pass, filter) + pixels_bytes(pass, &pass->x, filter));
    portion now = portion_of(pass, call, filter, block, 0);
    for (int64_t i = 0; i < count; i++) {
        portion after = i + 1 < count ? portion_of(pass, call, filter, block, i + 1) : (portion){0};
        ahead next = i + 1 < count ? ahead_of(&after, tile_count(pass)) : (ahead){0};
        after.unit.fetched = next.lines > 0;
        take(&now.unit, &pass->x, now.x, lines, x);
        take(&now.unit, &pass->y, now.y, lines, y);
        for (int j = 0; j < pass->columns.filters; j++)
            multiply_pair(pass, filter_rows(&now.unit, j),
                          x + filter_start(&now.unit, j) * pass->x.pitch * PAIR,
                          y + filter_start(&now.unit, j) * pass->y.pitch * PAIR, i == 0, &next,
                          sums + j * weights(pass));
        now = after;
    }
}

// ---- stage 2

// The blocks' sums of one row filter, in index order: out[column filter][CHUNK]
static void sum_blocks(const winograd *pass, const division *d, int filter, const real *sums, int64_t count,
                       real *out) {
    const combination sum = {.from = sums,
                             .step = sums_size(pass),
                             .from_row = weights(pass),
                             .rows = pass->columns.filters,
                             .count = count,
                             .out = out,
                             .out_row = CHUNK};
    const int64_t parts = d->parts[filter], all = d->blocks * parts;
    ag_axis_term terms[COMBINE_AT_ONCE];
    int64_t n = 0;
    for (int64_t k = 0; k < all; k++) {
        terms[n++] = (ag_axis_term){(int32_t)(k / parts * d->tasks + d->before[filter] + k % parts), 1};
        if (n < COMBINE_AT_ONCE && k < all - 1) continue;
        combine(&sum, n, terms, k >= COMBINE_AT_ONCE);
        n = 0;
    }
}

// Some rows of a panel of all taps of dw: the blocks' sums, then the columns' taps, then the rows'.
static void combine_chunk(const winograd *pass, const ag_conv_call *call, int64_t task) {
    const ag_axis *rows = &pass->rows, *columns = &pass->columns;
    const int64_t ci = pass->x.c, co = pass->y.c, chunks = chunk_count(ci), panel = task / chunks;
    const tile_part inputs = tile_cut(ci, chunks, task % chunks);
    const int64_t count = inputs.count * WIDTH;
    const division d = divide(pass);
    const char *start = (const char *)call->scratch + pass->matrices_bytes;
    const real *sums = (const real *)start + (panel * ci + inputs.first) * WIDTH;
    real *filters = (real *)worker_memory(pass, call);
    real *taps = filters + columns->filters * CHUNK;
    combination across = {.from = filters, .step = CHUNK, .rows = 1, .count = count};
    for (int i = 0; i < rows->filters; i++) {
        sum_blocks(pass, &d, i, sums, count, filters);
        for (int b = 0; b < columns->taps; b++) {
            across.out = taps + ((int64_t)i * columns->taps + b) * CHUNK;
            combine_dense(&across, columns->filters, &columns->filter[0][b], AG_AXIS_TAPS);
        }
    }
    real *dw = (real *)call->out + inputs.first * co + panel * WIDTH;
    combination down = {.step = columns->taps * CHUNK,
                        .from_row = WIDTH,
                        .rows = inputs.count,
                        .count = smaller(WIDTH, co - panel * WIDTH),
                        .out_row = co};
    for (int a = 0; a < rows->taps; a++)
        for (int b = 0; b < columns->taps; b++) {
            down.from = taps + b * CHUNK;
            down.out = dw + ((int64_t)a * columns->taps + b) * ci * co;
            combine_dense(&down, rows->filters, &rows->filter[0][a], AG_AXIS_TAPS);
        }
}

int64_t KERNEL(winograd_weight_gradient_bytes)(const ag_conv_geometry *g, int workers) {
    const winograd pass = winograd_of(g, false);
    return pass.matrices_bytes + reals(task_count(&pass) * sums_size(&pass)) + workers * worker_bytes(&pass);
}

// Stages: the matrices; the sums of (block of images, row filter, part); chunks of dw.
int64_t KERNEL(winograd_weight_gradient_tasks)(const ag_conv_geometry *g, int stage) {
    if (stage == 0) return 1;
    if (stage == 2) return tile_parts(g->co, WIDTH) * chunk_count(g->ci);
    const winograd pass = winograd_of(g, false);
    return task_count(&pass);
}

void KERNEL(winograd_weight_gradient_run)(const ag_conv_call *call, int stage, int64_t task) {
    if (stage == 0) {
        const winograd pass = winograd_of(call->geometry, false);
        winograd_build(&pass, call->scratch);
    } else if (stage == 1) {
        sum_block(call->scratch, call, task);
    } else {
        combine_chunk(call->scratch, call, task);
    }
}
