// SPDX-License-Identifier: MIT
// A small DCGAN for tests.
#include "tests/models/small_gan.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

dcgan *small_gan_create(uint64_t seed) {
    ag_error error = {0};
    nn_model *generator = nn_sequential(
        &error, "generator", AG_F32, AG_SHAPE(8), nn_dense(3 * 3 * 8, .kernel = nn_he_normal),
        nn_reshape(3, 3, 8), nn_conv2d_transpose(6, 3, .stride = 2, .kernel = nn_he_normal), nn_batch_norm(),
        nn_leaky_relu(0.01), nn_conv2d_transpose(5, 3, .kernel = nn_he_normal), nn_batch_norm(),
        nn_leaky_relu(0.01), nn_conv2d_transpose(1, 3, .stride = 2, .kernel = nn_glorot_normal), nn_tanh());
    nn_model *discriminator =
        nn_sequential(&error, "discriminator", AG_F32, AG_SHAPE(12, 12, 1),
                      nn_conv2d(4, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                      nn_conv2d(5, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01), nn_flatten(),
                      nn_dense(1, .kernel = nn_glorot_normal));
    cr_assert(generator && discriminator, "%s", error.text);
    dcgan *model = dcgan_create((dcgan_params){.name = "small",
                                               .z_dim = 8,
                                               .image_shape = AG_SHAPE(12, 12, 1),
                                               .seed = seed,
                                               .generator = generator,
                                               .discriminator = discriminator},
                                &error);
    cr_assert(model, "%s", error.text);
    return model;
}

nn_dataset *small_gan_images(int64_t n) {
    ag_error error = {0};
    nn_dataset *images = nn_dataset_create(n, 12, 12, 1, &error);
    cr_assert(images, "%s", error.text);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t p = 0; p < 144; p++) {
            const bool inside =
                p / 12 >= i % 5 && p / 12 < i % 5 + 6 && p % 12 >= i % 3 && p % 12 < i % 3 + 7;
            images->images[i * 144 + p] = (uint8_t)(inside ? 180 + (i * 7 + p) % 60 : (i + p * 3) % 40);
        }
    }
    return images;
}

static bool stop_after(void *context, const gan_trainer *trainer) {
    return gan_trainer_step(trainer) != *(const int64_t *)context;
}

void small_gan_train(dcgan *model, const nn_dataset *images, int64_t epochs, int64_t batch, const char *gan,
                     int64_t stop) {
    ag_error error = {0};
    const dcgan_train_params params = {.epochs = epochs,
                                       .batch_size = batch,
                                       .gan = gan,
                                       .hooks = {.context = &stop, .iteration = stop_after}};
    const gan_run run = dcgan_train(model, images, params, NULL, &error);
    cr_assert(run == (stop ? GAN_RUN_STOPPED : GAN_RUN_DONE), "run %d: %s", (int)run, error.text);
}

static void append_set(uint8_t **bytes, size_t *n, ag_parameter_set *set) {
    int64_t size;
    const void *values = ag_parameter_set_values(set, &size);
    const size_t added = (size_t)size * ag_dtype_bytes(ag_parameter_set_dtype(set));
    uint8_t *grown = realloc(*bytes, *n + added);
    cr_assert(grown);
    memcpy(grown + *n, values, added);
    *bytes = grown;
    *n += added;
}

uint8_t *small_gan_bytes(const dcgan *model, size_t *n) {
    uint8_t *bytes = NULL;
    *n = 0;
    append_set(&bytes, n, nn_model_set(dcgan_generator(model), 0));
    append_set(&bytes, n, nn_model_set(dcgan_discriminator(model), 0));
    for (int which = 0; which < 2 && dcgan_trainer(model); which++) {
        const nn_optimizer *optimizer = gan_trainer_optimizer(dcgan_trainer(model), which == 1);
        for (int i = 0; i < nn_optimizer_state_count(optimizer); i++)
            append_set(&bytes, n, nn_optimizer_state(optimizer, i));
    }
    return bytes;
}

void small_gan_check_equal(const dcgan *a, const dcgan *b, const char *what) {
    size_t n, m;
    uint8_t *x = small_gan_bytes(a, &n), *y = small_gan_bytes(b, &m);
    cr_assert(n == m, "%s: %zu and %zu bytes of state", what, n, m);
    for (size_t i = 0; i < n; i++)
        cr_assert(x[i] == y[i], "%s: byte %zu of %zu of the state differs", what, i, n);
    cr_assert(gan_trainer_step(dcgan_trainer(a)) == gan_trainer_step(dcgan_trainer(b)),
              "%s: %lld and %lld iterations", what, (long long)gan_trainer_step(dcgan_trainer(a)),
              (long long)gan_trainer_step(dcgan_trainer(b)));
    free(x);
    free(y);
}

void small_gan_expect_fault(bool failed, ag_error *error, const char *sentence) {
    cr_expect(failed && error->status == AG_STATUS_MODEL, "status %d, not refused: %s", (int)error->status,
              sentence);
    cr_expect(strncmp(error->text, sentence, strlen(sentence)) == 0, "%s, not: %s", error->text, sentence);
    cr_expect(!strstr(error->text, "nan"), "%s", error->text);
    *error = (ag_error){0};
}
