// SPDX-License-Identifier: MIT
// A running program allocates nothing, whatever the precision of its products.
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
    return ag_program_feed_scalar(program, t, step + 1, error) &&
           ag_program_run(program, (ag_clock){1, (uint64_t)step}, error);
}

static bool runs_quietly(ag_precision precision) {
    ag_error error = {0};
    ag_parameter_set *set = ag_parameter_set_create("net", AG_F32), *state[2];
    ag_tape *tape = ag_tape_create("step", AG_F32);
    ag_node *t;
    bool ran = ag_precision_set(precision, &error);
    ag_program *program = compile_step(tape, set, state, &t, &error);
    ran = ran && program;
    for (int step = 0; step < WARM_UP && ran; step++) ran = run_once(program, t, step, &error);
    allocations_start();
    for (int step = WARM_UP; step < WARM_UP + RUNS && ran; step++) ran = run_once(program, t, step, &error);
    allocations_pause();
    const bool quiet = allocations_count() == 0 && allocations_break_growth() == 0;
    if (!ran) fprintf(stderr, "precision %d: the step does not run: %s\n", precision, error.text);
    if (!quiet)
        fprintf(stderr, "precision %d: %d runs made %d allocations and moved the break by %ld bytes\n",
                precision, RUNS, allocations_count(), allocations_break_growth());
    ag_program_free(program);
    ag_tape_free(tape);
    for (int i = 0; i < 2; i++) ag_parameter_set_free(state[i]);
    ag_parameter_set_free(set);
    return ran && quiet;
}

int main(void) {
    if (!allocations_are_seen()) return fprintf(stderr, "the watch does not see allocations\n"), 1;
    setenv("AG_BF16", "emulate", 1);
    return !runs_quietly(AG_PRECISION_F32) || !runs_quietly(AG_PRECISION_BF16);
}
