// SPDX-License-Identifier: MIT
// What a layer does besides its function: dropout's masks and batch normalization's moving statistics, as the
// mode says and never as `trainable` says.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/autograd/run.h"
#include "tests/nn/fixture.h"
#include "tests/support/approx.h"
#include "tests/support/values.h"

// y of a node fed with x, at a clock.
static ag_tensor *run_at(ag_node *y, ag_node *x, const ag_tensor *values, ag_clock clock) {
    ag_error error = {0};
    ag_tensor *result = run_program(y, 1, &(ag_feed){x, values}, clock, &error);
    cr_assert(result, "%s", error.text);
    return result;
}

// ---- dropout

#define DROPPED 4000

// The mask of n values by itself: dropout of ones.
typedef struct dropper {
    nn_model *model;
    ag_tape *tape;
    ag_node *x;
    ag_tensor *ones;
} dropper;

static void dropper_open(dropper *d, double rate, ag_dtype dtype, const char *tape) {
    d->model = fixture_model(nn_dropout(rate), dtype, AG_SHAPE(DROPPED));
    d->tape = ag_tape_create(tape, dtype);
    d->x = ag_input(d->tape, "x", AG_SHAPE(2, DROPPED));
    d->ones = values_constant(dtype, AG_SHAPE(2, DROPPED), 1);
}

static void dropper_close(dropper *d) {
    ag_tensor_free(d->ones);
    ag_tape_free(d->tape);
    nn_model_free(d->model);
}

Test(dropout_mask, holds_nothing_but_zero_and_the_inverse_of_what_is_kept_at_the_rate) {
    for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
        for (double rate = 0.1; rate < 1; rate += 0.2) {
            dropper d;
            dropper_open(&d, rate, dtype, "t");
            ag_tensor *mask = run_at(nn_apply(d.model, d.x, NN_TRAIN), d.x, d.ones, (ag_clock){3, 5});
            const double scale = dtype == AG_F64 ? 1 / (1 - rate) : (double)(float)(1 / (1 - rate));
            int64_t n = 2 * DROPPED, dropped = 0;
            for (int64_t i = 0; i < n; i++) {
                const double value = ag_tensor_get(mask, i);
                cr_assert(value == 0 || value == scale, "rate %g, entry %lld is %.17g, neither 0 nor %.17g",
                          rate, (long long)i, value, scale);
                dropped += value == 0;
            }
            const double deviation = sqrt(rate * (1 - rate) / (double)n);
            cr_expect(fabs((double)dropped / (double)n - rate) < 4 * deviation,
                      "rate %g dropped %lld of %lld", rate, (long long)dropped, (long long)n);
            ag_tensor_free(mask);
            dropper_close(&d);
        }
    }
}

static int64_t count_equal(const ag_tensor *a, const ag_tensor *b) {
    int64_t n = 0;
    for (int64_t i = 0; i < ag_shape_size(a->shape); i++) n += ag_tensor_get(a, i) == ag_tensor_get(b, i);
    return n;
}

// Independent masks of rate 1/2 agree in about half of their entries.
static void expect_independent(const char *what, const ag_tensor *a, const ag_tensor *b) {
    const double n = (double)ag_shape_size(a->shape), equal = (double)count_equal(a, b) / n;
    cr_expect(fabs(equal - 0.5) < 4 * 0.5 / sqrt(n), "%s: masks agree in %g of their entries", what, equal);
}

Test(dropout_mask, is_the_same_for_a_clock_and_another_for_another_step_seed_use_or_tape) {
    dropper d, other;
    dropper_open(&d, 0.5, AG_F32, "discriminator.train");
    dropper_open(&other, 0.5, AG_F32, "combined.train");
    ag_node *first = nn_apply(d.model, d.x, NN_TRAIN), *second = nn_apply(d.model, d.x, NN_TRAIN);
    ag_node *elsewhere = nn_apply(other.model, other.x, NN_TRAIN);
    ag_tensor *mask = run_at(first, d.x, d.ones, (ag_clock){3, 5});
    ag_tensor *again = run_at(first, d.x, d.ones, (ag_clock){3, 5});
    cr_expect(count_equal(mask, again) == 2 * DROPPED, "the same clock drops other entries");
    ag_tensor *others[] = {run_at(first, d.x, d.ones, (ag_clock){3, 6}),
                           run_at(first, d.x, d.ones, (ag_clock){4, 5}),
                           run_at(second, d.x, d.ones, (ag_clock){3, 5}),
                           run_at(elsewhere, other.x, other.ones, (ag_clock){3, 5})};
    const char *what[] = {"the next step", "another seed", "a second use", "another tape"};
    for (int i = 0; i < COUNT(others); i++) {
        expect_independent(what[i], mask, others[i]);
        ag_tensor_free(others[i]);
    }
    ag_tensor_free(mask);
    ag_tensor_free(again);
    dropper_close(&d);
    dropper_close(&other);
}

Test(dropout_mask, is_recorded_in_training_only) {
    dropper d;
    dropper_open(&d, 0.5, AG_F32, "t");
    cr_expect(nn_apply(d.model, d.x, NN_INFER) == d.x, "inference records something");
    cr_expect(nn_apply(d.model, d.x, (nn_mode){.batch_statistics = true, .update_statistics = true}) == d.x);
    dropper_close(&d);
}

// ---- batch normalization

// A batch_norm on a tape: y and, after run_norm, its buffers.
typedef struct norm {
    nn_model *model;
    ag_tape *tape;
    ag_node *x, *y;
    ag_tensor *values;
} norm;

static void norm_open(norm *t, nn_layer *layer, ag_shape batch, nn_mode mode) {
    const ag_shape in = ag_shape_of(batch.rank - 1, batch.dim + 1);
    t->model = fixture_model(layer, AG_F64, in);
    fixture_draw(nn_model_set(t->model, 0), 90);
    t->tape = ag_tape_create("norm", AG_F64);
    t->x = ag_input(t->tape, "x", batch);
    t->y = nn_apply(t->model, t->x, mode);
    t->values = values_tensor(AG_F64, batch, VALUES_ANY, 91);
    cr_assert(!ag_node_failed(t->y), "%s", ag_tape_error(t->tape)->text);
}

static void norm_run(norm *t) { ag_tensor_free(run_at(t->y, t->x, t->values, (ag_clock){1, 1})); }

static void norm_close(norm *t) {
    ag_tensor_free(t->values);
    ag_tape_free(t->tape);
    nn_model_free(t->model);
}

// The moments of the batch, the variance with n / (n - 1) or without.
static void moments_of(const norm *t, bool unbiased, ref_array *mean, ref_array *variance) {
    const ref_array x = {t->values->shape, t->values->data};
    const int64_t channels = mean->shape.dim[0];
    const double n = (double)(ag_shape_size(x.shape) / channels);
    ref_batch_mean(&x, mean);
    ref_batch_variance(&x, mean, variance);
    for (int64_t c = 0; c < channels && unbiased && n > 1; c++) variance->data[c] *= n / (n - 1);
}

static void expect_moved(const char *what, const ag_parameter *moving, const ref_array *before,
                         const ref_array *batch, double momentum) {
    ref_array expected = ref_create(moving->shape), actual = fixture_get(moving);
    for (int64_t c = 0; c < moving->size; c++)
        expected.data[c] = momentum * before->data[c] + (1 - momentum) * batch->data[c];
    const char *bad = approx_difference(moving->size, actual.data, expected.data, 1e-12, 1);
    cr_expect(!bad, "%s of %s: %s", moving->name, what, bad);
    ref_free(&expected);
    ref_free(&actual);
}

static void check_moving(const char *what, nn_layer *layer, ag_shape batch, double momentum, bool unbiased) {
    norm t;
    norm_open(&t, layer, batch, NN_TRAIN);
    const nn_layer *l = nn_model_layer(t.model, 0);
    ref_array mean_before = fixture_get(l->parameters[2]), variance_before = fixture_get(l->parameters[3]);
    ref_array mean = ref_create(mean_before.shape), variance = ref_create(mean_before.shape);
    moments_of(&t, unbiased, &mean, &variance);
    nn_layer_set_trainable(nn_model_layer(t.model, 0), false);
    norm_run(&t);
    expect_moved(what, l->parameters[2], &mean_before, &mean, momentum);
    expect_moved(what, l->parameters[3], &variance_before, &variance, momentum);
    ref_free(&mean_before), ref_free(&variance_before), ref_free(&mean), ref_free(&variance);
    norm_close(&t);
}

Test(moving_statistics, move_by_keras_formula_whatever_the_layout) {
    check_moving("[4,3,2,3]", nn_batch_norm(), AG_SHAPE(4, 3, 2, 3), 0.99, true);
    check_moving("[1,3,3,2]", nn_batch_norm(.momentum = 0.5), AG_SHAPE(1, 3, 3, 2), 0.5, true);
    check_moving("[5,2]", nn_batch_norm(.momentum = 0.9), AG_SHAPE(5, 2), 0.9, true);
    check_moving("[1,4]", nn_batch_norm(), AG_SHAPE(1, 4), 0.99, true);
    check_moving("[5,2] biased", nn_batch_norm(.biased_moving_variance = true), AG_SHAPE(5, 2), 0.99, false);
}

static void expect_moves(const char *what, nn_mode mode, bool trainable, bool moves) {
    norm t;
    norm_open(&t, nn_batch_norm(), AG_SHAPE(4, 3), mode);
    nn_set_trainable(t.model, trainable);
    void *before = fixture_bytes(nn_model_set(t.model, 0), NULL);
    norm_run(&t);
    cr_expect(fixture_same_bytes(nn_model_set(t.model, 0), before) != moves, "%s %s the statistics", what,
              moves ? "does not move" : "moves");
    free(before);
    norm_close(&t);
}

Test(moving_statistics, move_when_the_mode_says_so_and_not_when_trainable_does) {
    expect_moves("training", NN_TRAIN, true, true);
    expect_moves("training while frozen", NN_TRAIN, false, true);
    expect_moves("inference", NN_INFER, true, false);
    expect_moves("batch statistics alone", (nn_mode){.batch_statistics = true}, true, false);
    expect_moves("an update without batch statistics", (nn_mode){.update_statistics = true}, true, false);
}

Test(moving_statistics, start_at_zero_and_one_and_are_no_parameters) {
    nn_model *model = fixture_model(nn_batch_norm(), AG_F32, AG_SHAPE(3));
    cr_assert(nn_model_initialize(model, 1, 0, NULL));
    const double starts[] = {1, 0, 0, 1};
    for (int i = 0; i < 4; i++) {
        const ag_parameter *parameter = nn_model_layer(model, 0)->parameters[i];
        ref_array values = fixture_get(parameter);
        for (int c = 0; c < 3; c++)
            cr_expect(values.data[c] == starts[i], "%s starts at %g", parameter->name, values.data[c]);
        cr_expect((parameter->kind == AG_BUFFER) == (i >= 2), "%s is of the wrong kind", parameter->name);
        ref_free(&values);
    }
    nn_model_free(model);
}

Test(moving_statistics, are_updated_by_one_application_of_a_tape) {
    norm t;
    norm_open(&t, nn_batch_norm(), AG_SHAPE(4, 3), NN_TRAIN);
    cr_expect(!ag_node_failed(nn_apply(t.model, t.x, (nn_mode){.batch_statistics = true})));
    nn_apply(t.model, t.x, NN_TRAIN);
    fixture_expect_sentence("a second update", ag_tape_error(t.tape)->text, "m/batch_norm/moving_mean");
    norm_close(&t);
}
