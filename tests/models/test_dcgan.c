// SPDX-License-Identifier: MIT
// The public class: networks, properties, generate, discriminate, evaluate, save and change.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/environment.h"
#include "models/dcgan.h"
#include "nn/format.h"
#include "tests/models/small_gan.h"
#include "tests/support/scratch.h"

Test(dcgan, default_networks_exist_for_sizes_divisible_by_4_and_1_or_3_channels) {
    const ag_shape good[] = {AG_SHAPE(28, 28, 1), AG_SHAPE(4, 4, 1), AG_SHAPE(32, 24, 3), AG_SHAPE(8, 64, 1)};
    const ag_shape bad[] = {AG_SHAPE(28, 30, 1),  AG_SHAPE(27, 28, 1),
                            AG_SHAPE(28, 28, 2),  AG_SHAPE(28, 28),
                            AG_SHAPE(2, 4, 1),    AG_SHAPE(INT64_C(1) << 30, INT64_C(1) << 30, 1),
                            AG_SHAPE(16388, 4, 1)};
    for (int i = 0; i < 4; i++) {
        ag_error error = {0};
        char text[AG_SHAPE_TEXT];
        nn_model *g = dcgan_generator_create(10, good[i], AG_F32, &error),
                 *d = dcgan_discriminator_create(good[i], AG_F32, &error);
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
    cr_assert(!dcgan_generate(model, z, 2, images, &error) && strstr(error.text, "z 1 has the value nan"),
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

// ---- files ----

TestSuite(dcgan_file, .init = scratch_create, .fini = scratch_remove);

static void check_same_pictures(dcgan *a, dcgan *b) {
    float x[144], y[144];
    ag_error error = {0};
    cr_assert(dcgan_generate(a, dcgan_fixed_z(a), 1, x, &error) &&
                  dcgan_generate(b, dcgan_fixed_z(b), 1, y, &error),
              "%s", error.text);
    cr_assert(memcmp(x, y, sizeof x) == 0, "the pictures differ");
}

Test(dcgan_file, a_saved_model_replaces_another_instance) {
    ag_error error = {0};
    dcgan *a = small_gan_create(1), *b = small_gan_create(2);
    nn_dataset *images = small_gan_images(32);
    small_gan_train(a, images, 2, 16, "minimax", 0);
    cr_assert(dcgan_set_name(a, "teacher", &error));
    cr_assert(dcgan_save(a, scratch_path("a.safetensors"), &error), "%s", error.text);
    cr_assert(dcgan_change(b, scratch_path("a.safetensors"), &error), "%s", error.text);
    cr_assert_str_eq(dcgan_name(b), "teacher");
    cr_assert_str_eq(dcgan_made_with(a), "");
    cr_assert_str_eq(dcgan_made_with(b), ag_environment());
    cr_assert(memcmp(dcgan_fixed_z(a), dcgan_fixed_z(b), sizeof(float) * DCGAN_FIXED * 8) == 0);
    small_gan_check_equal(a, b, "changed");
    check_same_pictures(a, b);
    const gan_history *x = gan_trainer_history(dcgan_trainer(a)), *y = gan_trainer_history(dcgan_trainer(b));
    cr_assert(x->n == 2 && y->n == 2 && memcmp(x->rows, y->rows, 2 * sizeof *x->rows) == 0,
              "the record differs");
    cr_assert_str_eq(gan_trainer_config(dcgan_trainer(b))->variant->name, "minimax");
    dcgan_free(a);
    dcgan_free(b);
    nn_dataset_free(images);
}

Test(dcgan_file, an_untrained_model_of_the_default_lists_is_opened) {
    ag_error error = {0};
    dcgan *a = dcgan_create(
        (dcgan_params){.name = "fresh", .z_dim = 5, .image_shape = AG_SHAPE(8, 8, 3), .seed = 3}, &error);
    cr_assert(a && dcgan_save(a, scratch_path("fresh.safetensors"), &error), "%s", error.text);
    dcgan *b = dcgan_open(scratch_path("fresh.safetensors"), &error);
    cr_assert(b, "%s", error.text);
    cr_assert(!dcgan_trainer(b) && dcgan_z_dim(b) == 5 && dcgan_seed(b) == 3);
    cr_assert_str_eq(dcgan_name(b), "fresh");
    dcgan_free(a);
    dcgan_free(b);
}

Test(dcgan_file, a_file_of_another_architecture_changes_nothing) {
    ag_error error = {0};
    dcgan *a = small_gan_create(1), *b = small_gan_create(1);
    dcgan *standard = dcgan_create((dcgan_params){.z_dim = 8, .image_shape = AG_SHAPE(12, 12, 1)}, &error);
    dcgan *large = dcgan_create((dcgan_params){.z_dim = 8, .image_shape = AG_SHAPE(16, 12, 1)}, &error);
    cr_assert(standard && large && dcgan_save(standard, scratch_path("s.safetensors"), &error) &&
                  dcgan_save(large, scratch_path("l.safetensors"), &error),
              "%s", error.text);
    cr_assert(!dcgan_change(a, scratch_path("s.safetensors"), &error));
    cr_assert(error.status == AG_STATUS_MODEL && strstr(error.text, "generator/"), "%s", error.text);
    error = (ag_error){0};
    cr_assert(!dcgan_change(a, scratch_path("l.safetensors"), &error));
    cr_assert(error.status == AG_STATUS_MODEL && strstr(error.text, "[16,12,1]"), "%s", error.text);
    error = (ag_error){0};
    cr_assert(!dcgan_change(a, scratch_path("none.safetensors"), &error));
    cr_assert(error.status == AG_STATUS_MODEL && strstr(error.text, "none.safetensors"), "%s", error.text);
    cr_assert_str_eq(dcgan_name(a), "small");
    check_same_pictures(a, b);
    dcgan_free(a);
    dcgan_free(b);
    dcgan_free(standard);
    dcgan_free(large);
}

Test(dcgan_file, default_file_names_come_from_the_instances_name) {
    ag_error error = {0};
    dcgan *a = small_gan_create(1);
    cr_assert(chdir(scratch_path("")) == 0);
    cr_assert(dcgan_set_name(a, "named", &error) && dcgan_save(a, NULL, &error), "%s", error.text);
    size_t n;
    free(scratch_read("named.safetensors", &n));
    cr_assert(n > 1000);
    dcgan_free(a);
}

typedef struct piece {
    const char *old, *new;
} piece;

static char *replaced(const char *text, piece p) {
    const char *place = strstr(text, p.old);
    cr_assert(place, "no %s in %s", p.old, text);
    char *altered = malloc(strlen(text) + strlen(p.new) + 1);
    sprintf(altered, "%.*s%s%s", (int)(place - text), text, p.new, place + strlen(p.old));
    return altered;
}

// The saved model with up to 4 pieces of its header replaced, and a right checksum.
static void save_altered(const char *from, const char *to, const piece pieces[4]) {
    ag_error error = {0};
    nn_format_content *content = nn_format_load(scratch_path(from), NULL, &error);
    cr_assert(content, "%s", error.text);
    char *text = strdup(nn_format_metadata(content, "bobbin"));
    for (int i = 0; i < 4 && pieces[i].old; i++) {
        char *altered = replaced(text, pieces[i]);
        free(text);
        text = altered;
    }
    nn_format_entry entry = {"bobbin", text};
    const nn_format_content changed = {
        .tensors = content->tensors, .n_tensors = content->n_tensors, .metadata = &entry, .n_metadata = 1};
    cr_assert(nn_format_save(scratch_path(to), &changed, &error), "%s", error.text);
    free(text);
    nn_format_free(content);
}

// A default model for 8x8x1 images and the 32 black ones it was trained on: 2 iterations an epoch.
static nn_dataset *save_trained(const char *name, const char *gan, int64_t epochs) {
    ag_error error = {0};
    nn_dataset *images = nn_dataset_create(32, 8, 8, 1, &error);
    dcgan *model = dcgan_create((dcgan_params){.z_dim = 8, .image_shape = AG_SHAPE(8, 8, 1)}, &error);
    cr_assert(images && model, "%s", error.text);
    small_gan_train(model, images, epochs, 16, gan, 0);
    cr_assert(dcgan_save(model, scratch_path(name), &error), "%s", error.text);
    dcgan_free(model);
    return images;
}

#define NO_HISTORY \
    { "\"history\":[[", "\"history\":[],\"x\":[[" }

// The trained file with the pieces is refused: "PATH: sentence".
static void check_refused_file(const char *from, const piece pieces[4], const char *sentence) {
    ag_error error = {0};
    char expected[512];
    save_altered(from, "bad.safetensors", pieces);
    cr_assert(!dcgan_open(scratch_path("bad.safetensors"), &error), "taken, not refused by: %s", sentence);
    snprintf(expected, sizeof expected, "%s: %s", scratch_path("bad.safetensors"), sentence);
    cr_expect(error.status == AG_STATUS_MODEL, "status %d: %s", (int)error.status, error.text);
    cr_expect_str_eq(error.text, expected);
}

Test(dcgan_file, a_header_with_absurd_values_is_the_files_fault) {
    static const struct {
        piece pieces[4];
        const char *sentence;
    } rows[] = {
        {{{"\"z_dim\":8", "\"z_dim\":-1"}}, "z_dim -1: a number from 1 to 65536"},
        {{{"\"z_dim\":8", "\"z_dim\":1099511627776"}}, "z_dim 1099511627776: a number from 1 to 65536"},
        {{{"\"z_dim\":8", "\"z_dim\":\"8\""}}, "header: z_dim is missing or not a whole number of 64 bits"},
        {{{"[8,8,1]", "[1099511627776,2,1]"}},
         "header: image_shape [1099511627776,2,1] is missing or not 3 positive numbers of product 2^40 at "
         "most"},
        {{{"\"batch_size\":16", "\"batch_size\":0"}}, "config: batch_size 0: it is 1 to 4294967295"},
        {{{"\"batch_size\":16", "\"batch_size\":4294967296"}},
         "config: batch_size 4294967296: it is 1 to 4294967295"},
        {{{"\"rate\":0.001", "\"rate\":-1.0"}}, "optimizer adam: rate -1 must be positive and finite"},
        {{{"\"rate\":0.001", "\"rate\":true"}}, "config: optimizer: rate is missing or not a number"},
        {{{"\"name\":\"adam\"", "\"name\":\"x\""}}, "config: optimizer x: no optimizer has this name"},
        {{{"\"ls_epsilon\":0.0", "\"ls_epsilon\":7.0"}}, "label smoothing 7: a number in [0, 0.5)"},
        {{{"\"gan\":\"non_saturating\"", "\"gan\":\"x\""}}, "config: gan x: no variant has this name"},
        {{{"\"schedule\":\"separate\"", "\"schedule\":\"x\""}},
         "config: schedule x: no schedule has this name"},
        {{{"\"version\":1", "\"version\":2"}}, "header: version 2, this program reads 1"},
        {{{"\"config\":", "\"x\":"}, {"\"data\":\"", "\"data\":\"\",\"y\":\""}},
         "header: config and state belong together; config is missing"},
        {{{"\"seed\":0", "\"seed\":7"}}, "config: seed is 0; the header makes it 7"},
        {{{"\"state\":", "\"x\":"}}, "header: config and state belong together; state is missing"},
        {{{"\"data\":\"", "\"data\":\"\",\"x\":\""}}, "header: data has 0 digits; with a config it has 32"},
    };
    nn_dataset_free(save_trained("good.safetensors", NULL, 1));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_refused_file("good.safetensors", rows[i].pieces, rows[i].sentence);
}

// A path of one letter, which many a sentence contains by chance.
Test(dcgan_file, the_path_stands_in_front_however_short_it_is) {
    ag_error error = {0};
    nn_dataset_free(save_trained("good.safetensors", NULL, 1));
    cr_assert(chdir(scratch_path("")) == 0);
    save_altered("good.safetensors", "e", (piece[4]){{"\"version\":1", "\"version\":2"}});
    cr_assert(!dcgan_open("e", &error));
    cr_expect_str_eq(error.text, "e: header: version 2, this program reads 1");
    error = (ag_error){0};
    cr_assert(!dcgan_open("i", &error));
    cr_expect_str_eq(error.text, "cannot read 'i': No such file or directory");
    error = (ag_error){0};
    cr_assert(!dcgan_open("", &error));
    cr_expect_str_eq(error.text, "cannot read '': No such file or directory");
}

// Trained for 2 epochs of 2 iterations: step 4, d_step 8, g_step 4 and two rows of history.
Test(dcgan_file, a_state_that_no_run_can_have_is_refused) {
    static const struct {
        piece pieces[4];
        const char *sentence;
    } rows[] = {
        {{{"\"step\":4", "\"step\":4611686018427387904"}, NO_HISTORY},
         "state: step is 4611686018427387904; a history of 0 epochs and batches of 16 make it 0 to "
         "268435456"},
        {{{"\"step\":4", "\"step\":64"}},
         "state: step is 64; a history of 2 epochs and batches of 16 make it 4 to 6"},
        {{{"\"step\":4", "\"step\":3"}},
         "state: step is 3; a history of 2 epochs and batches of 16 make it 4 to 6"},
        {{{"\"step\":4", "\"step\":-5"}},
         "state: step is -5; a history of 2 epochs and batches of 16 make it 4 to 6"},
        {{{"\"d_step\":8", "\"d_step\":4"}},
         "state: d_step is 4; step 4 of gan non_saturating, schedule separate, makes it 8"},
        {{{"\"g_step\":4", "\"g_step\":-1"}},
         "state: g_step is -1; step 4 of gan non_saturating, schedule separate, makes it 4"},
        {{{"\"history\":[[2", "\"history\":[[0"}},
         "state: history row 0 has iteration 0; batches of 16 make it 1 to 268435456"},
        {{{"\"history\":[[2", "\"history\":[[3"}},
         "state: step is 4; a history of 2 epochs and batches of 16 make it 6 to 9"},
        {{{"],[4,", "],[5,"}}, "state: history row 1 has iteration 5; epochs of 2 iterations make it 4"},
        {{{"\"batch_size\":16", "\"batch_size\":4294967295"}},
         "state: history row 0 has iteration 2; batches of 4294967295 make it 1 to 1"},
        {{{"\"schedule\":\"separate\"", "\"schedule\":\"joint\""}},
         "state: d_step is 8; step 4 of gan non_saturating, schedule joint, makes it 4"},
        {{{"\"step\":4", "\"step\":4.5"}}, "state: step is missing or not a whole number of 64 bits"},
        {{{"\"history\":", "\"x\":"}}, "history: an array of rows is missing"},
    };
    nn_dataset_free(save_trained("good.safetensors", NULL, 2));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_refused_file("good.safetensors", rows[i].pieces, rows[i].sentence);
    nn_dataset_free(save_trained("critic.safetensors", "wasserstein", 3));
    check_refused_file("critic.safetensors", (piece[4]){{"\"g_step\":1", "\"g_step\":6"}},
                       "state: g_step is 6; step 6 of gan wasserstein, schedule joint, makes it 1");
}

// Without a row of history the file alone cannot tell how long an epoch is.
Test(dcgan_file, a_state_that_its_own_images_contradict_is_refused_when_training_goes_on) {
    static const piece pieces[4] = {{"\"step\":2", "\"step\":3"},
                                    {"\"d_step\":4", "\"d_step\":6"},
                                    {"\"g_step\":2", "\"g_step\":3"},
                                    NO_HISTORY};
    ag_error error = {0};
    char expected[512];
    nn_dataset *images = save_trained("good.safetensors", NULL, 1);
    save_altered("good.safetensors", "bad.safetensors", pieces);
    dcgan *model = dcgan_open(scratch_path("bad.safetensors"), &error);
    cr_assert(model, "%s", error.text);
    cr_assert(dcgan_train(model, images, (dcgan_train_params){.epochs = 2, .batch_size = 16}, NULL, &error) ==
              GAN_RUN_FAILED);
    snprintf(expected, sizeof expected,
             "%s: state: step is 3; a history of 0 epochs and batches of 16 make it 0 to 2",
             scratch_path("bad.safetensors"));
    cr_expect(error.status == AG_STATUS_MODEL);
    cr_expect_str_eq(error.text, expected);
    dcgan_free(model);
    nn_dataset_free(images);
}

Test(dcgan_file, a_model_between_two_updates_of_an_iteration_is_not_saved) {
    ag_error error = {0};
    nn_dataset *images = small_gan_images(32);
    dcgan *model = small_gan_create(1);
    small_gan_train(model, images, 1, 16, NULL, 1);
    nn_optimizer_advance(gan_trainer_optimizer(dcgan_trainer(model), true));
    cr_assert(!dcgan_save(model, scratch_path("half.safetensors"), &error) && scratch_count() == 0);
    cr_expect(error.status == AG_STATUS_DIVERGED && strstr(error.text, "iteration 2 "), "%s", error.text);
    dcgan_free(model);
    nn_dataset_free(images);
}
