// SPDX-License-Identifier: MIT
// GAN variants and penalties: a row for each, its losses written from the formulas over given scores. A
// variant without a row fails for that alone; its gradients, training and resume are tested all the same.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/autograd.h"
#include "models/gan.h"
#include "tests/support/values.h"

enum { N = 7 };

typedef double (*formula)(const double *real, const double *fake, double epsilon);

static double softplus(double x) { return log1p(exp(-fabs(x))) + fmax(x, 0); }
static double cross_entropy(double logit, double target) { return softplus(logit) - logit * target; }

static double mean_cross_entropy(const double *scores, double target) {
    double sum = 0;
    for (int i = 0; i < N; i++) sum += cross_entropy(scores[i], target);
    return sum / N;
}

static double mean(const double *scores) {
    double sum = 0;
    for (int i = 0; i < N; i++) sum += scores[i];
    return sum / N;
}

static double d_bce(const double *real, const double *fake, double epsilon) {
    return mean_cross_entropy(real, 1 - epsilon) + mean_cross_entropy(fake, epsilon);
}
static double g_non_saturating(const double *real, const double *fake, double epsilon) {
    (void)real;
    return mean_cross_entropy(fake, 1 - epsilon);
}
static double g_minimax(const double *real, const double *fake, double epsilon) {
    (void)real;
    return -mean_cross_entropy(fake, epsilon);
}
static double d_wasserstein(const double *real, const double *fake, double epsilon) {
    (void)epsilon;
    return mean(fake) - mean(real);
}
static double g_wasserstein(const double *real, const double *fake, double epsilon) {
    (void)real;
    (void)epsilon;
    return -mean(fake);
}

typedef struct variant_row {
    const char *name;
    formula discriminator, generator;  // without penalties
    const char *penalty;
    gan_schedule schedule;
} variant_row;

static const variant_row rows[] = {
    {"non_saturating", d_bce, g_non_saturating, NULL, GAN_SCHEDULE_SEPARATE},
    {"minimax", d_bce, g_minimax, NULL, GAN_SCHEDULE_SEPARATE},
    {"wasserstein", d_wasserstein, g_wasserstein, "gradient_penalty", GAN_SCHEDULE_JOINT},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

// NULL, and a failed test, for a variant without a row.
static const variant_row *find_row(const gan_variant *variant) {
    for (int i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].name, variant->name) == 0) return &rows[i];
    }
    cr_expect(false, "variant %s has no row in tests/models/test_gan.c", variant->name);
    return NULL;
}

Test(gan, every_variant_has_its_row) {
    int n = 0;
    for (; gan_variant_at(n); n++) find_row(gan_variant_at(n));
    cr_expect(n == N_ROWS, "%d variants, %d rows", n, N_ROWS);
}

Test(gan, variants_are_found_by_name_and_say_what_they_are) {
    for (int i = 0; gan_variant_at(i); i++) {
        const gan_variant *variant = gan_variant_at(i);
        cr_assert(gan_variant_find(variant->name) == variant);
        cr_assert(strlen(variant->summary) > 20, "%s has no summary", variant->name);
        cr_assert(variant->generator &&
                  (variant->discriminator || (variant->discriminator_real && variant->discriminator_fake)));
    }
    cr_assert(!gan_variant_find("nothing") && !gan_variant_at(-1) && !gan_penalty_at(-1) &&
              !gan_penalty_find("nothing"));
    for (int i = 0; gan_penalty_at(i); i++)
        cr_assert(gan_penalty_find(gan_penalty_at(i)->name) == gan_penalty_at(i));
}

static double evaluate(ag_node *node) {
    ag_error error = {0};
    ag_tensor *value = ag_evaluate(node, 0, NULL, (ag_clock){0}, &error);
    cr_assert(value, "%s", error.text);
    const double result = ag_tensor_get(value, 0);
    ag_tensor_free(value);
    return result;
}

static void check_losses(const gan_variant *variant, const double *real, const double *fake, double epsilon) {
    const variant_row *row = find_row(variant);
    if (!row) return;
    ag_tape *tape = ag_tape_create(variant->name, AG_F64);
    ag_tensor *reals = values_from(AG_F64, AG_SHAPE(N, 1), real),
              *fakes = values_from(AG_F64, AG_SHAPE(N, 1), fake);
    gan_context c = {.tape = tape,
                     .real_scores = ag_constant(tape, reals),
                     .fake_scores = ag_constant(tape, fakes),
                     .label_smoothing = epsilon};
    const double d = variant->discriminator
                         ? evaluate(variant->discriminator(&c))
                         : evaluate(ag_add(variant->discriminator_real(&c), variant->discriminator_fake(&c)));
    const double g = evaluate(variant->generator(&c));
    const double d_expected = row->discriminator(real, fake, epsilon),
                 g_expected = row->generator(real, fake, epsilon);
    cr_assert(fabs(d - d_expected) <= 1e-12 * fmax(1, fabs(d_expected)), "%s: D's loss %.17g, formula %.17g",
              variant->name, d, d_expected);
    cr_assert(fabs(g - g_expected) <= 1e-12 * fmax(1, fabs(g_expected)), "%s: G's loss %.17g, formula %.17g",
              variant->name, g, g_expected);
    ag_tensor_free(reals);
    ag_tensor_free(fakes);
    ag_tape_free(tape);
}

Test(gan, losses_are_their_formulas) {
    const double some[N] = {0.3, -1.2, 2.5, 0, -0.01, 7, -9}, other[N] = {-2, 0.4, 1.1, -0.5, 3, -6, 0.2};
    const double large[N] = {80, -80, 300, -300, 40, -40, 0};
    for (int i = 0; gan_variant_at(i); i++) {
        check_losses(gan_variant_at(i), some, other, 0);
        check_losses(gan_variant_at(i), some, other, 0.1);
        check_losses(gan_variant_at(i), large, some, 0.1);
    }
}

Test(gan, schedules_and_penalties_are_those_of_the_row) {
    for (int i = 0; gan_variant_at(i); i++) {
        const gan_variant *variant = gan_variant_at(i);
        cr_assert(gan_variant_schedule(variant, GAN_SCHEDULE_JOINT) == GAN_SCHEDULE_JOINT);
        cr_assert(gan_variant_optimizer(variant).kind && gan_variant_optimizer(variant).rate > 0);
        const variant_row *row = find_row(variant);
        if (!row) continue;
        cr_assert(gan_variant_schedule(variant, GAN_SCHEDULE_DEFAULT) == row->schedule, "%s", variant->name);
        cr_assert((variant->penalties[0] != NULL) == (row->penalty != NULL), "%s", variant->name);
        if (row->penalty) cr_assert_str_eq(variant->penalties[0]->name, row->penalty);
    }
}

// ---- gradients through a discriminator ----

static nn_model *discriminator;

static void open_discriminator(void) {
    ag_error error = {0};
    discriminator = nn_sequential(&error, "discriminator", AG_F64, AG_SHAPE(6, 5, 1),
                                  nn_conv2d(3, 3, .stride = 2), nn_tanh(), nn_flatten(), nn_dense(1));
    cr_assert(discriminator && nn_model_initialize(discriminator, 3, 0, &error), "%s", error.text);
}

static void close_discriminator(void) { nn_model_free(discriminator); }

// inputs: reals, fakes -> D's whole loss, penalties included.
static ag_node *d_graph(ag_tape *tape, int n, ag_node *const *inputs, void *context) {
    (void)n;
    gan_context c = {.tape = tape,
                     .discriminator = discriminator,
                     .reals = inputs[0],
                     .fakes = inputs[1],
                     .label_smoothing = 0.1};
    return gan_discriminator_loss(&c, context);
}

static ag_node *g_graph(ag_tape *tape, int n, ag_node *const *inputs, void *context) {
    (void)n;
    const gan_variant *variant = context;
    gan_context c = {.tape = tape,
                     .discriminator = discriminator,
                     .reals = inputs[0],
                     .fakes = inputs[1],
                     .label_smoothing = 0.1};
    return variant->generator(&c);
}

static void check_gradient(ag_graph_function graph, const char *what, const gan_variant *variant) {
    char name[64];
    ag_error error = {0};
    ag_tensor *images[2] = {values_tensor(AG_F64, AG_SHAPE(4, 6, 5, 1), VALUES_ANY, 1),
                            values_tensor(AG_F64, AG_SHAPE(4, 6, 5, 1), VALUES_ANY, 2)};
    snprintf(name, sizeof name, "%s of %s", what, variant->name);
    cr_assert(ag_gradcheck(name, graph, (void *)variant, 2, images, (ag_gradcheck_params){0}, NULL, &error),
              "%s", error.text);
    ag_tensor_free(images[0]);
    ag_tensor_free(images[1]);
}

Test(gan, losses_pass_the_gradient_check_through_a_discriminator, .init = open_discriminator,
     .fini = close_discriminator) {
    for (int i = 0; gan_variant_at(i); i++) {
        check_gradient(d_graph, "discriminator's loss", gan_variant_at(i));
        check_gradient(g_graph, "generator's loss", gan_variant_at(i));
    }
}

Test(gan, a_loss_that_needs_images_the_step_has_not_says_so, .init = open_discriminator,
     .fini = close_discriminator) {
    ag_tape *tape = ag_tape_create("lonely", AG_F64);
    gan_context c = {
        .tape = tape, .discriminator = discriminator, .fakes = ag_input(tape, "fakes", AG_SHAPE(2, 6, 5, 1))};
    cr_assert(ag_node_failed(gan_discriminator_loss(&c, gan_variant_find("wasserstein"))));
    cr_assert(strstr(ag_tape_error(tape)->text, "no real images"), "%s", ag_tape_error(tape)->text);
    ag_tape_free(tape);
}

// Each penalty, without its weight, of D(x) = sum(x) on images of 9 pixels: its slope is 1 at every pixel, of
// norm 3.
static const struct {
    const char *name;
    double of_sum;
} penalty_rows[] = {
    {"gradient_penalty", 4},  // (3 - 1)^2
    {"r1", 9},                // 3^2
};
enum { N_PENALTIES = sizeof penalty_rows / sizeof *penalty_rows };

Test(gan, every_penalty_has_its_row) {
    int n = 0;
    for (; gan_penalty_at(n); n++) {
        const char *name = gan_penalty_at(n)->name;
        bool found = false;
        for (int i = 0; i < N_PENALTIES; i++) found |= strcmp(penalty_rows[i].name, name) == 0;
        cr_expect(found, "penalty %s has no row in tests/models/test_gan.c", name);
        cr_expect(strlen(gan_penalty_at(n)->summary) > 20, "penalty %s has no summary", name);
    }
    cr_expect(n == N_PENALTIES, "%d penalties, %d rows", n, N_PENALTIES);
}

Test(gan, penalties_of_a_linear_discriminator_are_known) {
    ag_error error = {0};
    nn_model *sum =
        nn_sequential(&error, "sum", AG_F64, AG_SHAPE(3, 3, 1), nn_flatten(), nn_dense(1, .kernel = nn_ones));
    cr_assert(sum && nn_model_initialize(sum, 0, 0, &error), "%s", error.text);
    ag_tensor *images = values_tensor(AG_F64, AG_SHAPE(5, 3, 3, 1), VALUES_ANY, 4);
    ag_tape *tape = ag_tape_create("penalties", AG_F64);
    ag_node *x = ag_constant(tape, images);
    gan_context c = {.tape = tape, .discriminator = sum, .reals = x, .fakes = ag_neg(x)};
    for (int i = 0; i < N_PENALTIES; i++) {
        const double value = evaluate(gan_penalty_find(penalty_rows[i].name)->record(&c));
        cr_expect(fabs(value - penalty_rows[i].of_sum) < 1e-9, "%s is %.17g, not %g", penalty_rows[i].name,
                  value, penalty_rows[i].of_sum);
    }
    ag_tensor_free(images);
    ag_tape_free(tape);
    nn_model_free(sum);
}
