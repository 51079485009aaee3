// SPDX-License-Identifier: MIT
// Training iterations of a small DCGAN against tf.keras: the programs that the trainer runs, fed with Keras's
// weights, z and images.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "models/steps.h"
#include "tests/support/golden.h"

typedef struct comparison {
    const char *file;
    const char *variant;
    double smoothing;
    int iterations;
} comparison;

// A parameter of ours and its name in the golden files.
typedef struct pair {
    const char *ours, *golden;
    bool noise;  // a bias before a BatchNorm: its gradient is 0 but for rounding
} pair;

static const pair generator_pairs[] = {
    {"dense/kernel", "dense/w", false},
    {"dense/bias", "dense/b", false},
    {"conv2d_transpose/kernel", "conv2d_transpose_1/w", false},
    {"conv2d_transpose/bias", "conv2d_transpose_1/b", true},
    {"batch_norm/gamma", "batch_norm_1/gamma", false},
    {"batch_norm/beta", "batch_norm_1/beta", false},
    {"batch_norm/moving_mean", "batch_norm_1/moving_mean", false},
    {"batch_norm/moving_variance", "batch_norm_1/moving_variance", false},
    {"conv2d_transpose_1/kernel", "conv2d_transpose_2/w", false},
    {"conv2d_transpose_1/bias", "conv2d_transpose_2/b", true},
    {"batch_norm_1/gamma", "batch_norm_2/gamma", false},
    {"batch_norm_1/beta", "batch_norm_2/beta", false},
    {"batch_norm_1/moving_mean", "batch_norm_2/moving_mean", false},
    {"batch_norm_1/moving_variance", "batch_norm_2/moving_variance", false},
    {"conv2d_transpose_2/kernel", "conv2d_transpose_3/w", false},
    {"conv2d_transpose_2/bias", "conv2d_transpose_3/b", false},
    {NULL, NULL, false}};

static const pair discriminator_pairs[] = {{"conv2d/kernel", "conv2d_1/w", false},
                                           {"conv2d/bias", "conv2d_1/b", false},
                                           {"conv2d_1/kernel", "conv2d_2/w", false},
                                           {"conv2d_1/bias", "conv2d_2/b", false},
                                           {"conv2d_2/kernel", "conv2d_3/w", false},
                                           {"conv2d_2/bias", "conv2d_3/b", false},
                                           {"dense/kernel", "dense/w", false},
                                           {"dense/bias", "dense/b", false},
                                           {NULL, NULL, false}};

typedef struct setting {
    nn_format_content *file;
    ag_dtype dtype;
    nn_model *generator, *discriminator;
    gan_config config;
    gan_recipe recipe;
} setting;

static nn_model *small_generator(ag_dtype dtype, ag_error *error) {
    return nn_sequential(error, "generator", dtype, AG_SHAPE(8), nn_dense(72), nn_reshape(3, 3, 8),
                         nn_conv2d_transpose(6, 3, .stride = 2), nn_batch_norm(), nn_leaky_relu(0.01),
                         nn_conv2d_transpose(4, 3), nn_batch_norm(), nn_leaky_relu(0.01),
                         nn_conv2d_transpose(1, 3, .stride = 2), nn_tanh());
}

static nn_model *small_discriminator(ag_dtype dtype, ag_error *error) {
    return nn_sequential(error, "discriminator", dtype, AG_SHAPE(12, 12, 1), nn_conv2d(3, 3, .stride = 2),
                         nn_leaky_relu(0.01), nn_conv2d(4, 3, .stride = 2), nn_leaky_relu(0.01),
                         nn_conv2d(5, 3, .stride = 2), nn_leaky_relu(0.01), nn_flatten(), nn_dense(1));
}

static void read_model(const setting *s, nn_model *model, const pair *pairs) {
    ag_error error = {0};
    ag_parameter_set *set = nn_model_set(model, 0);
    cr_assert(ag_parameter_set_seal(set, &error), "%s", error.text);
    for (int i = 0; pairs[i].ours; i++) {
        ag_parameter *parameter = ag_parameter_set_find(set, pairs[i].ours);
        cr_assert(parameter, "%s has no parameter %s", nn_model_name(model), pairs[i].ours);
        golden_read_parameter(s->file, parameter, "initial/%s/%s", nn_model_name(model), pairs[i].golden);
    }
}

static void open_setting(setting *s, const comparison *c, ag_dtype dtype) {
    char name[64];
    ag_error error = {0};
    snprintf(name, sizeof name, "%s_%s", c->file, ag_dtype_name(dtype));
    *s = (setting){.file = golden_open(name), .dtype = dtype};
    s->generator = small_generator(dtype, &error);
    s->discriminator = small_discriminator(dtype, &error);
    cr_assert(s->generator && s->discriminator, "%s", error.text);
    read_model(s, s->generator, generator_pairs);
    read_model(s, s->discriminator, discriminator_pairs);
    s->config = (gan_config){.variant = gan_variant_find(c->variant),
                             .schedule = GAN_SCHEDULE_SEPARATE,
                             .label_smoothing = c->smoothing};
    const nn_optimizer_params adam = gan_variant_optimizer(s->config.variant);
    s->recipe = (gan_recipe){.generator = s->generator,
                             .discriminator = s->discriminator,
                             .config = &s->config,
                             .workspace = ag_workspace_create(),
                             .feed_latents = true};
    s->recipe.d_optimizer = nn_optimizer_create(s->discriminator, adam, &error);
    s->recipe.g_optimizer = nn_optimizer_create(s->generator, adam, &error);
    cr_assert(s->recipe.d_optimizer && s->recipe.g_optimizer, "%s", error.text);
}

static void close_setting(setting *s) {
    nn_optimizer_free(s->recipe.g_optimizer);
    nn_optimizer_free(s->recipe.d_optimizer);
    ag_workspace_free(s->recipe.workspace);
    nn_model_free(s->generator);
    nn_model_free(s->discriminator);
    nn_format_free(s->file);
}

static void feed(const gan_step *step, const ag_node *input, const ag_tensor *values) {
    ag_error error = {0};
    cr_assert(ag_program_feed(step->program, input, values->data, values->shape, &error), "%s", error.text);
}

static void take_step(gan_step *step, double *loss) {
    ag_error error = {0};
    cr_assert(gan_step_run(step, (ag_clock){0}, loss, &error), "%s", error.text);
}

static void run_iteration(const setting *s, gan_steps *steps, int i, double losses[3]) {
    ag_error error = {0};
    gan_step *step = steps->steps;
    ag_tensor *z1 = golden_tensor(s->file, "iteration%d/z1", i),
              *z2 = golden_tensor(s->file, "iteration%d/z2", i);
    ag_tensor *images = golden_tensor(s->file, "iteration%d/images", i);
    feed(&step[GAN_STEP_FAKES], step[GAN_STEP_FAKES].latents, z1);
    cr_assert(ag_program_run(step[GAN_STEP_FAKES].program, (ag_clock){0}, &error), "%s", error.text);
    const void *fakes = ag_program_output(step[GAN_STEP_FAKES].program, step[GAN_STEP_FAKES].result, &error);
    if (s->dtype == AG_F64) golden_check(s->file, s->dtype, fakes, 1e-9, 0, "iteration%d/fakes", i);
    cr_assert(ag_program_feed(step[GAN_STEP_D_FAKE].program, step[GAN_STEP_D_FAKE].fakes, fakes,
                              images->shape, &error),
              "%s", error.text);
    take_step(&step[GAN_STEP_D_FAKE], &losses[0]);
    feed(&step[GAN_STEP_D_REAL], step[GAN_STEP_D_REAL].reals, images);
    take_step(&step[GAN_STEP_D_REAL], &losses[1]);
    feed(&step[GAN_STEP_G], step[GAN_STEP_G].latents, z2);
    take_step(&step[GAN_STEP_G], &losses[2]);
    ag_tensor_free(z1);
    ag_tensor_free(z2);
    ag_tensor_free(images);
}

static void check_values(const setting *s, ag_parameter_set *set, const pair *pairs, int iteration,
                         const char *part, const char *prefix, bool state) {
    const double relative = s->dtype == AG_F64 ? 1e-9 : 1e-4;
    char name[128];
    int n_checked = 0;
    for (int i = 0; pairs[i].ours; i++) {
        if (pairs[i].noise && (state || s->dtype == AG_F32)) continue;
        snprintf(name, sizeof name, "%s%s", prefix, pairs[i].ours);
        const ag_parameter *parameter = ag_parameter_set_find(set, name);
        if (state && !parameter) continue;  // moving statistics have no optimizer state
        cr_assert(parameter, "no parameter %s", name);
        golden_check(s->file, s->dtype, ag_parameter_values(parameter), relative, state ? 0 : 1e-3,
                     "iteration%d/%s/%s", iteration, part, pairs[i].golden);
        n_checked++;
    }
    cr_assert(n_checked >= 5, "%s: only %d tensors are compared", part, n_checked);
}

static void check_optimizer(const setting *s, const nn_optimizer *optimizer, const pair *pairs, int iteration,
                            const char *model) {
    char part[64], prefix[64];
    for (int i = 0; i < nn_optimizer_state_count(optimizer); i++) {
        ag_parameter_set *set = nn_optimizer_state(optimizer, i);
        const char *name = ag_parameter_set_name(set);
        snprintf(part, sizeof part, "%s_%c", model, name[strlen(name) - 1]);
        snprintf(prefix, sizeof prefix, "%s/", name);
        check_values(s, set, pairs, iteration, part, prefix, true);
    }
}

static void check_iteration(const setting *s, int i, const double losses[3]) {
    golden_check(s->file, AG_F64, losses, s->dtype == AG_F64 ? 1e-9 : 1e-4, 0, "iteration%d/losses", i);
    check_values(s, nn_model_set(s->generator, 0), generator_pairs, i, "generator", "", false);
    check_values(s, nn_model_set(s->discriminator, 0), discriminator_pairs, i, "discriminator", "", false);
    if (s->dtype != AG_F64) return;
    check_optimizer(s, s->recipe.g_optimizer, generator_pairs, i, "generator");
    check_optimizer(s, s->recipe.d_optimizer, discriminator_pairs, i, "discriminator");
}

static void compare(const comparison *c, ag_dtype dtype) {
    setting s;
    open_setting(&s, c, dtype);
    for (int i = 1; i <= c->iterations; i++) {
        gan_steps steps;
        ag_error error = {0};
        double losses[3];
        ag_tensor *images = golden_tensor(s.file, "iteration%d/images", i);
        cr_assert(gan_steps_record(&steps, &s.recipe, images->shape.dim[0], &error), "%s", error.text);
        ag_tensor_free(images);
        run_iteration(&s, &steps, i, losses);
        check_iteration(&s, i, losses);
        gan_steps_free(&steps);
    }
    close_setting(&s);
}

static const comparison hard = {"keras_gan", "non_saturating", 0, 3};
static const comparison smooth = {"keras_gan_smooth", "non_saturating", 0.1, 3};
static const comparison minimax = {"keras_gan_minimax", "minimax", 0, 1};

Test(golden_gan, three_iterations_equal_keras_in_f64) { compare(&hard, AG_F64); }
Test(golden_gan, three_iterations_equal_keras_in_f32) { compare(&hard, AG_F32); }
Test(golden_gan, three_smoothed_iterations_equal_keras_in_f64) { compare(&smooth, AG_F64); }
Test(golden_gan, three_smoothed_iterations_equal_keras_in_f32) { compare(&smooth, AG_F32); }
Test(golden_gan, one_minimax_iteration_equals_keras_in_f64) { compare(&minimax, AG_F64); }
Test(golden_gan, one_minimax_iteration_equals_keras_in_f32) { compare(&minimax, AG_F32); }
