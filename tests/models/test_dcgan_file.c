// SPDX-License-Identifier: MIT
// The public class's files: save, open, change, and what is refused.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/environment.h"
#include "autograd/precision.h"
#include "models/dcgan.h"
#include "nn/format.h"
#include "tests/models/small_gan.h"
#include "tests/support/scratch.h"

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

// Saves the model in f32 and loads the file in its place.
static dcgan *saved_and_loaded(dcgan *model, const char *name) {
    ag_error error = {0};
    dcgan *loaded = small_gan_create(2);
    ag_precision_set(AG_PRECISION_F32, NULL);
    cr_assert(dcgan_save(model, scratch_path(name), &error), "%s", error.text);
    cr_assert(dcgan_change(loaded, scratch_path(name), &error), "%s", error.text);
    dcgan_free(model);
    return loaded;
}

Test(dcgan_file, says_the_environment_of_the_training_not_of_the_saving) {
    setenv("AG_BF16", "emulate", 1);
    cr_assert(ag_precision_set(AG_PRECISION_BF16, NULL));
    const char *rounded = ag_environment();
    dcgan *model = small_gan_create(1);
    nn_dataset *images = small_gan_images(32);
    small_gan_train(model, images, 1, 16, NULL, 0);
    model = saved_and_loaded(model, "trained.safetensors");
    cr_expect_str_eq(dcgan_made_with(model), rounded);
    cr_expect(!gan_trainer_environment(dcgan_trainer(model)));
    model = saved_and_loaded(model, "again.safetensors");
    cr_expect_str_eq(dcgan_made_with(model), rounded, "a model that was only saved again says %s",
                     dcgan_made_with(model));
    small_gan_train(model, images, 2, 16, NULL, 0);
    cr_expect_str_eq(gan_trainer_environment(dcgan_trainer(model)), ag_environment());
    model = saved_and_loaded(model, "on.safetensors");
    cr_expect_str_eq(dcgan_made_with(model), ag_environment());
    cr_expect_str_neq(ag_environment(), rounded);
    dcgan_free(model);
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

// The saved model with one value of one tensor replaced, and a right checksum.
static void save_with_value(const char *from, const char *to, const char *name, float value) {
    ag_error error = {0};
    nn_format_content *content = nn_format_load(scratch_path(from), NULL, &error);
    cr_assert(content, "%s", error.text);
    nn_format_tensor *tensor = (nn_format_tensor *)nn_format_find(content, name);
    cr_assert(tensor, "no tensor %s", name);
    const size_t bytes = (size_t)ag_shape_size(tensor->shape) * sizeof value;
    float *values = malloc(bytes);
    memcpy(values, tensor->data, bytes);
    values[3] = value;
    tensor->data = values;
    cr_assert(nn_format_save(scratch_path(to), content, &error), "%s", error.text);
    free(values);
    nn_format_free(content);
}

Test(dcgan_file, values_that_no_sound_model_has_are_refused_with_their_tensor) {
    static const struct {
        const char *tensor;
        float value;
        const char *rule;
    } rows[] = {
        {"generator/dense/kernel", NAN, "NaN; it must be finite"},
        {"generator/batch_norm/moving_mean", -INFINITY, "-infinite; it must be finite"},
        {"generator/batch_norm_1/moving_variance", -1e-3f, "-0.001; it must be finite and at least 0"},
        {"generator/batch_norm/moving_variance", -NAN, "NaN; it must be finite"},
        {"discriminator/conv2d/kernel", INFINITY, "infinite; it must be finite"},
        {"generator.v/dense/kernel", NAN, "NaN; it must be finite"},
        {"generator.v/dense/kernel", -1e-3f, "-0.001; it must be finite and at least 0"},
        {"discriminator.v/conv2d/kernel", -1, "-1; it must be finite and at least 0"},
        {"fixed_z", NAN, "NaN; it must be finite"},
    };
    ag_error error = {0};
    nn_dataset_free(save_trained("good.safetensors", NULL, 1));
    dcgan *old = dcgan_open(scratch_path("good.safetensors"), &error);
    cr_assert(old, "%s", error.text);
    size_t n, m;
    uint8_t *before = small_gan_bytes(old, &n);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char sentence[512];
        save_with_value("good.safetensors", "bad.safetensors", rows[i].tensor, rows[i].value);
        snprintf(sentence, sizeof sentence, "%s: tensor %s: value 3 is %s", scratch_path("bad.safetensors"),
                 rows[i].tensor, rows[i].rule);
        small_gan_expect_fault(!dcgan_open(scratch_path("bad.safetensors"), &error), &error, sentence);
        small_gan_expect_fault(!dcgan_change(old, scratch_path("bad.safetensors"), &error), &error, sentence);
    }
    uint8_t *after = small_gan_bytes(old, &m);
    cr_expect(n == m && memcmp(before, after, n) == 0, "a refused file has changed the model");
    free(before);
    free(after);
    dcgan_free(old);
}

// Gives the tensors of optimizers, "MODEL.STATE/..", the names that earlier versions wrote; how many there
// are.
static int save_with_earlier_names(const char *from, const char *to) {
    ag_error error = {0};
    nn_format_content *content = nn_format_load(scratch_path(from), NULL, &error);
    cr_assert(content, "%s", error.text);
    char names[64][256];
    int n = 0;
    for (int i = 0; i < content->n_tensors; i++) {
        const char *name = content->tensors[i].name, *slash = strchr(name, '/');
        if (!slash || !memchr(name, '.', (size_t)(slash - name))) continue;
        cr_assert(n < 64 && !strstr(slash, ".v/") && !strstr(slash, ".m/"), "%s", name);
        snprintf(names[n], sizeof names[n], "%.*s/%s", (int)(slash - name), name, name);
        content->tensors[i].name = names[n++];
    }
    cr_assert(nn_format_save(scratch_path(to), content, &error), "%s", error.text);
    nn_format_free(content);
    return n;
}

Test(dcgan_file, an_optimizers_tensors_are_read_under_the_names_of_earlier_versions_too) {
    ag_error error = {0};
    nn_dataset_free(save_trained("now.safetensors", NULL, 1));
    cr_assert(save_with_earlier_names("now.safetensors", "then.safetensors") == 2 * (12 + 8));
    dcgan *now = dcgan_open(scratch_path("now.safetensors"), &error);
    dcgan *then = dcgan_open(scratch_path("then.safetensors"), &error);
    cr_assert(now && then, "%s", error.text);
    small_gan_check_equal(now, then, "earlier names");
    dcgan_free(now);
    dcgan_free(then);
    save_with_value("then.safetensors", "bad.safetensors", "generator.v/generator.v/dense/kernel", -1);
    small_gan_expect_fault(!dcgan_open(scratch_path("bad.safetensors"), &error), &error,
                           scratch_path("bad.safetensors"));
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
