// SPDX-License-Identifier: MIT
// A running program allocates nothing, whatever the precision of its products, and whatever their sizes.
#include <stdio.h>
#include <stdlib.h>

#include "autograd/autograd.h"
#include "tests/support/allocations.h"

#define BATCH 8
#define WARM_UP 2
#define RUNS 20

static ag_node *block_of(ag_node *x, ag_node *w, ag_node *gamma, ag_node *beta) {
    ag_node *c = ag_conv2d(x, w, (ag_conv_params){.stride = 2}), *mean = ag_batch_mean(c);
    ag_node *normal = ag_batch_norm(c, mean, ag_batch_variance(c, mean), gamma, beta, 1e-3);
    return ag_leaky_relu(normal, 0.2);
}

// Convolution, batch norm, dense layer, random numbers, gradients and Adam in one step.
static ag_program *compile_step(ag_tape *tape, ag_parameter_set *set, ag_parameter_set *state[2], ag_node **t,
                                ag_error *error) {
    ag_shape shapes[] = {AG_SHAPE(3, 3, 2, 16), AG_SHAPE(16), AG_SHAPE(16), AG_SHAPE(7 * 7 * 16, 1)};
    const char *names[] = {"w", "gamma", "beta", "dense"};
    ag_node *reads[4], *gradients[4];
    for (int i = 0; i < 4; i++)
        reads[i] = ag_read(tape, ag_parameter_add(set, names[i], shapes[i], AG_PARAMETER, error));
    ag_node *x = ag_random_normal(tape, AG_SHAPE(BATCH, 14, 14, 2), AG_PURPOSE_TEST, 0);
    ag_node *h = block_of(x, reads[0], reads[1], reads[2]);
    ag_node *logits = ag_matmul(ag_reshape(h, AG_SHAPE(BATCH, 7 * 7 * 16)), reads[3], false, false);
    ag_node *loss = ag_mean(ag_softplus(logits)), *rate = ag_scalar(tape, 1e-3);
    *t = ag_input(tape, "t", AG_SHAPE());
    for (int i = 0; i < 2; i++) state[i] = ag_parameter_set_like(set, i ? "v" : "m", error);
    ag_gradient(tape, loss, 4, reads, gradients);
    for (int i = 0; i < 4; i++)
        ag_adam_update(reads[i]->parameter, gradients[i], ag_parameter_set_at(state[0], i),
                       ag_parameter_set_at(state[1], i), rate, *t,
                       (ag_adam_params){0.5, 0.999, 1e-7, false, 0});
    return ag_program_compile(tape, 1, &loss, NULL, error);
}

static bool run_once(ag_program *program, ag_node *t, int step, ag_error *error) {
    return (!t || ag_program_feed_scalar(program, t, step + 1, error)) &&
           ag_program_run(program, (ag_clock){1, (uint64_t)step}, error);
}

// Runs the program, where there is one, with t, where there is one.
static bool runs_quietly(const char *name, ag_program *program, ag_node *t, ag_error *error) {
    bool ran = program != NULL;
    for (int step = 0; step < WARM_UP && ran; step++) ran = run_once(program, t, step, error);
    allocations_start();
    for (int step = WARM_UP; step < WARM_UP + RUNS && ran; step++) ran = run_once(program, t, step, error);
    allocations_pause();
    const bool quiet = allocations_count() == 0 && allocations_break_growth() == 0;
    if (!ran) fprintf(stderr, "%s: it does not run: %s\n", name, error->text);
    if (!quiet)
        fprintf(stderr, "%s: %d runs made %d allocations and moved the break by %ld bytes\n", name, RUNS,
                allocations_count(), allocations_break_growth());
    return ran && quiet;
}

static bool step_runs_quietly(ag_precision precision) {
    ag_error error = {0};
    ag_parameter_set *set = ag_parameter_set_create("net", AG_F32), *state[2];
    ag_tape *tape = ag_tape_create("step", AG_F32);
    ag_node *t;
    const bool is_set = ag_precision_set(precision, &error);
    ag_program *program = compile_step(tape, set, state, &t, &error);
    const char *name = precision == AG_PRECISION_F32 ? "a step" : "a step of bf16 products";
    const bool quiet = runs_quietly(name, is_set ? program : NULL, t, &error);
    ag_program_free(program);
    ag_tape_free(tape);
    for (int i = 0; i < 2; i++) ag_parameter_set_free(state[i]);
    ag_parameter_set_free(set);
    return quiet;
}

// Of products: OpenBLAS may take those of few multiplications, or of a last block of few, its own ways.
static const struct extents {
    int64_t m, n, k;
} sizes[] = {
    {128, 1, 2048}, {128, 2048, 1}, {1, 40, 2048},   {1, 1, 2048},    {7, 1, 5},
    {3, 5, 4},      {33, 100, 64},  {100, 33, 64},   {40, 50, 450},   {50, 40, 450},
    {4, 513, 100},  {513, 4, 30},   {514, 100, 200}, {100, 514, 200},
};

static ag_node *random_matrix(ag_tape *tape, int64_t rows, int64_t columns, bool transposed, int salt) {
    const ag_shape shape = transposed ? AG_SHAPE(columns, rows) : AG_SHAPE(rows, columns);
    return ag_random_normal(tape, shape, AG_PURPOSE_TEST, salt);
}

static bool product_runs_quietly(ag_dtype dtype, struct extents e, bool transpose_a, bool transpose_b) {
    ag_error error = {0};
    ag_tape *tape = ag_tape_create("product", dtype);
    ag_node *a = random_matrix(tape, e.m, e.k, transpose_a, 0);
    ag_node *b = random_matrix(tape, e.k, e.n, transpose_b, 1);
    ag_node *y = ag_matmul(a, b, transpose_a, transpose_b);
    ag_program *program = ag_program_compile(tape, 1, &y, NULL, &error);
    char name[128];
    snprintf(name, sizeof name, "%s, [%d,%d]%s by [%d,%d]%s", ag_dtype_name(dtype), (int)e.m, (int)e.k,
             transpose_a ? " transposed" : "", (int)e.k, (int)e.n, transpose_b ? " transposed" : "");
    const bool quiet = runs_quietly(name, program, NULL, &error);
    ag_program_free(program);
    ag_tape_free(tape);
    return quiet;
}

static bool products_run_quietly(ag_dtype dtype) {
    bool quiet = true;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int way = 0; way < 4 && quiet; way++)
            quiet = product_runs_quietly(dtype, sizes[i], way & 1, way & 2);
    return quiet;
}

int main(void) {
    if (!allocations_are_seen()) return fprintf(stderr, "the watch does not see allocations\n"), 1;
    setenv("AG_BF16", "emulate", 1);
    return !products_run_quietly(AG_F32) || !products_run_quietly(AG_F64) ||
           !step_runs_quietly(AG_PRECISION_F32) || !step_runs_quietly(AG_PRECISION_BF16);
}
