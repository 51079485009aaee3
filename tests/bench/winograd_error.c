// SPDX-License-Identifier: MIT
// Errors of Winograd's form on what a trained network really computes: the operands of every convolution pass
// of a generator's training step, of a model file, taken through the direct form and Winograd's with this
// processor's best kernels, both against the direct form in double.
//      winograd_error MODEL [bf16]: with bf16 products beside direct bf16, otherwise in f32
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "autograd/kernel.h"
#include "autograd/tape_private.h"
#include "models/dcgan.h"

enum { BATCH = 128, MOST = 64 };

static _Noreturn void fail(const char *sentence) {
    fprintf(stderr, "winograd_error: %s\n", sentence);
    exit(EXIT_FAILURE);
}

static void *take(size_t n, size_t size) {
    void *memory = aligned_alloc(64, (n * size + 63) / 64 * 64);
    if (!memory) fail("no memory");
    return memory;
}

// ---- the network ----

// G's loss, and its gradients down to every parameter that is trained.
static void record(ag_tape *tape, const dcgan *model) {
    ag_node *z = ag_random_normal(tape, AG_SHAPE(BATCH, dcgan_z_dim(model)), AG_PURPOSE_TEST, 0);
    ag_node *fake = nn_apply(dcgan_generator(model), z, NN_TRAIN);
    ag_node *loss = ag_mean(ag_softplus(ag_neg(nn_apply(dcgan_discriminator(model), fake, NN_TRAIN))));
    ag_node *reads[MOST], *gradients[MOST];
    int n = 0;
    for (int i = 0; i < tape->n_nodes && n < MOST; i++) {
        const ag_parameter *parameter = tape->nodes[i]->parameter;
        if (parameter && parameter->trainable) reads[n++] = tape->nodes[i];
    }
    ag_gradient(tape, loss, n, reads, gradients);
}

static int find_convolutions(const ag_tape *tape, ag_node **nodes) {
    int n = 0;
    for (int i = 0; i < tape->n_nodes && n < MOST; i++)
        if (strncmp(tape->nodes[i]->op->name, "conv2d", 6) == 0) nodes[n++] = tape->nodes[i];
    return n;
}

static ag_conv_pass pass_of(const ag_node *node) {
    const char *name = node->op->name;
    return strcmp(name, "conv2d") == 0                  ? AG_CONV_FORWARD
           : strcmp(name, "conv2d_input_gradient") == 0 ? AG_CONV_INPUT_GRADIENT
                                                        : AG_CONV_WEIGHT_GRADIENT;
}

// The layers of a DCGAN are padded as Keras's `same`.
static ag_conv_geometry geometry_of(const ag_node *node) {
    const ag_conv_pass pass = pass_of(node);
    const ag_shape a = node->input[0]->shape, b = node->input[1]->shape, out = node->shape;
    const ag_shape x = pass == AG_CONV_INPUT_GRADIENT ? out : a,
                   w = pass == AG_CONV_WEIGHT_GRADIENT ? out : b;
    const ag_shape y = pass == AG_CONV_FORWARD ? out : pass == AG_CONV_INPUT_GRADIENT ? a : b;
    ag_conv_geometry g = {.n = x.dim[0],
                          .h = x.dim[1],
                          .w = x.dim[2],
                          .ci = x.dim[3],
                          .oh = y.dim[1],
                          .ow = y.dim[2],
                          .co = y.dim[3],
                          .kh = w.dim[0],
                          .kw = w.dim[1]};
    g.stride = (g.h + g.oh - 1) / g.oh;
    const int64_t rows = (g.oh - 1) * g.stride + g.kh - g.h, columns = (g.ow - 1) * g.stride + g.kw - g.w;
    g.pad_top = rows > 0 ? rows / 2 : 0, g.pad_left = columns > 0 ? columns / 2 : 0;
    return g;
}

// ---- the passes ----

static void run(const ag_conv_kernel *kernel, const ag_conv_geometry *g, const void *a, const void *b,
                void *out) {
    void *scratch = take((size_t)kernel->scratch_bytes(g, 1) + 1, 1);
    const ag_conv_call call = {
        .geometry = g, .a = a, .b = b, .out = out, .epilogue.slope = 1, .scratch = scratch};
    for (int stage = 0; stage < AG_CONV_STAGES; stage++)
        for (int64_t t = 0; t < kernel->tasks(g, stage); t++) kernel->run(&call, stage, t);
    free(scratch);
}

static double *widened(const float *values, int64_t n) {
    double *out = take((size_t)n, sizeof *out);
    for (int64_t i = 0; i < n; i++) out[i] = values[i];
    return out;
}

typedef struct deviation {
    double largest, mean;  // the largest, and the root of the mean square
} deviation;

static deviation deviation_of(const float *values, const double *exact, int64_t n) {
    deviation e = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        const double off = fabs(values[i] - exact[i]);
        e.largest = off > e.largest ? off : e.largest, e.mean += off * off / (double)n;
    }
    e.mean = sqrt(e.mean);
    return e;
}

static double largest_of(const double *values, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fabs(values[i]) > most ? fabs(values[i]) : most;
    return most;
}

static void compare(const ag_node *node, const float *a, const float *b, bool bf16) {
    ag_conv_geometry g = geometry_of(node);
    const ag_conv_pass pass = pass_of(node);
    const int64_t n = ag_shape_size(node->shape);
    const ag_kernels *table = ag_kernels_get(AG_F32);
    // Direct bf16 by the definition: the best table leaves some factors unrounded.
    const ag_kernels *direct = bf16 ? ag_kernels_at(AG_F32, true, 0) : table;
    const ag_conv_kernel *winograd = ag_conv_choose(table, pass, &g);
    if (!g.winograd) return;
    double *wide_a = widened(a, ag_shape_size(node->input[0]->shape)),
           *wide_b = widened(b, ag_shape_size(node->input[1]->shape)),
           *exact = take((size_t)n, sizeof *exact);
    float *out = take((size_t)n, sizeof *out);
    run(&ag_kernels_get(AG_F64)->conv[pass], &g, wide_a, wide_b, exact);
    run(&direct->conv[pass], &g, a, b, out);
    const deviation plain = deviation_of(out, exact, n);
    run(winograd, &g, a, b, out);
    const deviation found = deviation_of(out, exact, n);
    char shape[AG_SHAPE_TEXT];
    printf("%-24s %-17s %4d %10.2g %10.2g %10.2g %8.2f %8.2f\n", node->op->name,
           ag_shape_format(node->shape, shape), g.winograd, largest_of(exact, n), plain.largest,
           found.largest, found.largest / plain.largest, found.mean / plain.mean);
    free(wide_a), free(wide_b), free(exact), free(out);
}

int main(int argc, char **argv) {
    const bool bf16 = argc == 3 && strcmp(argv[2], "bf16") == 0;
    if (argc != 2 && !bf16) fail("usage: winograd_error MODEL [bf16]");
    ag_error error = {0};
    dcgan *model = dcgan_open(argv[1], &error);
    if (!model) fail(error.text);
    ag_tape *tape = ag_tape_create("step", AG_F32);
    record(tape, model);
    ag_node *convolutions[MOST], *operands[2 * MOST];
    const int n = find_convolutions(tape, convolutions);
    for (int i = 0; i < 2 * n; i++) operands[i] = convolutions[i / 2]->input[i % 2];
    ag_program *program = ag_program_compile(tape, 2 * n, operands, NULL, &error);
    if (!program || !ag_program_compute(program, (ag_clock){1, 0}, &error)) fail(error.text);
    if (!ag_kernels_set_bf16(bf16)) fail("this processor has no bf16 products, and AG_BF16 is not emulate");
    printf("%-24s %-17s %4s %10s %10s %10s %8s %8s\n", "pass", "output", "tile", "largest", "direct",
           "winograd", "ratio", "of RMS");
    for (int i = 0; i < n; i++)
        compare(convolutions[i], ag_program_output(program, operands[2 * i], &error),
                ag_program_output(program, operands[2 * i + 1], &error), bf16);
    ag_program_free(program);
    ag_tape_free(tape);
    dcgan_free(model);
}
