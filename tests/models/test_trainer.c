// SPDX-License-Identifier: MIT
// The trainer's promises: exact resume, the same bits for any number of threads, a frozen discriminator, a
// step not taken when its loss is not finite.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "models/steps.h"
#include "tests/models/small_gan.h"
#include "tests/support/scratch.h"

Test(trainer, two_runs_of_one_seed_give_the_same_bits_and_other_seeds_do_not) {
    nn_dataset *images = small_gan_images(50);
    for (int v = 0; gan_variant_at(v); v++) {
        const char *gan = gan_variant_at(v)->name;
        dcgan *a = small_gan_create(5), *b = small_gan_create(5), *other = small_gan_create(6);
        small_gan_train(a, images, 2, 16, gan, 0);
        small_gan_train(b, images, 2, 16, gan, 0);
        small_gan_train(other, images, 2, 16, gan, 0);
        small_gan_check_equal(a, b, gan);
        size_t n, m;
        uint8_t *x = small_gan_bytes(a, &n), *y = small_gan_bytes(other, &m);
        cr_assert(n == m && memcmp(x, y, n) != 0, "%s: two seeds give the same bits", gan);
        free(x);
        free(y);
        dcgan_free(a);
        dcgan_free(b);
        dcgan_free(other);
    }
    nn_dataset_free(images);
}

Test(trainer, bits_do_not_depend_on_the_number_of_threads) {
    static const int counts[] = {1, 2, 3, 7};
    nn_dataset *images = small_gan_images(80);
    dcgan *models[4];
    for (int i = 0; i < 4; i++) {
        ag_threads_set(counts[i]);
        models[i] = small_gan_create(1);
        small_gan_train(models[i], images, 4, 16, "non_saturating", 0);
        cr_assert(gan_trainer_step(dcgan_trainer(models[i])) == 20);
        small_gan_check_equal(models[0], models[i], "threads");
    }
    ag_threads_set(0);
    for (int i = 0; i < 4; i++) dcgan_free(models[i]);
    nn_dataset_free(images);
}

// Trains to `stop`, saves, opens another instance, goes on to the end.
static void check_resume(const char *gan, const nn_dataset *images, int64_t epochs, int64_t stop) {
    ag_error error = {0};
    dcgan *whole = small_gan_create(9), *first = small_gan_create(9), *second = small_gan_create(77);
    small_gan_train(whole, images, epochs, 16, gan, 0);
    small_gan_train(first, images, epochs, 16, gan, stop);
    cr_assert(dcgan_save(first, scratch_path("half.safetensors"), &error), "%s", error.text);
    cr_assert(dcgan_change(second, scratch_path("half.safetensors"), &error), "%s", error.text);
    small_gan_check_equal(first, second, "after loading");
    small_gan_train(second, images, epochs, 16, gan, 0);
    small_gan_check_equal(whole, second, gan);
    cr_assert(dcgan_save(whole, scratch_path("a.safetensors"), &error) &&
                  dcgan_save(second, scratch_path("b.safetensors"), &error),
              "%s", error.text);
    size_t n, m;
    uint8_t *a = scratch_read("a.safetensors", &n), *b = scratch_read("b.safetensors", &m);
    cr_assert(n == m && memcmp(a, b, n) == 0, "%s stopped after iteration %lld: the files differ", gan,
              (long long)stop);
    free(a);
    free(b);
    dcgan_free(whole);
    dcgan_free(first);
    dcgan_free(second);
}

TestSuite(resume, .init = scratch_create, .fini = scratch_remove);

Test(resume, a_run_stopped_after_any_iteration_ends_in_the_same_bytes) {
    nn_dataset *images = small_gan_images(40);  // 16, 16, 8: three iterations an epoch
    for (int64_t stop = 1; stop <= 11; stop++) check_resume("non_saturating", images, 4, stop);
    nn_dataset_free(images);
}

Test(resume, every_variant_resumes_exactly) {
    nn_dataset *images = small_gan_images(40);
    for (int v = 0; gan_variant_at(v); v++) check_resume(gan_variant_at(v)->name, images, 4, 7);
    nn_dataset_free(images);
}

Test(trainer, sampling_does_not_move_training) {
    nn_dataset *images = small_gan_images(48);
    dcgan *plain = small_gan_create(2), *sampled = small_gan_create(2);
    float z[3 * 8], pictures[3 * 144];
    ag_error error = {0};
    small_gan_train(plain, images, 2, 16, NULL, 0);
    small_gan_train(sampled, images, 1, 16, NULL, 0);
    dcgan_draw_z(sampled, 3, z);
    cr_assert(dcgan_generate(sampled, z, 3, pictures, &error), "%s", error.text);
    small_gan_train(sampled, images, 2, 16, NULL, 0);
    small_gan_check_equal(plain, sampled, "sampled between epochs");
    dcgan_free(plain);
    dcgan_free(sampled);
    nn_dataset_free(images);
}

// ---- the plan of the combined model ----

static void check_frozen_plan(const ag_program *generator) {
    int in_generator = 0;
    for (int s = 0; s < ag_program_step_count(generator); s++) {
        const ag_node *node = ag_program_step_node(generator, s);
        if (strcmp(ag_node_op(node), "conv2d_weight_gradient") != 0) continue;
        cr_assert(!strstr(ag_node_label(node), "discriminator"), "%s is in the generator's plan",
                  ag_node_label(node));
        in_generator++;
    }
    cr_assert(in_generator == 3, "G has 3 transposed convolutions, %d weight gradients", in_generator);
    cr_assert(ag_program_get_stats(generator).frozen_flops > 0);
}

Test(trainer, the_generators_step_changes_the_generator_alone) {
    nn_dataset *images = small_gan_images(16);
    dcgan *model = small_gan_create(3);
    small_gan_train(model, images, 1, 16, NULL, 1);
    ag_error error = {0};
    const ag_program *program = gan_trainer_program(dcgan_trainer(model), 16, "generator", &error);
    cr_assert(program, "%s", error.text);
    check_frozen_plan(program);
    size_t n, m;
    uint8_t *before = small_gan_bytes(model, &n);
    int64_t g_size, d_size;
    const void *g = ag_parameter_set_values(nn_model_set(dcgan_generator(model), 0), &g_size);
    const void *d = ag_parameter_set_values(nn_model_set(dcgan_discriminator(model), 0), &d_size);
    cr_assert(ag_program_run((ag_program *)program, (ag_clock){3, 99}, &error), "%s", error.text);
    uint8_t *after = small_gan_bytes(model, &m);
    cr_assert(memcmp(before, g, (size_t)g_size * 4) != 0, "G has not changed");
    cr_assert(memcmp(before + g_size * 4, d, (size_t)d_size * 4) == 0, "D has changed");
    free(before);
    free(after);
    dcgan_free(model);
    nn_dataset_free(images);
}

Test(trainer, a_frozen_layer_of_the_generator_keeps_its_bits) {
    nn_dataset *images = small_gan_images(32);
    dcgan *model = small_gan_create(3);
    const nn_layer *layer = nn_model_find_layer(dcgan_generator(model), "conv2d_transpose_1");
    nn_layer_set_trainable((nn_layer *)layer, false);
    float before[9 * 5 * 6];
    const ag_parameter *kernel = layer->parameters[0];
    memcpy(before, ag_parameter_values(kernel), sizeof before);
    small_gan_train(model, images, 2, 16, NULL, 0);
    cr_assert(memcmp(before, ag_parameter_values(kernel), sizeof before) == 0,
              "the frozen layer has changed");
    dcgan_free(model);
    nn_dataset_free(images);
}

// ---- the schedule ----

Test(trainer, an_epoch_ends_with_the_short_batch_and_its_evaluation) {
    nn_dataset *images = small_gan_images(40);
    dcgan *model = small_gan_create(4);
    dcgan_record record = {0};
    ag_error error = {0};
    const gan_run run =
        dcgan_train(model, images, (dcgan_train_params){.epochs = 2, .batch_size = 16}, &record, &error);
    cr_assert(run == GAN_RUN_DONE && record.epochs == 2 && record.iterations == 6 && record.batch_size == 16,
              "%s", error.text);
    cr_assert(record.history->n == 2 && record.history->rows[1].iteration == 6 && record.seconds > 0);
    for (int64_t i = 0; i < 2; i++) {
        const gan_epoch *row = &record.history->rows[i];
        cr_assert(row->d_accuracy >= 0 && row->d_accuracy <= 1 && row->prob_real > 0 && row->prob_real < 1 &&
                  row->prob_fake > 0 && row->prob_fake < 1 && row->g_loss > 0 && row->d_loss > 0);
    }
    nn_optimizer *d = gan_trainer_optimizer(dcgan_trainer(model), true),
                 *g = gan_trainer_optimizer(dcgan_trainer(model), false);
    cr_assert(nn_optimizer_step(d) == 12 && nn_optimizer_step(g) == 6, "D steps twice an iteration, G once");
    dcgan_free(model);
    nn_dataset_free(images);
}

// The bits after one epoch, with image k changed; k < 0: none.
static uint8_t *bytes_after_epoch(nn_dataset *images, int64_t k, size_t *n) {
    dcgan *model = small_gan_create(4);
    if (k >= 0) images->images[k * 144 + 70] ^= 0x80;
    small_gan_train(model, images, 1, 16, NULL, 0);
    if (k >= 0) images->images[k * 144 + 70] ^= 0x80;
    uint8_t *bytes = small_gan_bytes(model, n);
    dcgan_free(model);
    return bytes;
}

Test(trainer, every_image_is_trained_on_in_an_epoch) {
    nn_dataset *images = small_gan_images(40);
    size_t n;
    uint8_t *plain = bytes_after_epoch(images, -1, &n);
    for (int64_t k = 0; k < 40; k++) {
        uint8_t *changed = bytes_after_epoch(images, k, &n);
        cr_assert(memcmp(plain, changed, n) != 0, "image %lld plays no part in the epoch", (long long)k);
        free(changed);
    }
    free(plain);
    nn_dataset_free(images);
}

Test(trainer, every_epoch_has_an_order_of_its_own) {
    nn_dataset *images = small_gan_images(40);
    dcgan *model = small_gan_create(4);
    uint32_t first[40];
    small_gan_train(model, images, 2, 16, NULL, 1);
    memcpy(first, gan_trainer_order(dcgan_trainer(model)), sizeof first);
    small_gan_train(model, images, 2, 16, NULL, 4);
    const uint32_t *second = gan_trainer_order(dcgan_trainer(model));
    bool seen[40] = {false};
    for (int i = 0; i < 40; i++) seen[second[i]] = true;
    for (int i = 0; i < 40; i++) cr_assert(seen[i], "image %d is not in the second epoch's order", i);
    cr_assert(memcmp(first, second, sizeof first) != 0, "two epochs have the same order");
    dcgan_free(model);
    nn_dataset_free(images);
}

Test(trainer, a_critic_steps_every_iteration_and_its_generator_every_fifth) {
    nn_dataset *images = small_gan_images(64);
    dcgan *model = small_gan_create(4);
    small_gan_train(model, images, 3, 16, "wasserstein", 11);
    cr_assert(nn_optimizer_step(gan_trainer_optimizer(dcgan_trainer(model), true)) == 11);
    cr_assert(nn_optimizer_step(gan_trainer_optimizer(dcgan_trainer(model), false)) == 2);
    dcgan_free(model);
    nn_dataset_free(images);
}

// ---- divergence ----

Test(trainer, a_loss_that_is_not_finite_stops_the_run_before_the_step) {
    nn_dataset *images = small_gan_images(32);
    dcgan *model = small_gan_create(3);
    ag_error error = {0};
    small_gan_train(model, images, 1, 16, NULL, 1);
    float *bias =
        ag_parameter_values(nn_model_find_layer(dcgan_discriminator(model), "conv2d_1")->parameters[1]);
    bias[2] = NAN;
    size_t n, m;
    uint8_t *before = small_gan_bytes(model, &n);
    const gan_run run =
        dcgan_train(model, images, (dcgan_train_params){.epochs = 1, .batch_size = 16}, NULL, &error);
    uint8_t *after = small_gan_bytes(model, &m);
    cr_assert(run == GAN_RUN_FAILED && error.status == AG_STATUS_DIVERGED, "status %d", (int)error.status);
    cr_assert(strstr(error.text, "discriminator/conv2d_1/bias"), "the sentence names the bad node: %s",
              error.text);
    cr_assert(memcmp(before, after, n) == 0, "the step was taken");
    cr_assert(!dcgan_save(model, "never.safetensors", &error));
    free(before);
    free(after);
    dcgan_free(model);
    nn_dataset_free(images);
}

// Weights so large that the dense layer overflows. The discriminator gets NaN as images.
static void check_broken_generator(const char *gan, const char *step) {
    nn_dataset *images = small_gan_images(32);
    dcgan *model = small_gan_create(3);
    ag_error error = {0};
    small_gan_train(model, images, 1, 16, gan, 1);
    float *kernel = ag_parameter_values(nn_model_find_layer(dcgan_generator(model), "dense")->parameters[0]);
    for (int i = 0; i < 8 * 72; i++) kernel[i] = i % 2 ? 3e38f : -3e38f;
    size_t n, m;
    uint8_t *before = small_gan_bytes(model, &n);
    const gan_run run = dcgan_train(
        model, images, (dcgan_train_params){.epochs = 1, .batch_size = 16, .gan = gan}, NULL, &error);
    uint8_t *after = small_gan_bytes(model, &m);
    cr_expect(run == GAN_RUN_FAILED && error.status == AG_STATUS_DIVERGED, "status %d", (int)error.status);
    char expected[128];
    snprintf(expected, sizeof expected,
             "%s: the loss is NaN; the first value that is not finite is in generator/dense/", step);
    cr_expect(strncmp(error.text, expected, strlen(expected)) == 0, "%s, not: %s", error.text, expected);
    cr_expect(memcmp(before, after, n) == 0, "the step was taken");
    free(before);
    free(after);
    dcgan_free(model);
    nn_dataset_free(images);
}

Test(trainer, fakes_that_are_not_finite_are_traced_into_the_generator) {
    check_broken_generator("non_saturating", "discriminator on fakes");
    check_broken_generator("wasserstein", "discriminator");
}

// ---- what is refused ----

static void check_refused(dcgan *model, const nn_dataset *images, dcgan_train_params params, ag_status status,
                          const char *sentence) {
    ag_error error = {0};
    cr_assert(dcgan_train(model, images, params, NULL, &error) == GAN_RUN_FAILED, "not refused: %s",
              sentence);
    cr_assert(error.status == status && strstr(error.text, sentence), "status %d: %s, not: %s",
              (int)error.status, error.text, sentence);
}

Test(trainer, bad_parameters_are_refused_with_value_and_rule) {
    dcgan *model = small_gan_create(1);
    nn_dataset *images = small_gan_images(20), *one = small_gan_images(1);
    check_refused(model, images, (dcgan_train_params){.batch_size = 21}, AG_STATUS_USAGE,
                  "20 images, fewer than a batch of 21");
    check_refused(model, images, (dcgan_train_params){.gan = "nonsense"}, AG_STATUS_USAGE, "nonsense");
    check_refused(model, images, (dcgan_train_params){.epochs = -1}, AG_STATUS_USAGE, "-1");
    check_refused(model, images, (dcgan_train_params){.ls_epsilon = 0.5}, AG_STATUS_USAGE, "0.5");
    check_refused(model, images, (dcgan_train_params){.ls_epsilon = NAN}, AG_STATUS_USAGE, "nan");
    check_refused(model, images, (dcgan_train_params){.batch_size = -4}, AG_STATUS_USAGE, "-4");
    check_refused(model, one, (dcgan_train_params){.batch_size = 1}, AG_STATUS_USAGE, "at least 2");
    // None of these left anything behind that the first good call would have to agree with.
    small_gan_train(model, images, 1, 5, "minimax", 0);
    dcgan_free(model);
    nn_dataset_free(images);
    nn_dataset_free(one);
}

// What a record says of a model that this process has not trained yet.
Test(resume, a_record_of_a_refused_run_says_what_was_done_before) {
    ag_error error = {0};
    nn_dataset *images = small_gan_images(40);
    dcgan *trained = small_gan_create(1), *loaded = small_gan_create(2);
    const dcgan_train_params refused = {.epochs = 3, .batch_size = 41};
    dcgan_record record = {.epochs = 77};
    cr_assert(dcgan_train(loaded, images, refused, &record, NULL) == GAN_RUN_FAILED);
    cr_expect(record.epochs == 0 && !record.history && !record.epoch_seconds, "%lld epochs",
              (long long)record.epochs);
    small_gan_train(loaded, images, 1, 16, NULL, 0);  // of which nothing is left after the change
    small_gan_train(trained, images, 2, 16, NULL, 0);
    cr_assert(dcgan_save(trained, scratch_path("a.safetensors"), &error) &&
                  dcgan_change(loaded, scratch_path("a.safetensors"), &error),
              "%s", error.text);
    cr_assert(dcgan_train(loaded, images, refused, &record, NULL) == GAN_RUN_FAILED);
    cr_expect(record.epochs == 2 && record.history->n == 2 && record.iterations == 6 && record.seconds == 0);
    cr_expect(!record.epoch_seconds);
    cr_assert(dcgan_train(loaded, images, (dcgan_train_params){.epochs = 3, .batch_size = 16}, &record,
                          NULL) == GAN_RUN_DONE);
    cr_expect(record.epochs == 3 && record.epoch_seconds[0] == 0 && record.epoch_seconds[1] == 0 &&
              record.epoch_seconds[2] == record.seconds);
    dcgan_free(trained);
    dcgan_free(loaded);
    nn_dataset_free(images);
}

Test(trainer, a_run_goes_on_with_the_parameters_and_the_images_it_began_with) {
    dcgan *model = small_gan_create(1);
    nn_dataset *images = small_gan_images(40), *others = small_gan_images(40);
    others->images[17] ^= 1;
    small_gan_train(model, images, 1, 16, NULL, 0);
    check_refused(model, images, (dcgan_train_params){.epochs = 2, .batch_size = 8}, AG_STATUS_USAGE,
                  "batches of 16");
    check_refused(model, images, (dcgan_train_params){.epochs = 2, .batch_size = 16, .gan = "minimax"},
                  AG_STATUS_USAGE, "minimax");
    check_refused(model, images, (dcgan_train_params){.epochs = 2, .batch_size = 16, .ls_epsilon = 0.1},
                  AG_STATUS_USAGE, "0.1");
    check_refused(model, others, (dcgan_train_params){.epochs = 2, .batch_size = 16}, AG_STATUS_DATA,
                  "digest");
    small_gan_train(model, images, 2, 16, NULL, 0);
    dcgan_free(model);
    nn_dataset_free(images);
    nn_dataset_free(others);
}
