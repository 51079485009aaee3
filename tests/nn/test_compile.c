// SPDX-License-Identifier: MIT
// Compiled steps: what `trainable` means and when it is read, batch sizes, losses, and inference in chunks.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/compile.h"
#include "tests/nn/fixture.h"
#include "tests/support/values.h"

#define Z 3
#define IMAGE 36
#define ROWS 8

// A small GAN as a Keras user builds it, with data.
typedef struct gan {
    nn_model *g, *d, *combined;
    float z[ROWS * Z], images[ROWS * IMAGE], ones[ROWS], zeros[ROWS];
} gan;

static void fill(float *values, int64_t n, uint64_t seed) {
    for (int64_t i = 0; i < n; i++) values[i] = (float)(2 * values_uniform(&seed) - 1);
}

static void gan_open(gan *t) {
    ag_error error = {0};
    *t = (gan){0};
    t->g = nn_sequential(&error, "generator", AG_F32, AG_SHAPE(Z), nn_dense(3 * 3 * 4), nn_reshape(3, 3, 4),
                         nn_conv2d_transpose(3, 3), nn_batch_norm(), nn_leaky_relu(0.01),
                         nn_conv2d_transpose(1, 3, .stride = 2), nn_tanh());
    t->d =
        nn_sequential(&error, "discriminator", AG_F32, AG_SHAPE(6, 6, 1), nn_conv2d(3, 3, .stride = 2),
                      nn_leaky_relu(0.01), nn_conv2d(2, 3), nn_leaky_relu(0.01), nn_flatten(), nn_dense(1));
    t->combined = nn_chain(&error, "combined", t->g, t->d);
    cr_assert(t->combined, "%s", error.text);
    cr_assert(nn_model_initialize(t->g, 1, 0, NULL) && nn_model_initialize(t->d, 1, 100, NULL));
    fill(t->z, ROWS * Z, 2);
    fill(t->images, ROWS * IMAGE, 3);
    for (int i = 0; i < ROWS; i++) t->ones[i] = 1;
}

static void gan_close(gan *t) {
    nn_model_free(t->combined);
    nn_model_free(t->g);
    nn_model_free(t->d);
}

static nn_program *compile(nn_model *model) {
    ag_error error = {0};
    nn_program *program = nn_compile(model, nn_bce_logits, nn_adam(.rate = 0.01), &error);
    cr_assert(program, "%s", error.text);
    return program;
}

static double train(nn_program *program, const void *x, const void *y, int64_t n) {
    ag_error error = {0};
    double loss = NAN;
    cr_assert(nn_train_on_batch(program, x, y, n, &loss, &error), "%s", error.text);
    return loss;
}

// Which of G and D a step of the program changes.
typedef struct changes {
    bool g, d;
} changes;

static changes step(const gan *t, nn_program *program, bool combined, int64_t n) {
    ag_parameter_set *g = nn_model_set(t->g, 0), *d = nn_model_set(t->d, 0);
    void *g_before = fixture_bytes(g, NULL), *d_before = fixture_bytes(d, NULL);
    train(program, combined ? t->z : t->images, t->ones, n);
    const changes changed = {!fixture_same_bytes(g, g_before), !fixture_same_bytes(d, d_before)};
    free(g_before), free(d_before);
    return changed;
}

static void expect_step(const char *what, const gan *t, nn_program *program, bool combined, int64_t n,
                        changes wanted) {
    const changes changed = step(t, program, combined, n);
    cr_expect(changed.g == wanted.g, "%s %s G", what, changed.g ? "changes" : "leaves");
    cr_expect(changed.d == wanted.d, "%s %s D", what, changed.d ? "changes" : "leaves");
}

Test(trainable, is_what_it_was_when_the_model_was_compiled) {
    gan t;
    gan_open(&t);
    nn_program *d_step = compile(t.d);
    nn_set_trainable(t.d, false);
    nn_program *g_step = compile(t.combined);
    expect_step("D's own step", &t, d_step, false, 4, (changes){.d = true});
    expect_step("the combined step", &t, g_step, true, 4, (changes){.g = true});
    nn_set_trainable(t.d, true);
    nn_set_trainable(t.g, false);
    expect_step("the combined step, flags flipped,", &t, g_step, true, 4, (changes){.g = true});
    expect_step("the combined step, flags flipped, of another batch size", &t, g_step, true, 3,
                (changes){.g = true});
    nn_set_trainable(t.d, false);
    expect_step("D's own step, frozen, of another batch size", &t, d_step, false, 5, (changes){.d = true});
    nn_set_trainable(t.d, true);
    nn_program *recompiled = compile(t.combined);
    ag_parameter *kernel = nn_model_layer(t.g, 0)->parameters[0];
    ref_array before = fixture_get(kernel);
    cr_expect(step(&t, recompiled, true, 4).d, "the recompiled step leaves D");
    ref_array after = fixture_get(kernel);
    cr_expect(memcmp(before.data, after.data, (size_t)kernel->size * 8) == 0,
              "the recompiled step trains frozen G");
    cr_expect(!kernel->trainable && nn_model_layer(t.d, 0)->parameters[0]->trainable,
              "compiling moves the flags");
    ref_free(&before), ref_free(&after);
    nn_program_free(d_step), nn_program_free(g_step), nn_program_free(recompiled);
    gan_close(&t);
}

// ---- plans

static const ag_program *plan_of(nn_program *program, int64_t n) {
    ag_error error = {0};
    const ag_program *plan = nn_program_plan(program, n, &error);
    cr_assert(plan, "%s", error.text);
    return plan;
}

static int count_steps(const ag_program *plan, const char *label, const char *op) {
    int n = 0;
    for (int i = 0; i < ag_program_step_count(plan); i++) {
        const ag_node *node = ag_program_step_node(plan, i);
        n += strstr(ag_node_label(node), label) && strcmp(ag_node_op(node), op) == 0;
    }
    return n;
}

// Gradient steps under the label whose value has the size of one of the set's parameters; in D no other value
// has.
static int count_parameter_gradients(const ag_program *plan, const char *label, const ag_parameter_set *set) {
    int n = 0;
    for (int i = 0; i < ag_program_step_count(plan); i++) {
        const ag_node *node = ag_program_step_node(plan, i);
        if (strncmp(ag_node_label(node), "gradient/", 9) != 0 || !strstr(ag_node_label(node), label))
            continue;
        bool fits = false;
        for (int k = 0; k < ag_parameter_set_count(set); k++)
            fits |= ag_shape_size(ag_node_shape(node)) == ag_parameter_set_at(set, k)->size;
        n += fits;
    }
    return n;
}

Test(trainable, a_frozen_model_has_no_parameter_gradient_in_the_plan) {
    gan t;
    gan_open(&t);
    nn_program *d_step = compile(t.d);
    nn_set_trainable(t.d, false);
    nn_program *g_step = compile(t.combined);
    const ag_program *alone = plan_of(d_step, 4), *combined = plan_of(g_step, 4);
    const ag_parameter_set *g = nn_model_set(t.g, 0), *d = nn_model_set(t.d, 0);
    cr_expect(count_steps(alone, "discriminator/", "conv2d_weight_gradient") == 2);
    cr_expect(count_parameter_gradients(alone, "discriminator/", d) == 6);
    cr_expect(count_steps(combined, "discriminator/", "conv2d_weight_gradient") == 0,
              "D's kernels have gradients");
    cr_expect(count_parameter_gradients(combined, "discriminator/", d) == 0, "D's parameters have gradients");
    cr_expect(count_steps(combined, "discriminator/", "conv2d_input_gradient") == 2,
              "the gradient stops at D");
    cr_expect(count_steps(combined, "generator/", "conv2d_weight_gradient") == 2);
    cr_expect(count_parameter_gradients(combined, "generator/", g) >= 8);
    cr_expect(count_steps(combined, "update/generator/", "adam_update") == 8);
    cr_expect(count_steps(combined, "update/discriminator/", "adam_update") == 0);
    cr_expect(ag_program_get_stats(combined).n_frozen >= 6 &&
              ag_program_get_stats(combined).frozen_flops > 0);
    nn_program_free(d_step), nn_program_free(g_step);
    gan_close(&t);
}

// FLOPs of the updates of a layer's parameters.
static double update_flops(const ag_program *plan, const char *label) {
    double flops = 0;
    for (int i = 0; i < ag_program_step_count(plan); i++) {
        const ag_node *node = ag_program_step_node(plan, i);
        if (strcmp(ag_node_op(node), "adam_update") == 0 && strstr(ag_node_label(node), label))
            flops += node->op->flops(node);
    }
    return flops;
}

static void check_frozen_layer(int index, bool saves) {
    gan t;
    gan_open(&t);
    nn_set_trainable(t.d, false);
    nn_layer *layer = nn_model_layer(t.g, index);
    nn_program *whole = compile(t.combined);
    nn_layer_set_trainable(layer, false);
    nn_program *part = compile(t.combined);
    const ag_program_stats all = ag_program_get_stats(plan_of(whole, 4)),
                           some = ag_program_get_stats(plan_of(part, 4));
    char label[64];
    snprintf(label, sizeof label, "update/generator/%s/", layer->name);
    const double saved = some.frozen_flops - all.frozen_flops,
                 updates = update_flops(plan_of(whole, 4), label);
    cr_expect(updates > 0 && (saved > 0) == saves, "%s: updates of %g FLOPs, gradients of %g", layer->name,
              updates, saved);
    cr_expect(all.flops - some.flops == saved + updates, "freezing %s saves %g FLOPs, its plan says %g",
              layer->name, all.flops - some.flops - updates, saved);
    ref_array before[2] = {fixture_get(layer->parameters[0]), fixture_get(layer->parameters[1])};
    expect_step("the step with a frozen layer", &t, part, true, 4, (changes){.g = true});
    for (int i = 0; i < 2; i++) {
        ref_array after = fixture_get(layer->parameters[i]);
        cr_expect(memcmp(before[i].data, after.data, (size_t)layer->parameters[i]->size * 8) == 0,
                  "%s was trained", layer->parameters[i]->name);
        ref_free(&before[i]), ref_free(&after);
    }
    nn_program_free(whole), nn_program_free(part);
    gan_close(&t);
}

Test(trainable, freezing_a_layer_keeps_its_bits_and_saves_what_the_plan_says) {
    check_frozen_layer(0, true);   // dense
    check_frozen_layer(2, true);   // transposed convolution
    check_frozen_layer(3, false);  // batch norm: its input's gradient needs both parameters' gradients
    check_frozen_layer(5, true);   // transposed convolution
}

// ---- steps

// y = tanh(x w + b) v + c in f64, towards a fixed function of x.
typedef struct regression {
    nn_model *model;
    double x[ROWS * 2], y[ROWS];
} regression;

static void regression_open(regression *r, uint64_t seed) {
    r->model = nn_sequential(NULL, "regression", AG_F64, AG_SHAPE(2), nn_dense(8), nn_tanh(), nn_dense(1));
    cr_assert(r->model && nn_model_initialize(r->model, seed, 0, NULL));
    values_fill(VALUES_ANY, 4, ROWS * 2, r->x);
    for (int i = 0; i < ROWS; i++) r->y[i] = sin(r->x[2 * i]) - r->x[2 * i + 1];
}

static nn_program *regression_compile(const regression *r, nn_optimizer_params params) {
    ag_error error = {0};
    nn_program *program = nn_compile(r->model, nn_mse, params, &error);
    cr_assert(program, "%s", error.text);
    return program;
}

Test(compiled, step_reports_the_loss_before_it_and_brings_it_down) {
    regression r;
    regression_open(&r, 1);
    nn_program *program = regression_compile(&r, nn_adam(.rate = 0.05));
    double first = NAN, last = NAN, tested = NAN;
    cr_assert(nn_test_on_batch(program, r.x, r.y, ROWS, &tested, NULL));
    first = train(program, r.x, r.y, ROWS);
    cr_expect(first == tested, "the loss before the step is %.17g, not %.17g", first, tested);
    for (int i = 0; i < 300; i++) last = train(program, r.x, r.y, ROWS);
    cr_expect(last < 1e-3 * first, "300 steps bring %g to %g", first, last);
    nn_program_free(program);
    nn_model_free(r.model);
}

// Three steps as the trainer records them: tape, optimizer, program.
static void train_by_hand(const regression *r, nn_optimizer_params params) {
    ag_error error = {0};
    nn_update update;
    nn_optimizer *optimizer = nn_optimizer_create(r->model, params, &error);
    ag_tape *tape = ag_tape_create("by hand", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(ROWS, 2)), *y = ag_input(tape, "y", AG_SHAPE(ROWS, 1));
    ag_node *loss = nn_mse(nn_apply(r->model, x, NN_TRAIN), y);
    cr_assert(nn_optimizer_record(optimizer, loss, &update), "%s", ag_tape_error(tape)->text);
    ag_program *program = ag_program_compile(tape, 1, &loss, NULL, &error);
    for (int i = 0; i < 3; i++) {
        cr_assert(ag_program_feed(program, x, r->x, AG_SHAPE(ROWS, 2), &error) &&
                      ag_program_feed(program, y, r->y, AG_SHAPE(ROWS, 1), &error) &&
                      nn_optimizer_feed(optimizer, program, &update, &error) &&
                      ag_program_run(program, (ag_clock){0}, &error),
                  "%s", error.text);
        nn_optimizer_advance(optimizer);
    }
    ag_program_free(program);
    ag_tape_free(tape);
    nn_optimizer_free(optimizer);
}

Test(compiled, step_is_the_general_form_bit_for_bit) {
    regression a, b;
    regression_open(&a, 1), regression_open(&b, 1);
    nn_program *program = regression_compile(&a, nn_adam(.rate = 0.05));
    for (int i = 0; i < 3; i++) train(program, a.x, a.y, ROWS);
    train_by_hand(&b, nn_adam(.rate = 0.05));
    cr_expect(fixture_same_bytes(nn_model_set(a.model, 0),
                                 ag_parameter_set_values(nn_model_set(b.model, 0), NULL)));
    nn_program_free(program);
    nn_model_free(a.model), nn_model_free(b.model);
}

// A batch and the same batch twice over have one mean loss: steps of either size are one sequence of steps.
Test(compiled, batch_sizes_share_one_optimizer_state) {
    regression a, b;
    regression_open(&a, 1), regression_open(&b, 1);
    nn_program *mixed = regression_compile(&a, nn_adam()), *plain = regression_compile(&b, nn_adam());
    memcpy(a.x + ROWS, a.x, ROWS * sizeof *a.x);
    memcpy(a.y + ROWS / 2, a.y, ROWS / 2 * sizeof *a.y);
    for (int i = 0; i < 6; i++) {
        const double of_mixed = train(mixed, a.x, a.y, i % 2 ? ROWS : ROWS / 2);
        const double of_plain = train(plain, b.x, b.y, ROWS / 2);
        cr_expect(fabs(of_mixed - of_plain) < 1e-12, "step %d: loss %.17g, not %.17g", i, of_mixed, of_plain);
    }
    nn_program_free(mixed), nn_program_free(plain);
    nn_model_free(a.model), nn_model_free(b.model);
}

Test(compiled, test_changes_nothing_and_infers) {
    gan t;
    gan_open(&t);
    nn_program *program = compile(t.combined);
    train(program, t.z, t.ones, ROWS);
    void *before = fixture_bytes(nn_model_set(t.g, 0), NULL);
    double loss = NAN, again = NAN;
    cr_assert(nn_test_on_batch(program, t.z, t.ones, ROWS, &loss, NULL));
    cr_assert(nn_test_on_batch(program, t.z, t.ones, ROWS, &again, NULL));
    cr_expect(fixture_same_bytes(nn_model_set(t.g, 0), before) && loss == again);
    float logits[ROWS];
    nn_predictor *predictor = nn_predictor_create(t.combined, 3, NULL, NULL);
    cr_assert(nn_predict(predictor, t.z, ROWS, logits, NULL));
    double mean = 0;
    for (int i = 0; i < ROWS; i++) mean += log1p(exp(-(double)logits[i])) / ROWS;
    cr_expect(fabs(mean - loss) < 1e-5, "the loss of the predictions is %g, the tested one %g", mean, loss);
    cr_expect(fabs(train(program, t.z, t.ones, ROWS) - loss) > 1e-4, "training uses the moving statistics");
    free(before);
    nn_predictor_free(predictor);
    nn_program_free(program);
    gan_close(&t);
}

Test(compiled, dropout_follows_the_programs_seed) {
    double losses[3];
    for (int i = 0; i < 3; i++) {
        ag_error error = {0};
        nn_model *model =
            nn_sequential(&error, "net", AG_F64, AG_SHAPE(2), nn_dense(16), nn_dropout(0.5), nn_dense(1));
        cr_assert(model && nn_model_initialize(model, 1, 0, NULL), "%s", error.text);
        nn_program *program = nn_compile(model, nn_mse, nn_sgd(), &error);
        nn_program_set_seed(program, i == 2 ? 6 : 5);
        const double x[] = {1, -1, 0.5, 2}, y[] = {1, 0};
        losses[i] = train(program, x, y, 2);
        nn_program_free(program);
        nn_model_free(model);
    }
    cr_expect(losses[0] == losses[1] && losses[0] != losses[2]);
}

// ---- inference in chunks

static void expect_rows(const gan *t, int64_t chunk, int64_t n, const float *expected) {
    float out[ROWS + 1];
    for (int i = 0; i <= ROWS; i++) out[i] = -7;
    ag_error error = {0};
    nn_predictor *predictor = nn_predictor_create(t->combined, chunk, NULL, &error);
    cr_assert(predictor && nn_predict(predictor, t->z, n, out, &error), "%s", error.text);
    for (int64_t i = 0; i <= ROWS; i++) {
        const double want = i < n ? (double)expected[i] : -7;
        cr_expect(fabs((double)out[i] - want) <= 1e-6 * fabs(want),
                  "chunks of %lld, %lld rows: row %lld is %g, not %g", (long long)chunk, (long long)n,
                  (long long)i, (double)out[i], want);
    }
    nn_predictor_free(predictor);
}

Test(predictor, gives_every_row_whatever_the_chunk) {
    gan t;
    gan_open(&t);
    float one_by_one[ROWS];
    nn_predictor *predictor = nn_predictor_create(t.combined, 1, NULL, NULL);
    for (int i = 0; i < ROWS; i++)
        cr_assert(nn_predict(predictor, t.z + (ptrdiff_t)i * Z, 1, one_by_one + i, NULL));
    nn_predictor_free(predictor);
    for (int64_t chunk = 1; chunk <= ROWS + 1; chunk++)
        for (int64_t n = 0; n <= ROWS; n++) expect_rows(&t, chunk, n, one_by_one);
    gan_close(&t);
}

Test(predictor, gives_a_row_the_same_bits_whatever_the_number_of_rows) {
    gan t;
    gan_open(&t);
    float all[ROWS], few[ROWS];
    ag_workspace *workspace = ag_workspace_create();
    nn_predictor *predictor = nn_predictor_create(t.combined, 5, workspace, NULL);
    cr_assert(nn_predict(predictor, t.z, ROWS, all, NULL));
    for (int64_t n = 1; n < ROWS; n++) {
        cr_assert(nn_predict(predictor, t.z, n, few, NULL));
        cr_expect(memcmp(all, few, (size_t)n * sizeof *few) == 0, "%lld rows have other bits", (long long)n);
    }
    nn_predictor_free(predictor);
    ag_workspace_free(workspace);
    gan_close(&t);
}

// ---- what is refused

static ag_node *scores_alone(ag_node *prediction, ag_node *target) {
    (void)target;
    return prediction;
}

Test(compiled, refuses_in_one_sentence) {
    regression r;
    regression_open(&r, 1);
    double loss = -1;
    ag_error error = {0};
    nn_program *program = regression_compile(&r, nn_sgd());
    cr_expect(!nn_train_on_batch(program, r.x, r.y, 0, &loss, &error));
    fixture_expect_sentence("a batch of 0", error.text, "tape regression.train: input x: shape [0,2]");
    error = (ag_error){0};
    cr_expect(!nn_test_on_batch(program, r.x, r.y, -1, &loss, &error) && loss == -1);
    fixture_expect_sentence("a batch of -1", error.text, "tape regression.test: input x: shape [-1,2]");
    nn_program_free(program);
    error = (ag_error){0};
    program = nn_compile(r.model, scores_alone, nn_sgd(), &error);
    cr_expect(!nn_train_on_batch(program, r.x, r.y, ROWS, &loss, &error));
    fixture_expect_sentence("a loss that is no scalar", error.text,
                            "the loss must be a scalar, its shape is [8,1]");
    nn_program_free(program);
    error = (ag_error){0};
    nn_set_trainable(r.model, false);
    cr_expect(!nn_compile(r.model, nn_mse, nn_sgd(), &error));
    fixture_expect_sentence("a frozen model", error.text,
                            "optimizer sgd: no parameter of model regression is trainable");
    nn_program_free(NULL);
    nn_model_free(r.model);
}

Test(predictor, refuses_in_one_sentence) {
    regression r;
    regression_open(&r, 1);
    ag_error error = {0};
    cr_expect(!nn_predictor_create(r.model, 0, NULL, &error));
    fixture_expect_sentence("chunks of 0", error.text, "predict regression: chunk 0 must be at least 1");
    nn_predictor *predictor = nn_predictor_create(r.model, 2, NULL, NULL);
    double out;
    error = (ag_error){0};
    cr_expect(!nn_predict(predictor, r.x, -1, &out, &error));
    fixture_expect_sentence("-1 rows", error.text, "predict regression: -1 rows must be at least 0");
    nn_predictor_free(predictor);
    nn_predictor_free(NULL);
    nn_model_free(r.model);
}
