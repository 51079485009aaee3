// SPDX-License-Identifier: MIT
// Weight gradient by Winograd's algorithm: per pair of filters the outer products of the transformed pixels
// of x and dy, and the filters' transpose at the end.
#include "autograd/kernels/ahead.h"
#include "autograd/kernels/winograd_tasks.h"

enum {
    UNIT_ROWS = 32,    // of images (or pairs) and row products transformed at once: many, for long sums
    UNIT_PIXELS = 64,  // of them, where the points are many
    // Pixels added up from zero, at most: where the points are many, and where they are few. The rounding of
    // bf16 hides that of its sums.
    RUN = 12,
    LONG_RUN = PAIR > 1 ? INT32_MAX : 96,
    CHUNK = 1024,  // elements of dw that a task of the last stage makes, whole rows of WIDTH
};

// Of a panel's rows, in the last stage.
static int64_t chunk_count(int64_t ci) { return tile_parts(ci, CHUNK / WIDTH); }

// Row products and images transformed at once.
static int64_t unit_lines(const winograd *pass) {
    const int64_t pixels = larger(tile_parts(product_count(&pass->columns), pass->columns.filters), 1);
    return has_many_points(pass) ? larger(smaller(UNIT_PIXELS / pixels, UNIT_ROWS), 1) : UNIT_ROWS;
}

static int64_t unit_rows(const winograd *pass, int64_t filter) {
    return smaller(larger(row_count(pass, filter), 1), unit_lines(pass));
}

static int64_t unit_images(const winograd *pass, int64_t filter) {
    return smaller(unit_lines(pass) / unit_rows(pass, filter) * PAIR, pass->geometry.n);
}

// ---- scratch: matrices, sums of each task [column filter][panel][ci][WIDTH], each worker's own memory

static int64_t panel_count(const winograd *pass) { return tile_parts(pass->y.c, WIDTH); }
static int64_t weights(const winograd *pass) { return panel_count(pass) * pass->x.c * WIDTH; }
static int64_t task_count(const winograd *pass) {
    const division d = divide(pass);
    return d.blocks * d.tasks;
}

// A task's sums of a pair of filters: in double where the points are many.
static int64_t pair_bytes(const winograd *pass) {
    return weights(pass) * (int64_t)(has_many_points(pass) ? sizeof(double) : sizeof(real));
}
static int64_t sums_bytes(const winograd *pass) { return aligned(pass->columns.filters * pair_bytes(pass)); }
static char *sums_of(const winograd *pass, const ag_conv_call *call, int64_t task) {
    return (char *)call->scratch + pass->matrices_bytes + task * sums_bytes(pass);
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
    const int64_t chunks = pass->columns.filters + (int64_t)pass->rows.filters * pass->columns.taps + 1;
    int64_t most = chunks * CHUNK * (int64_t)sizeof(double);
    for (int f = 0; f < pass->rows.filters; f++)
        most = larger(
            most, lines_bytes(pass, f) + pixels_bytes(pass, &pass->x, f) + pixels_bytes(pass, &pass->y, f));
    return most;
}

static char *worker_memory(const winograd *pass, const ag_conv_call *call) {
    return sums_of(pass, call, task_count(pass)) + call->worker * worker_bytes(pass);
}

// ---- sums in double: F transposed multiplies the rounding of what is added up last

static void clear(int64_t n, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] = 0;
}

static void add(int64_t n, const real *from, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] += from[i];
}

static void add_scaled(int64_t n, double weight, const double *from, double *out) {
    for (int64_t i = 0; i < n; i++) out[i] += weight * from[i];
}

static void round_sums(int64_t n, const double *from, real *out) {
    for (int64_t i = 0; i < n; i++) out[i] = (real)from[i];
}

// ---- stage 1

// A unit's pixels of a pair of filters, and the lengths of their sums and of what is added up from zero.
typedef struct products {
    const factor *x, *y;
    int64_t x_step, y_step;  // between pixels
    int64_t length, run;
} products;

typedef double wide __attribute__((vector_size(LANES * sizeof(double))));
typedef double wide_anywhere
    __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));

static const double nothing[ROWS * WIDTH];  // what the first sums are added to

// acc[r][..] = sum over k < length of x[k][r] y[k][..], of pairs the sum of both products
INLINE void outer_run(int rows, int vectors, const products *p, int64_t first, int64_t length,
                      vec acc[ROWS][2]) {
    const factor *x = p->x + first * p->x_step, *y = p->y + first * p->y_step;
    for (int64_t k = 0; k < length; k++, x += p->x_step, y += p->y_step)
        tile_step(rows, vectors, x, PAIR, y, acc);
}

INLINE void add_tile(int rows, const real *from, vec acc[ROWS][2]) {
    for (int r = 0; r < rows; r++, from += WIDTH)
        acc[r][0] += v_load(from), acc[r][1] += v_load(from + LANES);
}

INLINE void store_tile(int rows, vec acc[ROWS][2], real *out) {
    for (int r = 0; r < rows; r++, out += WIDTH) v_store(out, acc[r][0]), v_store(out + LANES, acc[r][1]);
}

INLINE void add_wide(const double *from, vec v, double *out) {
    *(wide_anywhere *)out = *(const wide_anywhere *)from + __builtin_convertvector(v, wide);
}

// out[r][WIDTH] = from[r][WIDTH] + a tile's sums, a run at a time
INLINE void outer_tile(int rows, int vectors, const products *p, const real *from, real *out) {
    int64_t k = 0;
    do {
        vec acc[ROWS][2] = {{{0}}};
        outer_run(rows, vectors, p, k, smaller(p->run, p->length - k), acc);
        add_tile(rows, k == 0 ? from : out, acc);
        store_tile(rows, acc, out);
        k += p->run;
    } while (k < p->length);
}

// The same, of runs that are added to each other first.
INLINE void outer_tile_wide(int rows, int vectors, const products *p, const double *from, double *out) {
    real runs[ROWS * WIDTH] __attribute__((aligned(64)));
    const real *before = (const real *)nothing;
    int64_t k = 0;
    vec acc[ROWS][2];
    for (;;) {
        for (int r = 0; r < rows; r++) acc[r][0] = acc[r][1] = (vec){0};
        outer_run(rows, vectors, p, k, smaller(p->run, p->length - k), acc);
        add_tile(rows, before, acc);
        k += p->run;
        if (k >= p->length) break;
        store_tile(rows, acc, runs);
        before = runs;
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++, from += WIDTH, out += WIDTH)
        add_wide(from, acc[r][0], out), add_wide(from + LANES, acc[r][1], out + LANES);
}

// A sum's length in even parts.
static int64_t run_of(const winograd *pass, int64_t length) {
    const int64_t parts = tile_parts(length, has_many_points(pass) ? RUN : LONG_RUN);
    return tile_parts(length, larger(parts, 1));
}

// A tile's sums. Apart, so that the loops' steps are in registers.
static __attribute__((noinline)) void outer_sums(int rows, int vectors, const products *p, const real *from,
                                                 real *out) {
    TILE_SWITCH_2(rows, vectors, outer_tile, p, from, out);
}

static __attribute__((noinline)) void outer_sums_wide(int rows, int vectors, const products *p,
                                                      const double *from, double *out) {
    TILE_SWITCH_2(rows, vectors, outer_tile_wide, p, from, out);
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

// A unit's products of a pair of filters, added to the sums unless they are the first.
static void multiply_pair(const winograd *pass, int64_t length, const factor *x, const factor *y, bool first,
                          ahead *next, void *sums) {
    const bool in_double = has_many_points(pass);
    const int64_t ci = pass->x.c, parts = tile_parts(ci, ROWS);
    int64_t at = 0;
    products p = {x, y, pass->x.pitch * PAIR, pass->y.pitch * PAIR, length, run_of(pass, length)};
    for (int64_t left = pass->y.c; left > 0; left -= WIDTH, p.y += WIDTH * PAIR)
        for (int64_t i = 0; i < parts; i++) {
            const tile_part part = tile_cut(ci, parts, i);
            p.x = x + part.first * PAIR;
            fetch_next(next);
            if (in_double) {
                double *out = (double *)sums + at;
                outer_sums_wide((int)part.count, tile_vectors(left), &p, first ? nothing : out, out);
            } else {
                real *out = (real *)sums + at;
                outer_sums((int)part.count, tile_vectors(left), &p, first ? (const real *)nothing : out, out);
            }
            at += part.count * WIDTH;
        }
}

static void sum_block(const winograd *pass, const ag_conv_call *call, int64_t task) {
    const division d = divide(pass);
    const int filter = filter_of(&d, task % d.tasks);
    const int64_t parts = d.parts[filter], part = task % d.tasks - d.before[filter];
    const tile_part block = tile_cut(pass->geometry.n, d.blocks * parts, task / d.tasks * parts + part);
    const int64_t count = tile_parts(block.count, unit_images(pass, filter)) * row_units(pass, filter);
    char *sums = sums_of(pass, call, task), *own = worker_memory(pass, call);
    real *lines = (real *)own;
    factor *x = (factor *)(own += lines_bytes(pass, filter));
    factor *y = (factor *)(own += pixels_bytes(pass, &pass->x, filter));
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
                          sums + j * pair_bytes(pass));
        now = after;
    }
}

// ---- stage 2

// F transposed, of one tap: out[i] = sum over the axis's filters of F[filter][tap] from[filter][i]
static void find_tap(const ag_axis *axis, int tap, const double *from, int64_t step, int64_t n, double *out) {
    clear(n, out);
    for (int f = 0; f < axis->filters; f++, from += step)
        if (axis->filter[f][tap] != 0) add_scaled(n, axis->filter[f][tap], from, out);
}

// The blocks' sums of one row filter from element `first` on, in index order: out[column filter][CHUNK]
static void sum_blocks(const winograd *pass, const ag_conv_call *call, int filter, int64_t first,
                       int64_t count, double *out) {
    const division d = divide(pass);
    const int64_t parts = d.parts[filter];
    for (int j = 0; j < pass->columns.filters; j++, first += weights(pass), out += CHUNK) {
        clear(count, out);
        for (int64_t k = 0; k < d.blocks * parts; k++) {
            const char *sums = sums_of(pass, call, k / parts * d.tasks + d.before[filter] + k % parts);
            if (has_many_points(pass))
                add_scaled(count, 1, (const double *)sums + first, out);
            else
                add(count, (const real *)sums + first, out);
        }
    }
}

// Some rows of a panel of all taps of dw: the blocks' sums, then the columns' taps, then the rows'.
static void combine_chunk(const winograd *pass, const ag_conv_call *call, int64_t task) {
    const ag_axis *rows = &pass->rows, *columns = &pass->columns;
    const int64_t ci = pass->x.c, co = pass->y.c, chunks = chunk_count(ci), panel = task / chunks;
    const tile_part inputs = tile_cut(ci, chunks, task % chunks);
    const int64_t count = inputs.count * WIDTH, row_taps = columns->taps * CHUNK;
    double *filters = (double *)worker_memory(pass, call), *taps = filters + columns->filters * CHUNK,
           *tap = taps + rows->filters * row_taps;
    for (int i = 0; i < rows->filters; i++) {
        sum_blocks(pass, call, i, (panel * ci + inputs.first) * WIDTH, count, filters);
        for (int b = 0; b < columns->taps; b++)
            find_tap(columns, b, filters, CHUNK, count, taps + i * row_taps + b * CHUNK);
    }
    real *dw = (real *)call->out + inputs.first * co + panel * WIDTH;
    for (int a = 0; a < rows->taps; a++)
        for (int b = 0; b < columns->taps; b++, dw += ci * co) {
            find_tap(rows, a, taps + b * CHUNK, row_taps, count, tap);
            for (int64_t k = 0; k < inputs.count; k++)
                round_sums(smaller(WIDTH, co - panel * WIDTH), tap + k * WIDTH, dw + k * co);
        }
}

int64_t KERNEL(winograd_weight_gradient_bytes)(const ag_conv_geometry *g, int workers) {
    const winograd pass = winograd_of(g, false);
    return pass.matrices_bytes + task_count(&pass) * sums_bytes(&pass) + workers * worker_bytes(&pass);
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
