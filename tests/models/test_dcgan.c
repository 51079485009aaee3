// SPDX-License-Identifier: MIT
// The public class: networks, properties, generate, discriminate, evaluate.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/precision.h"
#include "models/dcgan.h"
#include "tests/models/small_gan.h"

Test(dcgan, default_networks_exist_for_sizes_divisible_by_4_and_1_or_3_channels) {
    const ag_shape good[] = {AG_SHAPE(28, 28, 1), AG_SHAPE(4, 4, 1), AG_SHAPE(32, 24, 3), AG_SHAPE(8, 64, 1)};
    const ag_shape bad[] = {AG_SHAPE(28, 30, 1),  AG_SHAPE(27, 28, 1),
                            AG_SHAPE(28, 28, 2),  AG_SHAPE(28, 28),
                            AG_SHAPE(2, 4, 1),    AG_SHAPE(INT64_C(1) << 30, INT64_C(1) << 30, 1),
                            AG_SHAPE(16388, 4, 1)};
    for (int i = 0; i < 4; i++) {
        ag_error error = {0};
        char text[AG_SHAPE_TEXT];
        nn_model *g = dcgan_generator_create(10, good[i], DCGAN_WIDTH, AG_F32, &error),
                 *d = dcgan_discriminator_create(good[i], DCGAN_WIDTH, AG_F32, &error);
        cr_assert(g && d, "%s: %s", ag_shape_format(good[i], text), error.text);
        cr_assert(ag_shape_equal(nn_model_output_shape(g), good[i]), "%s", ag_shape_format(good[i], text));
        cr_assert(ag_shape_equal(nn_model_output_shape(d), AG_SHAPE(1)));
        nn_model_free(g);
        nn_model_free(d);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ag_error error = {0};
        char text[AG_SHAPE_TEXT];
        cr_assert(!dcgan_create((dcgan_params){.image_shape = bad[i]}, &error), "%s",
                  ag_shape_format(bad[i], text));
        cr_assert(error.status == AG_STATUS_USAGE && strstr(error.text, ag_shape_format(bad[i], text)), "%s",
                  error.text);
    }
}

Test(dcgan, pictures_do_not_depend_on_the_precision_of_products) {
    enum { Z = 10, SIZE = 8 * 8 };
    float z[Z] = {0.3f, -1, 2}, pictures[2][SIZE];
    setenv("AG_BF16", "emulate", 1);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        ag_error error = {0};
        const ag_precision precision = bf16 ? AG_PRECISION_BF16 : AG_PRECISION_F32;
        cr_assert(ag_precision_set(precision, &error), "%s", error.text);
        dcgan *model = dcgan_create((dcgan_params){.z_dim = Z, .image_shape = AG_SHAPE(8, 8, 1)}, &error);
        cr_assert(model && dcgan_generate(model, z, 1, pictures[bf16], &error), "%s", error.text);
        cr_assert(ag_precision_get() == precision, "making a model changed the precision");
        dcgan_free(model);
    }
    cr_assert(memcmp(pictures[0], pictures[1], sizeof pictures[0]) == 0);
}

static int64_t count_values(const nn_model *model) {
    int64_t n = 0;
    for (int s = 0; s < nn_model_set_count(model); s++) {
        const ag_parameter_set *set = nn_model_set(model, s);
        for (int i = 0; i < ag_parameter_set_count(set); i++) n += ag_parameter_set_at(set, i)->size;
    }
    return n;
}

Test(dcgan, the_width_scales_every_hidden_layer) {
    const int64_t widths[] = {2, 48, DCGAN_WIDTH, 100};
    for (int i = 0; i < 4; i++) {
        ag_error error = {0};
        const int64_t n = widths[i], image = 8 * 12 * 3;
        nn_model *g = dcgan_generator_create(10, AG_SHAPE(8, 12, 3), n, AG_F32, &error),
                 *d = dcgan_discriminator_create(AG_SHAPE(8, 12, 3), n, AG_F32, &error);
        cr_assert(g && d && image == ag_shape_size(nn_model_output_shape(g)), "%s", error.text);
        cr_assert(count_values(g) == 11 * 6 * 4 * n + (9 * 4 * n + 1) * 2 * n + 8 * n + (18 * n + 1) * n +
                                         4 * n + (9 * n + 1) * 3);
        cr_assert(count_values(d) ==
                  28 * (n / 2) + (9 * (n / 2) + 1) * n + (9 * n + 1) * 2 * n + 2 * 2 * n + 1);
        nn_model_free(g);
        nn_model_free(d);
    }
    const int64_t bad[] = {0, -2, 1, 63, 4098};
    for (int i = 0; i < 5; i++) {
        ag_error error = {0};
        cr_assert(!dcgan_generator_create(10, AG_SHAPE(8, 8, 1), bad[i], AG_F32, &error));
        cr_assert(error.status == AG_STATUS_USAGE && strstr(error.text, "even, 2 to 4096"), "%s", error.text);
        cr_assert(!dcgan_discriminator_create(AG_SHAPE(8, 8, 1), bad[i], AG_F32, &error));
    }
}

Test(dcgan, properties_are_the_seeds) {
    ag_error error = {0};
    dcgan *model = dcgan_create((dcgan_params){0}, &error);
    cr_assert(model, "%s", error.text);
    cr_assert_str_eq(dcgan_name(model), "dcgan");
    cr_assert(dcgan_z_dim(model) == 100 && ag_shape_equal(dcgan_image_shape(model), AG_SHAPE(28, 28, 1)));
    cr_assert(dcgan_set_name(model, "other", &error));
    cr_assert_str_eq(dcgan_name(model), "other");
    cr_assert(nn_model_set_count(dcgan_combined(model)) == 2 && !dcgan_trainer(model));
    double sum = 0, squares = 0;
    for (int i = 0; i < DCGAN_FIXED * 100; i++) {
        sum += (double)dcgan_fixed_z(model)[i];
        squares += (double)(dcgan_fixed_z(model)[i] * dcgan_fixed_z(model)[i]);
    }
    cr_assert(fabs(sum / 3200) < 0.08 && fabs(squares / 3200 - 1) < 0.12, "mean %g, mean square %g",
              sum / 3200, squares / 3200);
    dcgan_free(model);
}

Test(dcgan, wrong_layer_lists_are_refused) {
    ag_error error = {0};
    nn_model *generator = nn_sequential(&error, "g", AG_F32, AG_SHAPE(5), nn_dense(16), nn_reshape(4, 4, 1));
    cr_assert(!dcgan_create(
        (dcgan_params){.z_dim = 6, .image_shape = AG_SHAPE(4, 4, 1), .generator = generator}, &error));
    cr_assert(strstr(error.text, "takes [5], [6] is needed"), "%s", error.text);
    error = (ag_error){0};
    nn_model *discriminator =
        nn_sequential(&error, "d", AG_F32, AG_SHAPE(4, 4, 1), nn_flatten(), nn_dense(2));
    cr_assert(!dcgan_create((dcgan_params){.image_shape = AG_SHAPE(4, 4, 1), .discriminator = discriminator},
                            &error));
    cr_assert(strstr(error.text, "gives [2], [1] is needed"), "%s", error.text);
    error = (ag_error){0};
    cr_assert(!dcgan_create((dcgan_params){.name = "a/b"}, &error) && strstr(error.text, "a/b"));
    error = (ag_error){0};
    cr_assert(!dcgan_create((dcgan_params){.z_dim = -1}, &error) && strstr(error.text, "-1"));
}

Test(dcgan, generated_images_lie_in_0_to_1_and_do_not_depend_on_their_neighbours) {
    enum { N = 150 };  // more than a chunk
    ag_error error = {0};
    dcgan *model = small_gan_create(1);
    float *z = malloc(sizeof *z * N * 8), *images = malloc(sizeof *images * N * 144), one[144];
    dcgan_draw_z(model, N, z);
    cr_assert(dcgan_generate(model, z, N, images, &error), "%s", error.text);
    for (int i = 0; i < N * 144; i++)
        cr_assert(images[i] >= 0 && images[i] <= 1, "image %d: %g", i / 144, (double)images[i]);
    for (int i = 0; i < N; i += 37) {
        cr_assert(dcgan_generate(model, z + i * 8, 1, one, &error), "%s", error.text);
        for (int p = 0; p < 144; p++)
            cr_assert(fabsf(one[p] - images[i * 144 + p]) < 1e-6f,
                      "image %d pixel %d: %g alone, %g among others", i, p, (double)one[p],
                      (double)images[i * 144 + p]);
    }
    free(z);
    free(images);
    dcgan_free(model);
}

Test(dcgan, latent_vectors_are_new_at_each_draw_and_fixed_by_number) {
    dcgan *a = small_gan_create(1), *b = small_gan_create(2);
    float x[16], y[16];
    dcgan_draw_z(a, 2, x);
    dcgan_draw_z(a, 2, y);
    cr_assert(memcmp(x, y, sizeof x) != 0, "two draws are equal");
    dcgan_seed_z(a, 17, x);
    dcgan_seed_z(b, 17, y);
    cr_assert(memcmp(x, y, 8 * sizeof *x) == 0, "z of one number differs between models");
    dcgan_seed_z(b, 18, y);
    cr_assert(memcmp(x, y, 8 * sizeof *x) != 0, "z of two numbers are equal");
    dcgan_free(a);
    dcgan_free(b);
}

Test(dcgan, evaluation_agrees_with_discriminate) {
    enum { N = 20 };
    ag_error error = {0};
    dcgan *model = small_gan_create(1);
    nn_dataset *set = small_gan_images(64);
    small_gan_train(model, set, 3, 16, NULL, 0);
    float images[N * 144], labels[N], p[N], z[N / 2 * 8];
    for (int i = 0; i < N / 2 * 144; i++) images[i] = (float)set->images[i] / 255;
    dcgan_draw_z(model, N / 2, z);
    cr_assert(dcgan_generate(model, z, N / 2, images + N / 2 * 144, &error), "%s", error.text);
    for (int i = 0; i < N; i++) labels[i] = i < N / 2;
    dcgan_scores scores;
    cr_assert(dcgan_evaluate(model, images, labels, N, &scores, &error), "%s", error.text);
    cr_assert(dcgan_discriminate(model, images, N, p, &error), "%s", error.text);
    double loss = 0, right = 0;
    for (int i = 0; i < N; i++) {
        loss -= log(i < N / 2 ? (double)p[i] : 1 - (double)p[i]) / N;
        right += ((double)p[i] > 0.5) == (i < N / 2);
    }
    cr_assert(fabs(loss - scores.d_loss) < 1e-5 * fmax(1, loss), "d_loss %g, from probabilities %g",
              scores.d_loss, loss);
    cr_assert(scores.d_accuracy == right / N && scores.g_loss > 0);
    float kept[N];
    memcpy(kept, p, sizeof p);
    images[3] = 1.5f;
    cr_assert(!dcgan_discriminate(model, images, N, p, &error) && strstr(error.text, "1.5") &&
                  strstr(error.text, "[0,1]"),
              "%s", error.text);
    cr_assert(memcmp(kept, p, sizeof p) == 0, "a refused call has written");
    nn_dataset_free(set);
    dcgan_free(model);
}

Test(dcgan, numbers_and_names_out_of_range_are_refused) {
    ag_error error = {0};
    dcgan *model = small_gan_create(1);
    float z[16] = {0}, images[2 * 144] = {0}, labels[2] = {1, 0.5f};
    dcgan_scores scores;
    z[11] = NAN;
    cr_assert(!dcgan_generate(model, z, 2, images, &error) && strstr(error.text, "z 1 has the value NaN"),
              "%s", error.text);
    error = (ag_error){0};
    cr_assert(
        !dcgan_evaluate(model, images, labels, 2, &scores, &error) && strstr(error.text, "label 1 is 0.5"),
        "%s", error.text);
    char longest[DCGAN_NAME_LIMIT + 2] = {0};
    memset(longest, 'n', DCGAN_NAME_LIMIT + 1);
    const char *const names[] = {"", ".", "..", "a/b", "x\n", "\x7f", "\xff", longest};
    for (int i = 0; i < 8; i++) {
        error = (ag_error){0};
        cr_assert(!dcgan_set_name(model, names[i], &error) && error.status == AG_STATUS_USAGE,
                  "name %d is taken", i);
    }
    cr_assert(dcgan_set_name(model, "Kleider-\u00e4", NULL) && dcgan_set_name(model, longest + 1, NULL));
    dcgan_free(model);
}

static void overflow(nn_model *model, const char *layer) {
    const ag_parameter *kernel = nn_model_find_layer(model, layer)->parameters[0];
    float *values = ag_parameter_values(kernel);
    for (int64_t i = 0; i < ag_shape_size(kernel->shape); i++) values[i] = 3e38f;
}

Test(dcgan, an_output_that_is_not_finite_is_the_models_fault) {
    ag_error error = {0};
    dcgan *model = small_gan_create(1);
    float pictures[2 * 144] = {0}, p[2], out[DCGAN_FIXED * 144];
    const float labels[2] = {1, 0};
    dcgan_scores scores = {.d_loss = 77};
    overflow(dcgan_generator(model), "dense");
    small_gan_expect_fault(!dcgan_generate(model, dcgan_fixed_z(model), DCGAN_FIXED, out, &error), &error,
                           "generate: the generator's output 0 has the value NaN");
    small_gan_expect_fault(!dcgan_evaluate(model, pictures, labels, 2, &scores, &error), &error,
                           "evaluate: the generator's output 0 has the value NaN");
    overflow(dcgan_discriminator(model), "conv2d");
    overflow(dcgan_discriminator(model), "dense");
    memset(pictures, 0, sizeof pictures / 2);
    for (int i = 144; i < 2 * 144; i++) pictures[i] = 1;
    small_gan_expect_fault(!dcgan_discriminate(model, pictures, 2, p, &error), &error,
                           "discriminate: the discriminator's output 0 has the value ");
    small_gan_expect_fault(!dcgan_evaluate(model, pictures, labels, 2, &scores, &error), &error,
                           "evaluate: the discriminator's output 0 has the value ");
    cr_expect(scores.d_loss == 77, "a refused evaluation has written");
    pictures[150] = -NAN;
    cr_expect(!dcgan_evaluate(model, pictures, labels, 2, &scores, &error) &&
                  error.status == AG_STATUS_USAGE &&
                  strstr(error.text, "image 1 has the value NaN; images lie in [0,1]"),
              "%s", error.text);
    dcgan_free(model);
}
