// SPDX-License-Identifier: MIT
// Weight gradient by Winograd's algorithm: per pair of filters the outer products of the transformed pixels of x
// and dy, and the filters' transpose at the end.
#include "autograd/kernels/winograd.h"

enum {
    BLOCK_IMAGES = 8,  // transformed at once
    TASKS = 16,        // wanted
    CHUNK = 256,       // elements of dw that a task of the last stage makes
};

// Tasks of stage 1 are (row filter, group of images).
static int64_t group_count(const ag_conv_geometry *g, int row_filters) {
    return smaller(tile_parts(TASKS, row_filters), tile_parts(g->n, BLOCK_IMAGES));
}

static int64_t groups_of(const winograd *pass) { return group_count(&pass->geometry, pass->rows.filters); }

static int64_t most_rows(const ag_axis *axis) {
    int64_t most = 0;
    for (int f = 0; f < axis->filters; f++) most = larger(most, axis->first[f + 1] - axis->first[f]);
    return most;
}

// ---- scratch: the matrices, the sums of each group [pair][ci][co], then each worker's own memory

static int64_t weights(const winograd *pass) { return pass->geometry.ci * pass->geometry.co; }
static int64_t group_size(const winograd *pass) {
    return (int64_t)pass->rows.filters * pass->columns.filters * weights(pass);
}

static int64_t line_bytes(const winograd *pass) {
    return reals(larger(pass->x.w * pass->x.c, pass->y.w * pass->y.c) + LANES);
}

static int64_t pixels_bytes(const winograd *pass, const images *side, int64_t rows) {
    return reals(smaller(BLOCK_IMAGES, pass->geometry.n) * rows * product_count(&pass->columns) *
                 side->pitch);
}

static int64_t worker_bytes(const winograd *pass, int64_t rows) {
    const int64_t pixels = pixels_bytes(pass, &pass->x, rows) + pixels_bytes(pass, &pass->y, rows);
    const int64_t chunks = (int64_t)pass->rows.filters * pass->columns.taps + pass->columns.filters;
    return larger(line_bytes(pass) + pixels, reals(chunks * CHUNK));
}

// ---- stage 1

// out[r][lanes] (+)= sum over k of a[k][r] b[k][lanes]
INLINE void outer_tile(int rows, const real *a, int64_t a_pitch, const real *b, int64_t b_pitch,
                       int64_t length, bool first, int64_t lanes, real *out, int64_t out_pitch) {
    vec acc[ROWS][2] = {{{0}}};
    for (int64_t k = 0; k < length; k++) tile_step(rows, a + k * a_pitch, 1, b + k * b_pitch, acc);
    for (int r = 0; r < rows; r++, out += out_pitch) {
        if (lanes == WIDTH) {
            v_store(out, first ? acc[r][0] : v_load(out) + acc[r][0]);
            v_store(out + LANES, first ? acc[r][1] : v_load(out + LANES) + acc[r][1]);
        } else {
            real values[WIDTH];
            v_store(values, acc[r][0]);
            v_store(values + LANES, acc[r][1]);
            for (int64_t o = 0; o < lanes; o++) out[o] = first ? values[o] : out[o] + values[o];
        }
    }
}

static void multiply_pair(const winograd *pass, int64_t length, const real *x, const real *y, bool first,
                          real *out) {
    const int64_t parts = tile_parts(pass->x.c, ROWS), co = pass->y.c;
    for (int64_t o = 0; o < co; o += WIDTH)
        for (int64_t i = 0; i < parts; i++) {
            const tile_part part = tile_cut(pass->x.c, parts, i);
            TILE_SWITCH(part.count, outer_tile, x + part.first, pass->x.pitch, y + o, pass->y.pitch, length,
                        first, smaller(WIDTH, co - o), out + part.first * co + o, co)
        }
}

static void sum_group(const winograd *pass, const ag_conv_call *call, int64_t task) {
    const int64_t groups = groups_of(pass), filter = task / groups, most = most_rows(&pass->rows);
    const tile_part group = tile_cut(pass->geometry.n, groups, task % groups);
    real *sums = (real *)((char *)call->scratch + pass->matrices_bytes) + task % groups * group_size(pass) +
                 filter * pass->columns.filters * weights(pass);
    char *own = (char *)call->scratch + pass->matrices_bytes + groups * reals(group_size(pass)) +
                call->worker * worker_bytes(pass, most);
    real *line = (real *)own, *x = (real *)(own + line_bytes(pass));
    real *y = (real *)(own + line_bytes(pass) + pixels_bytes(pass, &pass->x, most));
    for (int64_t n = 0; n < group.count; n += BLOCK_IMAGES) {
        const unit now = {pass, smaller(BLOCK_IMAGES, group.count - n), pass->rows.first[filter],
                          pass->rows.first[filter + 1] - pass->rows.first[filter]};
        const int64_t image = group.first + n;
        take(&now, &pass->x, (const real *)call->a + image * pass->x.h * pass->x.w * pass->x.c, line, x);
        take(&now, &pass->y, (const real *)call->b + image * pass->y.h * pass->y.w * pass->y.c, line, y);
        for (int j = 0; j < pass->columns.filters; j++)
            multiply_pair(pass, filter_rows(&now, j), x + filter_start(&now, j) * pass->x.pitch,
                          y + filter_start(&now, j) * pass->y.pitch, n == 0, sums + j * weights(pass));
    }
}

// ---- stage 2

// out[tap] = sum over the filters of an axis of filter[tap] from[filter]
static void gather_taps(const ag_axis *axis, const real *from, int64_t from_step, int64_t count, real *out,
                        int64_t out_step) {
    for (int t = 0; t < axis->taps; t++, out += out_step) {
        combination sum = {0};
        for (int f = 0; f < axis->filters; f++)
            if (axis->filter[f][t] != 0)
                combine_add(&sum, from + f * from_step, (real)axis->filter[f][t], count, out);
        combine_store(&sum, count, out);
    }
}

// Elements of all taps of dw: the groups' sums in index order, then the columns' taps, then the rows'.
static void combine_chunk(const winograd *pass, const ag_conv_call *call, int64_t task) {
    const ag_axis *rows = &pass->rows, *columns = &pass->columns;
    const int64_t groups = groups_of(pass), first = task * CHUNK,
                  count = smaller(CHUNK, weights(pass) - first);
    const char *sums = (const char *)call->scratch + pass->matrices_bytes;
    real *line = (real *)((char *)call->scratch + pass->matrices_bytes + groups * reals(group_size(pass)) +
                          call->worker * worker_bytes(pass, most_rows(rows)));
    real *taps = line + columns->filters * CHUNK;
    for (int i = 0; i < rows->filters; i++) {
        for (int j = 0; j < columns->filters; j++) {
            combination total = {0};
            const real *from =
                (const real *)sums + ((int64_t)i * columns->filters + j) * weights(pass) + first;
            for (int64_t k = 0; k < groups; k++)
                combine_add(&total, from + k * group_size(pass), 1, count, line + j * CHUNK);
            combine_store(&total, count, line + j * CHUNK);
        }
        gather_taps(columns, line, CHUNK, count, taps + (int64_t)i * columns->taps * CHUNK, CHUNK);
    }
    for (int b = 0; b < columns->taps; b++)
        gather_taps(rows, taps + b * CHUNK, columns->taps * CHUNK, count,
                    (real *)call->out + b * weights(pass) + first, columns->taps * weights(pass));
}

int64_t KERNEL(winograd_weight_gradient_bytes)(const ag_conv_geometry *g, int workers) {
    const winograd pass = winograd_of(g, false);
    return pass.matrices_bytes + groups_of(&pass) * reals(group_size(&pass)) +
           workers * worker_bytes(&pass, most_rows(&pass.rows));
}

// Stages: the matrices; the sums of (row filter, group of images); chunks of dw.
int64_t KERNEL(winograd_weight_gradient_tasks)(const ag_conv_geometry *g, int stage) {
    const ag_axis_shape rows = axis_shape(g, true);
    const int filters = ag_axis_filters(&rows);
    return stage == 0 ? 1 : stage == 1 ? filters * group_count(g, filters) : tile_parts(g->ci * g->co, CHUNK);
}

void KERNEL(winograd_weight_gradient_run)(const ag_conv_call *call, int stage, int64_t task) {
    if (stage == 0) {
        const winograd pass = winograd_of(call->geometry, false);
        winograd_build(&pass, call->scratch);
    } else if (stage == 1) {
        sum_group(call->scratch, call, task);
    } else {
        combine_chunk(call->scratch, call, task);
    }
}
