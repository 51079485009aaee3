// SPDX-License-Identifier: MIT
// The frozen-subgraph mode: gradients flow through frozen networks and never
// into them, nothing is recorded for them, what that saves is counted right,
// and a compiled program keeps the trainable set it was compiled with.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/autograd/networks.h"
#include "tests/autograd/run.h"
#include "tests/support/approx.h"
#include "tests/support/values.h"

#define BATCH 3

typedef struct gan {
    critic d;
    painter g;
    ag_tape *tape;
    ag_node *z, *loss;
    ag_node *d_reads[CRITIC_PARAMETERS], *g_reads[PAINTER_PARAMETERS];
} gan;

static void collect_reads(gan *m) {
    ag_parameter *d[CRITIC_PARAMETERS], *g[PAINTER_PARAMETERS];
    critic_list(&m->d, d);
    painter_list(&m->g, g);
    for (int i = 0; i < ag_tape_count(m->tape); i++) {
        ag_node *node = ag_tape_at(m->tape, i);
        for (int k = 0; k < CRITIC_PARAMETERS; k++)
            if (node->parameter == d[k]) m->d_reads[k] = node;
        for (int k = 0; k < PAINTER_PARAMETERS; k++)
            if (node->parameter == g[k]) m->g_reads[k] = node;
    }
}

// Records the combined model's loss, D inside freeze/thaw or not.
static void gan_record(gan *m, bool freeze) {
    m->tape = ag_tape_create("combined", AG_F64);
    m->z = ag_input(m->tape, "z", AG_SHAPE(BATCH, 3));
    ag_node *fakes = painter_apply(&m->g, m->z);
    if (freeze) ag_freeze(m->tape);
    m->loss = loss_of_real(critic_apply(&m->d, fakes));
    if (freeze) ag_thaw(m->tape);
    cr_assert(!ag_node_failed(m->loss), "%s", ag_tape_error(m->tape)->text);
    collect_reads(m);
}

static void gan_open(gan *m, bool freeze) {
    *m = (gan){0};
    critic_create(&m->d, AG_F64, 2);
    painter_create(&m->g, AG_F64);
    gan_record(m, freeze);
}

static void gan_close(gan *m) {
    ag_tape_free(m->tape);
    ag_parameter_set_free(m->d.set);
    ag_parameter_set_free(m->g.set);
}

static void take_gradient(ag_tape *tape, ag_node *loss, int n, ag_node *const *wrt, ag_node **out) {
    cr_assert(ag_gradient(tape, loss, n, wrt, out), "%s", ag_tape_error(tape)->text);
}

// Weight gradients recorded for the critic: those of its
// two convolutions. The painter's kernel is the only other.
static int critic_weight_gradients(const gan *m) {
    int count = 0;
    for (int i = 0; i < ag_tape_count(m->tape); i++) {
        const ag_node *node = ag_tape_at(m->tape, i);
        if (strcmp(ag_node_op(node), "conv2d_weight_gradient") != 0) continue;
        count += ag_shape_equal(node->shape, m->d.w1->shape) || ag_shape_equal(node->shape, m->d.w2->shape);
    }
    return count;
}

Test(freeze, no_weight_gradient_of_a_frozen_network_is_recorded) {
    for (int freeze = 0; freeze < 2; freeze++) {
        gan m;
        gan_open(&m, freeze);
        ag_node *wrt[PAINTER_PARAMETERS + CRITIC_PARAMETERS], *out[PAINTER_PARAMETERS + CRITIC_PARAMETERS];
        memcpy(wrt, m.g_reads, sizeof m.g_reads);
        memcpy(wrt + PAINTER_PARAMETERS, m.d_reads, sizeof m.d_reads);
        take_gradient(m.tape, m.loss, PAINTER_PARAMETERS + (freeze ? 0 : CRITIC_PARAMETERS), wrt, out);
        cr_expect_eq(critic_weight_gradients(&m), freeze ? 0 : 2,
                     "frozen %d: %d weight gradients of the critic", freeze, critic_weight_gradients(&m));
        cr_expect_eq(run_count_op(m.tape, "conv2d_input_gradient") >= 2, true,
                     "no gradient flows through the critic");
        gan_close(&m);
    }
}

Test(freeze, frozen_reads_are_marked_and_gradients_with_respect_to_them_are_refused) {
    gan m;
    gan_open(&m, true);
    for (int i = 0; i < CRITIC_PARAMETERS; i++)
        cr_expect(m.d_reads[i]->frozen, "%s is not frozen", m.d_reads[i]->parameter->name);
    for (int i = 0; i < PAINTER_PARAMETERS; i++)
        cr_expect(!m.g_reads[i]->frozen, "%s is frozen", m.g_reads[i]->parameter->name);
    ag_node *out;
    cr_assert(!ag_gradient(m.tape, m.loss, 1, &m.d_reads[2], &out), "a frozen read gets a gradient");
    cr_expect(strstr(ag_tape_error(m.tape)->text, "w2") && strstr(ag_tape_error(m.tape)->text, "frozen"),
              "the message names neither parameter nor rule: %s", ag_tape_error(m.tape)->text);
    gan_close(&m);
}

// Gradients of the painter's parameters do not depend on whether the critic is frozen.
Test(freeze, the_gradient_through_a_frozen_network_equals_the_one_through_a_free_one) {
    ag_tensor *value[2][PAINTER_PARAMETERS];
    for (int freeze = 0; freeze < 2; freeze++) {
        gan m;
        gan_open(&m, freeze);
        ag_node *out[PAINTER_PARAMETERS];
        take_gradient(m.tape, m.loss, PAINTER_PARAMETERS, m.g_reads, out);
        ag_feed feed = {m.z, values_tensor(AG_F64, AG_SHAPE(BATCH, 3), VALUES_ANY, 1)};
        for (int i = 0; i < PAINTER_PARAMETERS; i++)
            value[freeze][i] = run_evaluate("gradient", out[i], 1, &feed);
        ag_tensor_free((ag_tensor *)feed.value);
        gan_close(&m);
    }
    for (int i = 0; i < PAINTER_PARAMETERS; i++) {
        const char *bad = approx_tensor_difference(value[1][i], value[0][i]->data, 1e-13, 1e-3);
        cr_expect(bad == NULL, "parameter %d: %s", i, bad);
        double largest = approx_largest(ag_shape_size(value[1][i]->shape), value[1][i]->data);
        cr_expect(largest > 1e-6, "the gradient of parameter %d vanishes", i);
        ag_tensor_free(value[0][i]);
        ag_tensor_free(value[1][i]);
    }
}

static double plan_flops(ag_tape *tape, int n, ag_node *const *outputs) {
    ag_program *program = run_compile("plan", tape, n, outputs);
    double flops = ag_program_get_stats(program).flops;
    ag_program_free(program);
    return flops;
}

Test(freeze, frozen_flops_are_the_difference_of_the_two_plans) {
    gan frozen, free_one;
    gan_open(&frozen, true);
    gan_open(&free_one, false);
    ag_node *wrt[PAINTER_PARAMETERS + CRITIC_PARAMETERS], *out[PAINTER_PARAMETERS + CRITIC_PARAMETERS];
    memcpy(wrt, free_one.g_reads, sizeof free_one.g_reads);
    memcpy(wrt + PAINTER_PARAMETERS, free_one.d_reads, sizeof free_one.d_reads);
    take_gradient(free_one.tape, free_one.loss, PAINTER_PARAMETERS + CRITIC_PARAMETERS, wrt, out);
    double more = plan_flops(free_one.tape, PAINTER_PARAMETERS + CRITIC_PARAMETERS, out);
    take_gradient(frozen.tape, frozen.loss, PAINTER_PARAMETERS, frozen.g_reads, out);
    double less = plan_flops(frozen.tape, PAINTER_PARAMETERS, out);
    double said = ag_tape_frozen_flops(frozen.tape);
    cr_expect(said > 0, "nothing was saved");
    cr_expect(fabs(said - (more - less)) <= 1e-9 * more,
              "the plans differ by %.17g FLOPs, the tape says %.17g", more - less, said);
    cr_expect(ag_tape_frozen_flops(free_one.tape) == 0, "a tape without frozen reads saved %g",
              ag_tape_frozen_flops(free_one.tape));
    ag_program *program = run_compile("plan", frozen.tape, PAINTER_PARAMETERS, out);
    cr_expect(ag_program_get_stats(program).frozen_flops == said,
              "the program says another number than the tape");
    cr_expect_eq(ag_program_get_stats(program).n_frozen, CRITIC_PARAMETERS);
    ag_program_free(program);
    gan_close(&frozen);
    gan_close(&free_one);
}

// (x w) factor, w frozen: [2,3] [3,columns] [1]. The weight
// gradient that it saves takes 2 * 2 * 3 * columns FLOPs.
static ag_node *frozen_product_gradient(ag_tape *tape, ag_node *x, ag_parameter *w, ag_parameter *factor) {
    ag_freeze(tape);
    ag_node *y = ag_mul(ag_matmul(x, ag_read(tape, w), false, false), ag_read(tape, factor)), *dx;
    ag_thaw(tape);
    cr_assert(ag_gradient(tape, ag_sum(y), 1, &x, &dx), "%s", ag_tape_error(tape)->text);
    return dx;
}

Test(freeze, a_program_counts_what_freezing_saved_in_its_own_gradients_and_no_buffers) {
    ag_error error = {0};
    ag_parameter_set *set = ag_parameter_set_create("set", AG_F64);
    ag_parameter *w[2], *factor = ag_parameter_add(set, "factor", AG_SHAPE(1), AG_BUFFER, &error);
    for (int i = 0; i < 2; i++)
        w[i] = ag_parameter_add(set, i ? "w5" : "w4", AG_SHAPE(3, 4 + i), AG_PARAMETER, &error);
    ag_tape *tape = ag_tape_create("two", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(2, 3)), *dx[2];
    for (int i = 0; i < 2; i++) dx[i] = frozen_product_gradient(tape, x, w[i], factor);
    const double saved[] = {48, 60};
    for (int first = 0; first < 2; first++) {
        for (int count = 1; count <= 2 - first; count++) {
            ag_program *program = run_compile("two", tape, count, dx + first);
            const ag_program_stats stats = ag_program_get_stats(program);
            const double expected = saved[first] + (count == 2 ? saved[1] : 0);
            cr_expect(stats.frozen_flops == expected, "gradients %d to %d: saved %g, not %g", first,
                      first + count - 1, stats.frozen_flops, expected);
            cr_expect(stats.n_frozen == count, "gradients %d to %d: %d frozen reads", first,
                      first + count - 1, stats.n_frozen);
            ag_program_free(program);
        }
    }
    cr_expect(ag_tape_frozen_flops(tape) == 108, "the tape saved %g", ag_tape_frozen_flops(tape));
    ag_tape_free(tape);
    ag_parameter_set_free(set);
}

Test(freeze, scopes_nest_and_only_the_last_thaw_ends_them) {
    critic d;
    critic_create(&d, AG_F64, 1);
    ag_tape *tape = ag_tape_create("nested", AG_F64);
    ag_node *before = ag_read(tape, d.w1);
    ag_freeze(tape);
    ag_freeze(tape);
    ag_node *deep = ag_read(tape, d.w1);
    ag_thaw(tape);
    ag_node *shallow = ag_read(tape, d.w1);
    ag_thaw(tape);
    ag_node *after = ag_read(tape, d.w1);
    cr_expect(!before->frozen && deep->frozen && shallow->frozen && !after->frozen);
    ag_tape_free(tape);
    ag_parameter_set_free(d.set);
}

// loss = sum(w_free w_frozen) of one parameter: only the free
// read carries a gradient, with the other as its factor.
Test(freeze, one_parameter_may_be_read_both_frozen_and_free) {
    critic d;
    critic_create(&d, AG_F64, 1);
    ag_tape *tape = ag_tape_create("both", AG_F64);
    ag_node *free_read = ag_read(tape, d.w1);
    ag_freeze(tape);
    ag_node *frozen_read = ag_read(tape, d.w1);
    ag_thaw(tape);
    ag_node *gradient;
    take_gradient(tape, ag_sum(ag_mul(free_read, frozen_read)), 1, &free_read, &gradient);
    ag_tensor *value = run_evaluate("gradient", gradient, 0, NULL);
    const char *bad = approx_tensor_difference(value, ag_parameter_values(d.w1), 0, 0);
    cr_expect(bad == NULL, "%s", bad);
    ag_tensor_free(value);
    ag_tape_free(tape);
    ag_parameter_set_free(d.set);
}

Test(freeze, a_parameter_that_is_not_trainable_is_read_as_a_constant) {
    gan m = {0};
    critic_create(&m.d, AG_F64, 2);
    painter_create(&m.g, AG_F64);
    critic_set_trainable(&m.d, false);
    gan_record(&m, false);
    ag_node *out[PAINTER_PARAMETERS], *refused;
    take_gradient(m.tape, m.loss, PAINTER_PARAMETERS, m.g_reads, out);
    cr_expect_eq(critic_weight_gradients(&m), 0);
    cr_expect(ag_tape_frozen_flops(m.tape) > 0, "nothing was saved");
    cr_expect(!ag_gradient(m.tape, m.loss, 1, &m.d_reads[0], &refused),
              "an untrainable read gets a gradient");
    gan_close(&m);
}

Test(freeze, a_buffer_is_never_differentiable) {
    ag_parameter_set *set = ag_parameter_set_create("set", AG_F64);
    ag_parameter *buffer = ag_parameter_add(set, "moving_mean", AG_SHAPE(2), AG_BUFFER, NULL);
    cr_assert(ag_parameter_set_seal(set, NULL));
    ag_tape *tape = ag_tape_create("buffer", AG_F64);
    ag_node *read = ag_read(tape, buffer), *gradient;
    cr_expect(!ag_gradient(tape, ag_sum(ag_square(read)), 1, &read, &gradient), "a buffer gets a gradient");
    cr_expect(strstr(ag_tape_error(tape)->text, "moving_mean"), "%s", ag_tape_error(tape)->text);
    ag_tape_free(tape);
    ag_parameter_set_free(set);
}

Test(freeze, the_gradient_flows_through_a_frozen_network_to_its_input) {
    gan m = {0};
    critic_create(&m.d, AG_F64, 2);
    painter_create(&m.g, AG_F64);
    m.tape = ag_tape_create("input", AG_F64);
    ag_node *x = ag_input(m.tape, "x", AG_SHAPE(1, 6, 6, 1)), *gradient;
    ag_freeze(m.tape);
    m.loss = loss_of_real(critic_apply(&m.d, x));
    ag_thaw(m.tape);
    take_gradient(m.tape, m.loss, 1, &x, &gradient);
    cr_expect_eq(run_count_op(m.tape, "conv2d_weight_gradient"), 0);
    cr_expect_eq(run_count_op(m.tape, "conv2d_input_gradient"), 2);
    ag_feed feed = {x, values_tensor(AG_F64, AG_SHAPE(1, 6, 6, 1), VALUES_ANY, 1)};
    ag_tensor *value = run_evaluate("gradient", gradient, 1, &feed);
    cr_expect(approx_largest(36, value->data) > 1e-6, "the gradient of the input vanishes");
    ag_tensor_free(value);
    ag_tensor_free((ag_tensor *)feed.value);
    gan_close(&m);
}

// Keras's rule: D compiled trainable still trains after its flag is cleared; the combined program recorded
// then leaves it alone, also after the flag is set again.
static ag_program *compile_sgd(ag_tape *tape, ag_node *loss, int n, ag_node *const *reads) {
    ag_node *gradients[CRITIC_PARAMETERS], *rate = ag_scalar(tape, 0.1);
    take_gradient(tape, loss, n, reads, gradients);
    for (int i = 0; i < n; i++) ag_sgd_update(reads[i]->parameter, gradients[i], NULL, rate, 0);
    return run_compile(ag_tape_name(tape), tape, 1, &loss);
}

static bool run_changes(ag_program *program, const ag_feed *feed, ag_parameter_set *set) {
    int64_t size;
    double *values = ag_parameter_set_values(set, &size);
    double *before = malloc((size_t)size * sizeof *before);
    memcpy(before, values, (size_t)size * sizeof *before);
    run_step("step", program, 1, feed, (ag_clock){1, 1});
    bool changed = memcmp(before, values, (size_t)size * sizeof *before) != 0;
    free(before);
    return changed;
}

Test(freeze, flipping_trainable_after_compiling_changes_nothing) {
    gan own = {0};
    critic_create(&own.d, AG_F64, 2);
    painter_create(&own.g, AG_F64);
    own.tape = ag_tape_create("critic alone", AG_F64);
    ag_node *x = ag_input(own.tape, "x", AG_SHAPE(BATCH, 6, 6, 1));
    own.loss = loss_of_real(critic_apply(&own.d, x));
    collect_reads(&own);
    ag_program *alone = compile_sgd(own.tape, own.loss, CRITIC_PARAMETERS, own.d_reads);

    critic_set_trainable(&own.d, false);
    gan both = {.d = own.d, .g = own.g};
    gan_record(&both, false);
    ag_program *combined = compile_sgd(both.tape, both.loss, PAINTER_PARAMETERS, both.g_reads);

    ag_feed images = {x, values_tensor(AG_F64, AG_SHAPE(BATCH, 6, 6, 1), VALUES_ANY, 1)};
    ag_feed z = {both.z, values_tensor(AG_F64, AG_SHAPE(BATCH, 3), VALUES_ANY, 2)};
    for (int flag = 0; flag < 2; flag++) {
        critic_set_trainable(&own.d, flag);
        cr_expect(run_changes(alone, &images, own.d.set),
                  "flag %d: the critic's own program trains it no more", flag);
        cr_expect(!run_changes(combined, &z, own.d.set), "flag %d: the combined program changes the critic",
                  flag);
        cr_expect(run_changes(combined, &z, own.g.set), "flag %d: the combined program trains nothing", flag);
    }
    ag_tensor_free((ag_tensor *)images.value);
    ag_tensor_free((ag_tensor *)z.value);
    ag_program_free(alone);
    ag_program_free(combined);
    ag_tape_free(both.tape);
    gan_close(&own);
}
