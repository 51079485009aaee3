// SPDX-License-Identifier: MIT
// Every optimizer step by step against its formula in plain loops, and the rules of all: what is trained,
// when a step counts, what is refused.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/loss.h"
#include "nn/optimizer.h"
#include "tests/autograd/run.h"
#include "tests/nn/fixture.h"
#include "tests/support/approx.h"
#include "tests/support/values.h"

#define SIZE 12
#define STEPS 5

// One value with its state.
typedef struct scalar {
    double w, a, b;
} scalar;

typedef struct optimizer_case {
    const char *name;
    nn_optimizer_params params;
    void (*step)(scalar *s, double g, double rate, double t);
    double rate;  // the default, or the one given
    int n_states;
} optimizer_case;

static void sgd(scalar *s, double g, double rate, double t) {
    (void)t;
    s->w -= rate * g;
}

static void sgd_momentum(scalar *s, double g, double rate, double t) {
    (void)t;
    s->a = 0.9 * s->a - rate * g;
    s->w += s->a;
}

static void rmsprop(scalar *s, double g, double rate, double t) {
    (void)t;
    s->a = 0.9 * s->a + 0.1 * g * g;
    s->w -= rate * g / (sqrt(s->a) + 1e-7);
}

static void rmsprop_options(scalar *s, double g, double rate, double t) {
    (void)t;
    s->a = 0.5 * s->a + 0.5 * g * g;
    s->w -= rate * g / (sqrt(s->a) + 0.125);
}

// rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon).
static void adam_step(scalar *s, double g, double rate, double t, double beta1, double beta2,
                      double epsilon) {
    s->a = beta1 * s->a + (1 - beta1) * g;
    s->b = beta2 * s->b + (1 - beta2) * g * g;
    s->w -= rate * sqrt(1 - pow(beta2, t)) / (1 - pow(beta1, t)) * s->a / (sqrt(s->b) + epsilon);
}

static void adam(scalar *s, double g, double rate, double t) { adam_step(s, g, rate, t, 0.9, 0.999, 1e-7); }
static void adam_zero_beta(scalar *s, double g, double rate, double t) {
    adam_step(s, g, rate, t, 0, 0.9, 0.01);
}

// rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon).
static void adam_torch(scalar *s, double g, double rate, double t) {
    s->a = 0.9 * s->a + 0.1 * g;
    s->b = 0.999 * s->b + 0.001 * g * g;
    s->w -= rate * s->a / (1 - pow(0.9, t)) / (sqrt(s->b / (1 - pow(0.999, t))) + 0.01);
}

static void adamw(scalar *s, double g, double rate, double t) {
    s->w -= rate * 0.004 * s->w;
    adam(s, g, rate, t);
}

static const optimizer_case cases[] = {
    {"sgd", nn_sgd(), sgd, 0.01, 1},
    {"sgd", nn_sgd(.rate = 0.1, .momentum = 0.9), sgd_momentum, 0.1, 1},
    {"rmsprop", nn_rmsprop(), rmsprop, 0.001, 1},
    {"rmsprop", nn_rmsprop(.rho = 0.5, .epsilon = 0.125), rmsprop_options, 0.001, 1},
    {"adam", nn_adam(), adam, 0.001, 2},
    {"adam", nn_adam(.rate = 0.02, .beta1 = NN_BETA_ZERO, .beta2 = 0.9, .epsilon = 0.01), adam_zero_beta,
     0.02, 2},
    {"adam", nn_adam(.epsilon = 0.01, .torch_epsilon = true, .weight_decay = 0.5), adam_torch, 0.001, 2},
    {"adamw", nn_adamw(), adamw, 0.001, 2},
};

Test(optimizer, every_kind_has_a_row) {
    for (int i = 0; nn_optimizer_kind_at(i); i++) {
        int rows = 0;
        for (int k = 0; k < COUNT(cases); k++) {
            if (cases[k].params.kind != nn_optimizer_kind_at(i)) continue;
            rows++;
            cr_expect_str_eq(cases[k].name, nn_optimizer_kind_at(i)->name);
        }
        cr_expect(rows > 0, "optimizer %s has no row in test_optimizers.c", nn_optimizer_kind_at(i)->name);
    }
    cr_expect(!nn_optimizer_kind_at(-1));
}

// Gradients of step `step`: of several sizes, one always 0, one only in odd steps.
static ag_tensor *gradients_of(int step, ag_dtype dtype) {
    ag_tensor *g = values_tensor(dtype, AG_SHAPE(3, 4), VALUES_ANY, 70 + (uint64_t)step);
    for (int i = 0; i < SIZE; i++) ag_tensor_set(g, i, ag_tensor_get(g, i) * pow(10, i % 5 - 3));
    ag_tensor_set(g, 10, 0);
    if (step % 2 == 0) ag_tensor_set(g, 11, 0);
    return g;
}

static void expect_values(const optimizer_case *row, const fixture_trainee *t, const scalar *s, int step,
                          double bound) {
    double expected[3][SIZE];
    for (int i = 0; i < SIZE; i++) expected[0][i] = s[i].w, expected[1][i] = s[i].a, expected[2][i] = s[i].b;
    for (int k = 0; k <= row->n_states; k++) {
        const ag_parameter *p =
            k ? ag_parameter_set_at(nn_optimizer_state(t->optimizer, k - 1), 0) : t->kernel;
        ref_array actual = fixture_get(p);
        const char *bad = approx_difference(SIZE, actual.data, expected[k], bound, k ? 1e-12 : 0.1);
        cr_expect(!bad, "%s (rate %g), step %d, %s: %s", row->name, row->rate, step, p->name, bad);
        ref_free(&actual);
    }
}

static void check_steps(const optimizer_case *row, ag_dtype dtype, double bound) {
    fixture_trainee t;
    fixture_trainee_open(&t, row->params, dtype);
    scalar s[SIZE];
    ref_array start = fixture_get(t.kernel);
    for (int i = 0; i < SIZE; i++) s[i] = (scalar){.w = start.data[i]};
    for (int step = 1; step <= STEPS; step++) {
        const double rate = step < STEPS ? row->rate : row->rate / 2;
        cr_assert(nn_optimizer_set_rate(t.optimizer, rate, NULL));
        ag_tensor *g = gradients_of(step, dtype);
        for (int i = 0; i < SIZE; i++) row->step(&s[i], ag_tensor_get(g, i), rate, step);
        fixture_trainee_step(&t, g);
        nn_optimizer_advance(t.optimizer);
        expect_values(row, &t, s, step, bound);
        ag_tensor_free(g);
    }
    ref_free(&start);
    fixture_trainee_close(&t);
}

Test(optimizer, steps_by_its_formula) {
    for (int i = 0; i < COUNT(cases); i++) {
        check_steps(&cases[i], AG_F64, 1e-12);
        check_steps(&cases[i], AG_F32, 2e-5);
    }
}

Test(optimizer, has_the_defaults_of_keras_and_its_states_beside_the_models_values) {
    for (int i = 0; i < COUNT(cases); i++) {
        fixture_trainee t;
        fixture_trainee_open(&t, cases[i].params, AG_F32);
        cr_expect(nn_optimizer_rate(t.optimizer) == cases[i].rate && nn_optimizer_step(t.optimizer) == 0);
        cr_expect(nn_optimizer_state_count(t.optimizer) == cases[i].n_states);
        for (int k = 0; k < cases[i].n_states; k++) {
            const ag_parameter_set *state = nn_optimizer_state(t.optimizer, k);
            const char *suffix = cases[i].params.kind->states[k];
            fixture_expect_sentence(cases[i].name, ag_parameter_set_name(state), suffix);
            cr_expect(strncmp(ag_parameter_set_name(state), "m.", 2) == 0);
            cr_expect(ag_parameter_set_at(state, 0)->offset == t.kernel->offset);
            cr_expect(ag_parameter_set_at(state, 0)->kind == AG_BUFFER);
            const bool squares = strcmp(suffix, "v") == 0 || strcmp(suffix, "square") == 0;
            cr_expect(nn_optimizer_state_nonnegative(t.optimizer, k) == squares, "%s", suffix);
        }
        fixture_trainee_close(&t);
    }
}

Test(optimizer, a_run_is_a_step_only_when_it_is_said_to_be) {
    fixture_trainee t;
    fixture_trainee_open(&t, nn_adam(), AG_F64);
    ag_tensor *g = gradients_of(1, AG_F64);
    ref_array w = fixture_get(t.kernel);
    scalar s = {.w = w.data[0]};
    ref_free(&w);
    for (int i = 0; i < 2; i++) {
        fixture_trainee_step(&t, g);
        adam(&s, ag_tensor_get(g, 0), 0.001, 1);
    }
    cr_expect(nn_optimizer_step(t.optimizer) == 0);
    nn_optimizer_advance(t.optimizer);
    cr_expect(nn_optimizer_step(t.optimizer) == 1);
    cr_assert(nn_optimizer_set_step(t.optimizer, 41, NULL));
    fixture_trainee_step(&t, g);
    adam(&s, ag_tensor_get(g, 0), 0.001, 42);
    w = fixture_get(t.kernel);
    cr_expect(fabs(w.data[0] - s.w) < 1e-12, "w[0] is %.17g, not %.17g", w.data[0], s.w);
    ref_free(&w);
    ag_tensor_free(g);
    fixture_trainee_close(&t);
}

// ---- what is trained

// Two dense layers; the loss is the mean square of the output.
typedef struct pair {
    nn_model *model;
    ag_tape *tape;
    ag_node *x;
} pair;

static void pair_open(pair *p) {
    ag_error error = {0};
    p->model = nn_sequential(&error, "pair", AG_F64, AG_SHAPE(3), nn_dense(4), nn_tanh(), nn_dense(2));
    cr_assert(p->model, "%s", error.text);
    fixture_draw(nn_model_set(p->model, 0), 61);
    p->tape = ag_tape_create("pair", AG_F64);
    p->x = ag_input(p->tape, "x", AG_SHAPE(2, 3));
}

static ag_node *pair_loss(const pair *p) { return ag_mean(ag_square(nn_apply(p->model, p->x, NN_TRAIN))); }

static void pair_close(pair *p) {
    ag_tape_free(p->tape);
    nn_model_free(p->model);
}

static void pair_run(const pair *p, const nn_optimizer *optimizer, const nn_update *update, ag_node *loss) {
    ag_program *program = run_compile("pair", p->tape, 1, &loss);
    ag_tensor *x = values_tensor(AG_F64, AG_SHAPE(2, 3), VALUES_ANY, 62);
    cr_assert(nn_optimizer_feed(optimizer, program, update, NULL));
    run_step("pair", program, 1, &(ag_feed){p->x, x}, (ag_clock){0});
    ag_tensor_free(x);
    ag_program_free(program);
}

Test(optimizer, trains_what_was_trainable_when_it_was_created_and_nothing_else) {
    pair p;
    pair_open(&p);
    nn_layer *first = nn_model_layer(p.model, 0), *last = nn_model_layer(p.model, 2);
    nn_layer_set_trainable(first, false);
    nn_optimizer *optimizer = nn_optimizer_create(p.model, nn_adam(), NULL);
    nn_layer_set_trainable(first, true);
    nn_layer_set_trainable(last, false);
    nn_optimizer_begin(optimizer);
    cr_expect(!first->parameters[0]->trainable && last->parameters[0]->trainable, "begin sets other flags");
    nn_update update;
    ag_node *loss = pair_loss(&p);
    cr_assert(nn_optimizer_record(optimizer, loss, &update), "%s", ag_tape_error(p.tape)->text);
    nn_optimizer_end(optimizer);
    cr_expect(first->parameters[0]->trainable && !last->parameters[0]->trainable,
              "end does not restore the flags");
    ref_array before[2] = {fixture_get(first->parameters[0]), fixture_get(last->parameters[0])};
    pair_run(&p, optimizer, &update, loss);
    ref_array after[2] = {fixture_get(first->parameters[0]), fixture_get(last->parameters[0])};
    cr_expect(memcmp(before[0].data, after[0].data, 12 * sizeof(double)) == 0,
              "the frozen layer was trained");
    for (int i = 0; i < 8; i++)
        cr_expect(before[1].data[i] != after[1].data[i], "entry %d was not trained", i);
    for (int i = 0; i < 2; i++) ref_free(&before[i]), ref_free(&after[i]);
    nn_optimizer_free(optimizer);
    pair_close(&p);
}

Test(optimizer, refuses_a_loss_that_was_recorded_without_it) {
    pair p;
    pair_open(&p);
    nn_optimizer *optimizer = nn_optimizer_create(p.model, nn_sgd(), NULL);
    nn_set_trainable(p.model, false);
    ag_node *loss = pair_loss(&p);
    nn_set_trainable(p.model, true);
    nn_update update;
    cr_expect(!nn_optimizer_record(optimizer, loss, &update));
    fixture_expect_sentence("record", ag_tape_error(p.tape)->text,
                            "optimizer sgd: parameter pair/dense/kernel was not read to be trained");
    nn_optimizer_free(optimizer);
    pair_close(&p);
}

Test(optimizer, orders_updates_as_the_set_and_labels_them_by_parameter) {
    pair p;
    pair_open(&p);
    nn_optimizer *optimizer = nn_optimizer_create(p.model, nn_rmsprop(), NULL);
    nn_update update;
    cr_assert(nn_optimizer_record(optimizer, pair_loss(&p), &update));
    const char *labels[] = {
        "update/pair/dense/kernel/rmsprop_update", "update/pair/dense/bias/rmsprop_update",
        "update/pair/dense_1/kernel/rmsprop_update", "update/pair/dense_1/bias/rmsprop_update"};
    int n = 0;
    for (int i = 0; i < ag_tape_count(p.tape); i++) {
        const ag_node *node = ag_tape_at(p.tape, i);
        if (strcmp(ag_node_op(node), "rmsprop_update") == 0)
            cr_expect_str_eq(ag_node_label(node), labels[n++]);
    }
    cr_expect(n == 4);
    cr_expect_str_eq(ag_node_label(update.rate), "update/rate");
    nn_optimizer_free(optimizer);
    pair_close(&p);
}

// ---- what is refused

Test(optimizer, refuses_options_out_of_their_ranges_in_one_sentence) {
    const struct {
        nn_optimizer_params params;
        const char *sentence;
    } rows[] = {
        {nn_adam(.rate = -1), "optimizer adam: rate -1 must be positive and finite"},
        {nn_sgd(.rate = INFINITY), "optimizer sgd: rate inf must be positive and finite"},
        {nn_adamw(.rate = NAN), "optimizer adamw: rate nan must be positive and finite"},
        {nn_adam(.beta1 = 1), "optimizer adam: beta1 1 must lie in [0, 1)"},
        {nn_adam(.beta2 = -0.5), "optimizer adam: beta2 -0.5 must lie in [0, 1)"},
        {nn_sgd(.momentum = 1.5), "optimizer sgd: momentum 1.5 must lie in [0, 1)"},
        {nn_rmsprop(.rho = NAN), "optimizer rmsprop: rho nan must lie in [0, 1)"},
        {nn_rmsprop(.epsilon = -1e-7), "optimizer rmsprop: epsilon -1e-07 must be positive and finite"},
        {nn_adamw(.weight_decay = -1), "optimizer adamw: weight_decay -1 must be at least 0 and finite"},
        {{.rate = 1}, "optimizer: its kind is not set"},
    };
    nn_model *model = fixture_model(nn_dense(2), AG_F32, AG_SHAPE(2));
    for (int i = 0; i < COUNT(rows); i++) {
        ag_error error = {0};
        cr_expect(!nn_optimizer_create(model, rows[i].params, &error), "\"%s\" is taken", rows[i].sentence);
        fixture_expect_sentence("create", error.text, rows[i].sentence);
    }
    nn_model_free(model);
}

Test(optimizer, refuses_a_model_in_which_nothing_is_trainable) {
    nn_model *models[] = {fixture_model(nn_dense(2), AG_F32, AG_SHAPE(2)),
                          fixture_model(nn_relu(), AG_F32, AG_SHAPE(2))};
    nn_set_trainable(models[0], false);
    for (int i = 0; i < 2; i++) {
        ag_error error = {0};
        cr_expect(!nn_optimizer_create(models[i], nn_adam(), &error));
        fixture_expect_sentence("create", error.text, "optimizer adam: no parameter of model m is trainable");
        nn_model_free(models[i]);
    }
    nn_optimizer_free(NULL);
}
