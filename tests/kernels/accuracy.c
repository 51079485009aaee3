// SPDX-License-Identifier: MIT
// Errors of Winograd's form beside the direct one's, both against sums in double, on
// layers of the sizes that it is made for: in f32 the largest error and the root of
// the mean square are at most four times as large, with bf16 products the latter at
// most twice. The largest of a few thousand errors varies from draw to draw, by a
// fifth: the weight gradient, which is nearest to its bound, is drawn several times.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/axis.h"
#include "tests/kernels/check.h"

enum { DRAWS = 4 };

typedef struct row {
    uint64_t seed;       // of its own: a row more changes no other
    ag_conv_pass first;  // passes from this one on
    ag_conv_geometry g;
    // Of the noise that all images share, over that of each one: 0, or more as a generator's first images,
    // which are alike. Their sums grow with the images, and so do the errors of adding them up.
    double shared;
} row;

typedef struct layer {
    ag_conv_geometry g;
    double shared;
    ag_conv_pass first;
    buffer operand[AG_CONV_PASS_COUNT];  // x, w, dy, in the table's type
    double *exact[AG_CONV_PASS_COUNT];
} layer;

static const int operands[AG_CONV_PASS_COUNT][2] = {{0, 1}, {2, 1}, {0, 2}};  // of a pass
static const int results[AG_CONV_PASS_COUNT] = {2, 0, 1};                     // whose shape its output has

typedef struct error {
    double largest, mean_square;
} error;

static void run(const check *c, const ag_conv_kernel *kernel, const ag_conv_geometry *g, const void *a,
                const void *b, void *out) {
    void *scratch = aligned_alloc(64, (size_t)(kernel->scratch_bytes(g, 1) + 64) / 64 * 64);
    if (!scratch) check_fail(c, "no memory for scratch");
    const ag_conv_call call = {
        .geometry = g, .a = a, .b = b, .out = out, .epilogue.slope = 1, .scratch = scratch};
    for (int stage = 0; stage < AG_CONV_STAGES; stage++)
        for (int64_t t = 0; t < kernel->tasks(g, stage); t++) kernel->run(&call, stage, t);
    free(scratch);
}

// Each of its passes in double, directly.
static void find_exact(const check *c, layer *l) {
    double *operand[AG_CONV_PASS_COUNT];
    for (int i = 0; i < AG_CONV_PASS_COUNT; i++) {
        operand[i] = malloc((size_t)l->operand[i].n * sizeof(double));
        l->exact[i] = malloc((size_t)l->operand[results[i]].n * sizeof(double));
        if (!operand[i] || !l->exact[i]) check_fail(c, "no memory for the exact sums");
        for (int64_t k = 0; k < l->operand[i].n; k++) operand[i][k] = check_get(&l->operand[i], k);
    }
    const ag_kernels *exact = ag_kernels_get(AG_F64);
    for (int pass = (int)l->first; pass < AG_CONV_PASS_COUNT; pass++)
        run(c, &exact->conv[pass], &l->g, operand[operands[pass][0]], operand[operands[pass][1]],
            l->exact[pass]);
    for (int i = 0; i < AG_CONV_PASS_COUNT; i++) free(operand[i]);
}

// Images of `size` elements.
static void share(buffer *b, int64_t size, double shared) {
    for (int64_t i = 0; i < size; i++) {
        const double value = shared * check_uniform();
        for (int64_t k = i; k < b->n; k += size) check_set(b, k, check_get(b, k) + value);
    }
}

static layer create_layer(const check *c, const row *of, int draw) {
    const ag_conv_geometry g = of->g;
    layer l = {.g = g, .shared = of->shared, .first = draw == 0 ? of->first : AG_CONV_WEIGHT_GRADIENT};
    check_seed(of->seed + (uint64_t)draw);
    const int64_t sizes[] = {g.n * g.h * g.w * g.ci, g.kh * g.kw * g.ci * g.co, g.n * g.oh * g.ow * g.co};
    for (int i = 0; i < AG_CONV_PASS_COUNT; i++)
        l.operand[i] = check_buffer(c, sizes[i], 0), check_fill(&l.operand[i]);
    for (int i = 0; i < AG_CONV_PASS_COUNT && of->shared > 0; i += 2)
        share(&l.operand[i], sizes[i] / g.n, of->shared);
    find_exact(c, &l);
    return l;
}

static void free_layer(const check *c, layer *l) {
    for (int i = 0; i < AG_CONV_PASS_COUNT; i++) {
        check_release(c, &l->operand[i], "a layer");
        free(l->exact[i]);
    }
}

static error error_of(const check *c, const layer *l, int pass, const ag_conv_kernel *kernel) {
    buffer out = check_buffer(c, l->operand[results[pass]].n, 0);
    run(c, kernel, &l->g, l->operand[operands[pass][0]].data, l->operand[operands[pass][1]].data, out.data);
    error found = {0, 0};
    for (int64_t i = 0; i < out.n; i++) {
        const double off = fabs(check_get(&out, i) - l->exact[pass][i]);
        found.largest = off > found.largest ? off : found.largest;
        found.mean_square += off * off / (double)out.n;
    }
    check_release(c, &out, "an output");
    return found;
}

static void report(const check *c, const layer *l, const char *pass, int tile, double largest, double mean) {
    const ag_conv_geometry *g = &l->g;
    printf("%s%s, %s, tile %d, n %d, %dx%dx%d to %d, %dx%d stride %d, shared %g: %.2f, of RMS %.2f\n",
           c->table->isa, c->table->bf16 ? " bf16" : "", pass, tile, (int)g->n, (int)g->h, (int)g->w,
           (int)g->ci, (int)g->co, (int)g->kh, (int)g->kw, (int)g->stride, l->shared, largest, mean);
}

static void compare(const check *c, layer *l, int tile) {
    static const char *const names[] = {"forward", "input gradient", "weight gradient"};
    // Direct bf16 by the definition: a vector table may leave factors unrounded.
    const ag_kernels *direct = c->table->bf16 ? ag_kernels_at(AG_F32, true, 0) : c->table;
    for (int pass = (int)l->first; pass < AG_CONV_PASS_COUNT; pass++) {
        if (pass == AG_CONV_WEIGHT_GRADIENT && l->g.stride > 1 && tile > 2) continue;  // never chosen
        l->g.winograd = 0;
        const error plain = error_of(c, l, pass, &direct->conv[pass]);
        l->g.winograd = tile;
        const error winograd = error_of(c, l, pass, &c->table->winograd[pass]);
        const double largest = winograd.largest / plain.largest;
        const double mean = sqrt(winograd.mean_square / plain.mean_square);
        if (c->report) report(c, l, names[pass], tile, largest, mean);
        const bool good = c->table->bf16 ? mean <= 2 : largest <= 4 && mean <= 4;
        if (!good)
            check_fail(c,
                       "%s, tile %d, %dx%d stride %d: %.2g times the direct form's error, in the mean %.2g",
                       names[pass], tile, (int)l->g.kh, (int)l->g.kw, (int)l->g.stride, largest, mean);
    }
}

static void check_row(const check *c, const row *of, int draws) {
    for (int draw = 0; draw < draws; draw++) {
        layer l = create_layer(c, of, draw);
        for (int tile = 2; tile <= (c->table->bf16 ? 2 : 4); tile += 2) compare(c, &l, tile);
        free_layer(c, &l);
    }
}

// The tile of layers that pay: what AG_WINOGRAD allows, but tiles of 4 are too inaccurate for bf16, and for
// the weight gradient of a stride.
static void check_choice(const check *c) {
    static const ag_conv_geometry layers[] = {{128, 14, 14, 64, 14, 14, 128, 3, 3, 1, 1, 1, 0},
                                              {128, 14, 14, 128, 7, 7, 256, 3, 3, 2, 0, 0, 0}};
    const int allowed = strcmp(ag_winograd(), "all") == 0 ? AG_AXIS_TILE : atoi(ag_winograd());
    for (int i = 0; i < 2 * AG_CONV_PASS_COUNT; i++) {
        ag_conv_geometry g = layers[i % 2];
        const ag_conv_pass pass = (ag_conv_pass)(i / 2);
        const bool inaccurate = c->table->bf16 || (pass == AG_CONV_WEIGHT_GRADIENT && g.stride > 1);
        const int want = inaccurate && allowed > 2 ? 2 : allowed;
        ag_conv_choose(c->table, pass, &g);
        if (g.winograd != want)
            check_fail(c, "pass %d, stride %d: tiles of %d are chosen, not of %d", (int)pass, (int)g.stride,
                       (int)g.winograd, want);
    }
}

void check_accuracy(const check *c) {
    static const row rows[] = {
        {1000, AG_CONV_FORWARD, {16, 14, 14, 64, 14, 14, 128, 3, 3, 1, 1, 1, 0}, 0},
        {2000, AG_CONV_FORWARD, {16, 14, 14, 128, 7, 7, 256, 3, 3, 2, 0, 0, 0}, 0},
        {3000, AG_CONV_FORWARD, {16, 14, 14, 64, 7, 7, 128, 4, 4, 2, 1, 1, 0}, 0},
        {4000, AG_CONV_FORWARD, {16, 14, 14, 64, 7, 7, 128, 5, 5, 2, 1, 1, 0}, 0},
        {5000, AG_CONV_WEIGHT_GRADIENT, {64, 14, 14, 64, 14, 14, 128, 3, 3, 1, 1, 1, 0}, 0},
        {6000, AG_CONV_WEIGHT_GRADIENT, {64, 14, 14, 64, 7, 7, 128, 5, 5, 2, 1, 1, 0}, 0},
        {7000, AG_CONV_WEIGHT_GRADIENT, {8, 56, 56, 32, 56, 56, 32, 3, 3, 1, 1, 1, 0}, 0},
        {8000, AG_CONV_WEIGHT_GRADIENT, {64, 14, 14, 64, 14, 14, 128, 3, 3, 1, 1, 1, 0}, 3},
    };
    if (!c->table->winograd[0].run) return;
    check_choice(c);
    if (c->table->dtype != AG_F32) return;
    if (c->every > 1) return;  // too much for an emulator
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!c->table->bf16)
            check_row(c, &rows[i], DRAWS);
        else if (rows[i].first == AG_CONV_FORWARD)
            check_row(c, &rows[i], 1);
}
