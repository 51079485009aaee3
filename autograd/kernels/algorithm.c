// SPDX-License-Identifier: MIT
// Chooses the direct form or Winograd's for a pass of a convolution, by the sizes and the kind of products
// alone, the same with any table of vectors. AG_WINOGRAD limits the tile of outputs, 0 (never), 2 or 4 (the
// default); `all` takes the largest tiles wherever the form exists, for tests. The points that tiles of 4
// need would multiply the errors of bf16 by four: there tiles of 2 are the largest.
#include <stdlib.h>
#include <string.h>

#include "autograd/kernel.h"
#include "autograd/kernels/axis.h"

enum {
    TRANSFORM = 8,         // multiply-adds that moving one transformed channel of a pixel costs, about
    WEIGHT_TRANSFORM = 6,  // and one transformed weight
};
static const double worth = 0.85;      // part of the direct form's time that Winograd's may cost at most
static const double bf16_speed = 1.5;  // of products in bf16 beside the transforms, which they speed up too

// What AG_WINOGRAD may say, and the largest tile of outputs then.
#define EACH_LIMIT(f) f("0", 0) f("2", 2) f("4", 4) f("all", 4)
#define LIMIT(word, most) {word, most},
static const struct {
    const char *word;
    int tile;
} limits[] = {EACH_LIMIT(LIMIT)};
enum { LIMIT_4 = 2, EVERYWHERE };

#define WORD(word, most) word " "
const char ag_winograd_words[] = " " EACH_LIMIT(WORD);

static int wanted(void) {
    const char *word = getenv("AG_WINOGRAD");
    for (int i = 0; word && i <= EVERYWHERE; i++)
        if (strcmp(word, limits[i].word) == 0) return i;
    return LIMIT_4;
}

// Asked for once, so that a program's scratch and its runs agree.
static int limit(void) {
    static int chosen = -1;
    int limit = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (limit < 0) {
        const int first = wanted();
        if (__atomic_compare_exchange_n(&chosen, &limit, first, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            limit = first;
    }
    return limit;
}

const char *ag_winograd(void) { return limits[limit()].word; }

// Pairs of an output and a tap inside the image, along one axis.
static double taps_inside(const ag_axis_shape *s) {
    int64_t count = 0;
    for (int64_t i = 0; i < s->y; i++) {
        const int64_t start = i * s->stride - s->pad, first = start < 0 ? -start : 0;
        const int64_t end = s->x - start < s->k ? s->x - start : s->k;
        count += end > first ? end - first : 0;
    }
    return (double)count;
}

// In multiply-adds of the kind that the pass makes.
static double direct_cost(const ag_conv_geometry *g) {
    const ag_axis_shape rows = ag_axis_of(g, true), columns = ag_axis_of(g, false);
    return (double)(g->n * g->ci * g->co) * taps_inside(&rows) * taps_inside(&columns);
}

// speed: of products beside that of the transforms' sums
static double winograd_cost(const ag_conv_geometry *g, double speed) {
    const ag_axis_shape rows = ag_axis_of(g, true), columns = ag_axis_of(g, false);
    const double channels = (double)(g->ci + g->co), weights = (double)(g->ci * g->co);
    const double products = (double)ag_axis_products(&rows) * (double)ag_axis_products(&columns);
    const double filters = ag_axis_filters(&rows) * ag_axis_filters(&columns);
    return (double)g->n * products * (weights + speed * TRANSFORM * channels) +
           speed * WEIGHT_TRANSFORM * filters * weights;
}

// The direct weight gradient does not round: half as fast as products in bf16.
static bool pays(const ag_conv_geometry *g, ag_conv_pass pass, bool bf16) {
    const double direct = direct_cost(g) * (bf16 && pass == AG_CONV_WEIGHT_GRADIENT ? 2 : 1);
    return winograd_cost(g, bf16 ? bf16_speed : 1) < worth * direct;
}

// Pairs of factors are channels that lie side by side, in two of the three passes.
bool ag_winograd_possible(const ag_kernels *kernels, const ag_conv_geometry *g) {
    const ag_axis_shape rows = ag_axis_of(g, true), columns = ag_axis_of(g, false);
    const bool paired = !kernels->bf16 || (g->ci % 2 == 0 && g->co % 2 == 0);
    return kernels->winograd[0].run && paired && ag_axis_possible(&rows) && ag_axis_possible(&columns);
}

// Outputs taken at once, at most. A strided weight gradient has few pixels, whose short sums have a small
// error in the direct form.
static int tile_of(const ag_kernels *kernels, ag_conv_pass pass, const ag_conv_geometry *g) {
    const bool small = kernels->bf16 || (pass == AG_CONV_WEIGHT_GRADIENT && g->stride > 1);
    const int most = small ? 2 : AG_AXIS_TILE, allowed = limits[limit()].tile;
    return allowed < most ? allowed : most;
}

const ag_conv_kernel *ag_conv_choose(const ag_kernels *kernels, ag_conv_pass pass, ag_conv_geometry *g) {
    g->winograd = tile_of(kernels, pass, g);
    const bool taken = g->winograd > 0 && ag_winograd_possible(kernels, g) &&
                       (limit() == EVERYWHERE || pays(g, pass, kernels->bf16));
    if (!taken) g->winograd = 0;
    return taken ? &kernels->winograd[pass] : &kernels->conv[pass];
}
