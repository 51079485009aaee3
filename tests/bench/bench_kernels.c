// SPDX-License-Identifier: MIT
// Speed of the convolution passes on the DCGAN's layers, one thread: ms, and the share of a loop of
// independent multiply-adds, timed between the passes, that the direct form would reach in that time, with
// taps outside the image counted (nominal) and not. Medians.
//      bench_kernels [table name [repeats]]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apps/dcgan/peak.h"
#include "autograd/kernel.h"
#include "autograd/threads.h"

enum { MOST_REPEATS = 101 };

typedef struct layer {
    const char *name;
    ag_conv_geometry geometry;
} layer;

static const layer layers[] = {
    {"G1 14x14x128 -> 7x7x256 s2", {128, 14, 14, 128, 7, 7, 256, 3, 3, 2, 0, 0, 0}},
    {"G2 14x14x64 -> 14x14x128 s1", {128, 14, 14, 64, 14, 14, 128, 3, 3, 1, 1, 1, 0}},
    {"G3 28x28x1 -> 14x14x64 s2", {128, 28, 28, 1, 14, 14, 64, 3, 3, 2, 0, 0, 0}},
    {"D1 28x28x1 -> 14x14x32 s2", {128, 28, 28, 1, 14, 14, 32, 3, 3, 2, 0, 0, 0}},
    {"D2 14x14x32 -> 7x7x64 s2", {128, 14, 14, 32, 7, 7, 64, 3, 3, 2, 0, 0, 0}},
    {"D3 7x7x64 -> 4x4x128 s2", {128, 7, 7, 64, 4, 4, 128, 3, 3, 2, 1, 1, 0}},
};

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void *buffer(int64_t bytes) {
    float *p = aligned_alloc(64, ((size_t)bytes + 127) / 64 * 64);
    if (!p) exit(EXIT_FAILURE);
    for (int64_t i = 0; i < bytes / 4; i++) p[i] = (float)(i * 7919 % 1009) / 1009.f - 0.5f;
    return p;
}

// Output positions of an axis that see a tap inside the image, over all taps.
static double taps_inside(int64_t outputs, int64_t k, int64_t stride, int64_t pad, int64_t size) {
    int count = 0;
    for (int64_t i = 0; i < outputs; i++)
        for (int64_t a = 0; a < k; a++) {
            const int64_t at = i * stride + a - pad;
            count += at >= 0 && at < size;
        }
    return count;
}

static double flops(const ag_conv_geometry *g) {
    return 2. * (double)(g->n * g->ci * g->co) * taps_inside(g->oh, g->kh, g->stride, g->pad_top, g->h) *
           taps_inside(g->ow, g->kw, g->stride, g->pad_left, g->w);
}

// What the direct form would multiply without looking at the border: the figure that Winograd is measured by.
static double nominal_flops(const ag_conv_geometry *g) {
    return 2. * (double)(g->n * g->oh * g->ow) * (double)(g->kh * g->kw) * (double)(g->ci * g->co);
}

static double run_pass(const ag_conv_kernel *kernel, const ag_conv_call *call) {
    const double start = seconds();
    for (int stage = 0; stage < AG_CONV_STAGES; stage++)
        for (int64_t task = 0; task < kernel->tasks(call->geometry, stage); task++)
            kernel->run(call, stage, task);
    return seconds() - start;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n) {
    qsort(values, (size_t)n, sizeof *values, compare);
    return values[n / 2];
}

static void bench_pass(const ag_kernels *table, const layer *at, ag_conv_pass pass, int winograd,
                       int repeats) {
    static const char *const names[] = {"forward", "input gradient", "weight gradient"};
    ag_conv_geometry geometry = at->geometry;
    geometry.winograd = winograd;
    const ag_conv_geometry *g = &geometry;
    const int64_t x = 4 * g->n * g->h * g->w * g->ci, y = 4 * g->n * g->oh * g->ow * g->co;
    const int64_t w = 4 * g->kh * g->kw * g->ci * g->co;
    const ag_conv_kernel *kernel = winograd ? &table->winograd[pass] : &table->conv[pass];
    void *a = buffer(pass == AG_CONV_INPUT_GRADIENT ? y : x);
    void *b = buffer(pass == AG_CONV_WEIGHT_GRADIENT ? y : w);
    void *out = buffer(pass == AG_CONV_FORWARD ? y : pass == AG_CONV_INPUT_GRADIENT ? x : w);
    void *scratch = buffer(kernel->scratch_bytes(g, 1));
    const ag_conv_call call = {
        .geometry = g, .a = a, .b = b, .out = out, .epilogue.slope = 1, .scratch = scratch};
    double times[MOST_REPEATS], peaks[MOST_REPEATS];
    run_pass(kernel, &call);
    for (int r = 0; r < repeats; r++) peaks[r] = peak_flops(table->isa), times[r] = run_pass(kernel, &call);
    const double time = median(times, repeats), top = median(peaks, repeats);
    printf("%-28s %-16s %d %8.3f ms, of %.1f GFLOP/s %5.1f %% nominal, %5.1f %% inside the image, %d tasks\n",
           at->name, names[pass], winograd, 1e3 * time, top / 1e9, 100 * nominal_flops(g) / time / top,
           100 * flops(g) / time / top, (int)kernel->tasks(g, 1));
    free(a), free(b), free(out), free(scratch);
}

int main(int argc, char **argv) {
    char more;
    int repeats = 7;
    if (argc > 3 || (argc == 3 && (sscanf(argv[2], "%d%c", &repeats, &more) != 1 || repeats < 1 ||
                                   repeats > MOST_REPEATS)))
        return fprintf(stderr, "usage: bench_kernels [TABLE [REPEATS, 1 to %d]]\n", MOST_REPEATS), 2;
    const char *name = argc > 1 ? argv[1] : ag_kernels_get(AG_F32)->isa;
    const ag_kernels *table;
    for (int i = 0; (table = ag_kernels_at(AG_F32, false, i)) != NULL; i++)
        if (strcmp(table->isa, name) == 0) break;
    if (!table) return fprintf(stderr, "bench_kernels: no table named %s here\n", name), 2;
    ag_threads_set(1);
    printf("%s, f32, one thread, batch 128\n", table->isa);
    for (size_t l = 0; l < sizeof layers / sizeof *layers; l++)
        for (int pass = 0; pass < AG_CONV_PASS_COUNT; pass++)
            for (int winograd = 0; winograd <= (table->winograd[pass].run ? 4 : 0); winograd += 2)
                bench_pass(table, &layers[l], pass, winograd, repeats);
    return 0;
}
