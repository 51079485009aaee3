// SPDX-License-Identifier: MIT
// Whole runs on small images: what a run leaves, and the commands that use its model.
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "models/dcgan.h"
#include "nn/format.h"
#include "nn/image.h"
#include "tests/apps/cli.h"
#include "tests/apps/picture.h"
#include "tests/support/scratch.h"

// 40 images of 8 x 8 in batches of 16: 3 iterations an epoch, the last of 8 images.
#define SMALL "--data images --batch 16 --threads 1"

static void prepare(void) {
    scratch_create();
    cli_write_images("images", 40, 8, 8);
}

TestSuite(run, .init = prepare, .fini = scratch_remove);

static char *load_text(const char *name) {
    size_t n;
    char *text = (char *)scratch_read(name, &n);
    text[n] = '\0';
    return text;
}

static int count_lines(const char *text) {
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

static int count_entries(const char *name) {
    DIR *folder = opendir(scratch_path(name));
    int n = -2;
    cr_assert(folder);
    while (readdir(folder)) n++;
    closedir(folder);
    return n;
}

// ---- the folder ----

Test(run, leaves_a_complete_folder) {
    cli_succeed("train " SMALL " --epochs 4 --sample-every 2 -o run");
    const char *const names[] = {
        "config.json",       "log.csv",         "timing.csv",        "model.safetensors", "reals.png",
        "losses.png",        "accuracy.png",    "probabilities.png", "losses.svg",        "accuracy.svg",
        "probabilities.svg", "fakes-e0000.png", "fakes-e0002.png",   "fakes-e0003.png"};
    const int n = sizeof names / sizeof *names;
    for (int i = 0; i < n; i++) {
        char path[64];
        snprintf(path, sizeof path, "run/%s", names[i]);
        cr_assert(access(scratch_path(path), F_OK) == 0, "%s is missing", path);
        if (strstr(path, "fakes") || strstr(path, "reals"))
            picture_expect_size(path, 4 * 10 + 2, 8 * 10 + 2, 1);
        else if (strstr(path, ".png"))
            picture_expect_size(path, 480, 840, 3);
    }
    cr_assert(count_entries("run") == n, "%d files, %d are known", count_entries("run"), n);
    char *timing = load_text("run/timing.csv");
    cr_assert(strncmp(timing, "epoch,iterations,seconds\n0,3,", 29) == 0 && count_lines(timing) == 5 &&
                  strstr(timing, "\n3,3,"),
              "%s", timing);
    free(timing);
}

Test(run, draws_its_own_images_as_reals) {
    cli_succeed("train " SMALL " --epochs 1 -o run");
    size_t n;
    uint8_t *idx = scratch_read("images", &n);
    nn_image *reals = picture_load("run/reals.png");
    for (int k = 0; k < 32; k++) {
        for (int i = 0; i < 64; i++) {
            const int64_t y = 2 + k / 8 * 10 + i / 8, x = 2 + k % 8 * 10 + i % 8;
            cr_assert(reals->pixels[y * reals->w + x] == idx[16 + k * 64 + i], "image %d, pixel %d", k, i);
        }
    }
    nn_image_free(reals);
    free(idx);
}

// The pipe's rows: 4 digits of the log's numbers, under one line of heads.
Test(run, prints_one_plain_row_per_epoch_that_agrees_with_the_log) {
    const cli_result *r = cli_succeed("train " SMALL " --epochs 5 -o run");
    cr_assert(!strchr(r->out, '\r') && !strchr(r->out, '\033') && !*r->err, "%s%s", r->out, r->err);
    const char *row = strstr(r->out, "epoch     g_loss     d_loss d_accuracy  prob_fake  prob_real\n");
    cr_assert(row && !strstr(strchr(row, '\n'), "g_loss"), "%s", r->out);
    char *log = load_text("run/log.csv"), *line = log;
    cr_assert(strncmp(log, "epoch,iteration,g_loss,d_loss,d_accuracy,prob_fake,prob_real\n", 61) == 0, "%s",
              log);
    for (int epoch = 0; epoch < 5; epoch++) {
        int e, f, iteration;
        double a[5], b[5];
        row = strchr(row, '\n') + 1;
        line = strchr(line, '\n') + 1;
        cr_assert(sscanf(row, "%d %lf %lf %lf %lf %lf\n", &e, a, a + 1, a + 2, a + 3, a + 4) == 6, "%s", row);
        cr_assert(
            sscanf(line, "%d,%d,%lf,%lf,%lf,%lf,%lf\n", &f, &iteration, b, b + 1, b + 2, b + 3, b + 4) == 7);
        cr_assert(e == epoch && f == epoch && iteration == 3 * (epoch + 1), "%s", line);
        for (int i = 0; i < 5; i++) cr_assert(fabs(a[i] - b[i]) <= 5.1e-5, "%s%s", row, line);
        cr_assert(b[0] > 0 && b[1] > 0 && b[2] >= 0 && b[2] <= 1 && b[3] > 0 && b[3] < 1 && b[4] > 0 &&
                  b[4] < 1);
    }
    free(log);
}

Test(run, writes_a_config_with_every_default_filled_in) {
    cli_succeed("train " SMALL " --epochs 1 -o run --ls-epsilon 0.1");
    char *config = load_text("run/config.json"), data[600];
    snprintf(data, sizeof data, "\"data\": \"%s\"", scratch_path("images"));
    const char *const words[] = {data,
                                 "\"epochs\": 1,",
                                 "\"batch\": 16,",
                                 "\"ls-epsilon\": 0.1,",
                                 "\"seed\": 0,",
                                 "\"gan\": \"non_saturating\"",
                                 "\"limit-images\": 0,",
                                 "\"sample-every\": 1,",
                                 "\"precision\": \"f32\"\n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_assert(strstr(config, words[i]), "%s is not in %s", words[i], config);
    free(config);
}

Test(run, writes_a_config_that_keeps_every_digit_it_needs) {
    cli_succeed("train " SMALL " --epochs 1 --ls-epsilon 0.30000000000000004 -o run");
    char *config = load_text("run/config.json");
    cr_assert(strstr(config, "\"ls-epsilon\": 0.30000000000000004,"), "%s", config);
    free(config);
    cli_succeed("resume run --epochs 2 --threads 1");
}

Test(run, knows_no_negative_zero) {
    const cli_result *r = cli_succeed("train " SMALL " --epochs 1 --ls-epsilon -0 -o run");
    cr_assert(strstr(r->out, "label smoothing 0,"), "%s", r->out);
    char *config = load_text("run/config.json");
    cr_assert(strstr(config, "\"ls-epsilon\": 0.0"), "%s", config);
    free(config);
}

// Points of the two lines inside the plot, away from the axis at its left.
static int count_marks(const nn_image *chart, int r, int g, int b) {
    int n = 0;
    for (int64_t y = 60; y < 420; y++) {
        for (int64_t x = 100; x < 800; x++) {
            const uint8_t *at = chart->pixels + 3 * (y * chart->w + x);
            n += abs(at[0] - r) + abs(at[1] - g) + abs(at[2] - b) < 12;
        }
    }
    return n;
}

Test(run, of_one_epoch_shows_its_points_in_the_charts) {
    cli_succeed("train " SMALL " --epochs 1 -o run");
    nn_image *chart = picture_load("run/losses.png");
    const int d = count_marks(chart, 31, 94, 168), g = count_marks(chart, 212, 92, 26);
    cr_assert(d >= 50 && d < 200 && g >= 50 && g < 200, "%d and %d points", d, g);
    nn_image_free(chart);
}

Test(run, counts_one_thing_without_a_plural) {
    const cli_result *r = cli_succeed("train --data images --batch 40 --threads 1 --epochs 1 -o run");
    cr_assert(strstr(r->out, "40 images,") && strstr(r->out, "1 epoch of 1 iteration,") &&
                  strstr(r->out, "\n1 epoch done in "),
              "%s", r->out);
    cr_assert(strstr(cli_succeed("inspect run")->out, "history: 1 row\n"));
}

Test(run, writes_one_slash_behind_a_folder) {
    const cli_result *r = cli_succeed("train " SMALL " --epochs 1 -o run//");
    cr_assert(strstr(r->out, " run/\n") && strstr(r->out, "\nrun/: ") && strstr(r->out, "resume run "), "%s",
              r->out);
    cr_assert(strncmp(cli_succeed("inspect run//")->out, "run/model.safetensors: ", 23) == 0);
}

Test(run, prints_a_command_that_goes_on_whatever_the_name) {
    const char *const names[] = {"-y", "'-y z'", "\"it's\""}, *const printed[] = {"./-y", "'./-y z'",
                                                                                  "'it'\\''s'"};
    for (int i = 0; i < 3; i++) {
        char words[64];
        snprintf(words, sizeof words, "resume %s --epochs 2\n", printed[i]);
        const cli_result *r = cli_succeed("train " SMALL " --epochs 1 -o %s", names[i]);
        cr_assert(strstr(r->out, words), "'%s' is not in: %s", words, r->out);
        cli_succeed("resume %s --epochs 2 --threads 1", printed[i]);
    }
}

// ---- using the model ----

Test(run, gives_a_model_that_judges_images) {
    cli_succeed("train " SMALL " --epochs 2 -o run");
    const cli_result *r = cli_succeed("discriminate -m run --data images --threads 1");
    const char *line = r->out;
    cr_assert(strncmp(line, "index,probability\n", 18) == 0 && count_lines(line) == 41, "%s", line);
    for (int i = 0; i < 40; i++) {
        int index;
        double p;
        line = strchr(line, '\n') + 1;
        cr_assert(sscanf(line, "%d,%lf\n", &index, &p) == 2 && index == i && p > 0 && p < 1, "%s", line);
    }
    cr_assert(count_lines(cli_succeed("discriminate -m run --data images --limit-images 3")->out) == 4);
}

// The scores by the formulas, from probabilities: n reals, then n fakes of the next z, then 2n fakes of the z
// after those for the generator.
static void expected_scores(int n, double scores[3]) {
    ag_error error = {0};
    nn_dataset *data = nn_dataset_open(scratch_path("images"), NULL, &error);
    dcgan *model = dcgan_open(scratch_path("run/model.safetensors"), &error);
    float *z = calloc(200 * (size_t)n, sizeof *z), *x = calloc(128 * (size_t)n, sizeof *x),
          *p = calloc(2 * (size_t)n, sizeof *p);
    cr_assert(data && model && z && x && p, "%s", error.text);
    for (int i = 0; i < 64 * n; i++) x[i] = (float)data->images[i] / 255;
    dcgan_draw_z(model, n, z);
    cr_assert(dcgan_generate(model, z, n, x + 64 * n, NULL) && dcgan_discriminate(model, x, 2 * n, p, NULL));
    for (int i = 0; i < 2 * n; i++) {
        scores[0] -= log(i < n ? p[i] : 1 - p[i]) / (2 * n);
        scores[1] += ((i < n) == (p[i] > 0.5f)) / (2.0 * n);
    }
    dcgan_draw_z(model, 2 * n, z);
    cr_assert(dcgan_generate(model, z, 2 * n, x, NULL) && dcgan_discriminate(model, x, 2 * n, p, NULL));
    for (int i = 0; i < 2 * n; i++) scores[2] -= log(p[i]) / (2 * n);
    dcgan_free(model);
    nn_dataset_free(data);
    free(z);
    free(x);
    free(p);
}

Test(run, gives_a_model_whose_scores_follow_the_formulas) {
    cli_succeed("train " SMALL " --epochs 2 -o run");
    const int counts[] = {40, 3};
    for (int k = 0; k < 2; k++) {
        double got[3], expected[3] = {0};
        const cli_result *r = cli_succeed("evaluate -m run --data images --n %d", k ? 3 : 1000);
        cr_assert(sscanf(r->out, "d_loss %lf\nd_accuracy %lf\ng_loss %lf\n", got, got + 1, got + 2) == 3,
                  "%s", r->out);
        expected_scores(counts[k], expected);
        for (int i = 0; i < 3; i++)
            cr_assert(fabs(got[i] - expected[i]) < 1e-5, "n %d, score %d: %g, not %g", counts[k], i, got[i],
                      expected[i]);
    }
}

Test(run, gives_a_model_that_can_be_inspected) {
    cli_succeed("train " SMALL " --epochs 2 -o run --gan minimax --seed 9");
    const cli_result *r = cli_succeed("inspect run");
    const char *const words[] = {"run/model.safetensors: sound, its checksum is right\n",
                                 "z_dim: 100\n",
                                 "image_shape: [8,8,1]\n",
                                 "seed: 9\n",
                                 "gan: minimax\n",
                                 "batch_size: 16\n",
                                 "step: 6\n",
                                 "history: 2 rows\n",
                                 "generator/dense/kernel ",
                                 "[100,1024]",
                                 "discriminator/conv2d/kernel ",
                                 "moving_variance",
                                 "fixed_z ",
                                 "[32,100]"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_assert(strstr(r->out, words[i]), "'%s' is not in: %s", words[i], r->out);
}

// Sound is what the commands can use; of any other file inspect shows what is in it, and says why not.
Test(run, is_told_from_other_sound_files) {
    const float values[2] = {1, 2};
    nn_format_tensor tensor = {"x", NN_FORMAT_F32, AG_SHAPE(2), values};
    const nn_format_content content = {.tensors = &tensor, .n_tensors = 1};
    cr_assert(nn_format_save(scratch_path("plain"), &content, NULL));
    const cli_result *r = cli_run("inspect plain");
    cr_assert(r->code == 4 && strstr(r->out, "plain: sound as a safetensors file, ") &&
                  strstr(r->out, "but no model that dcgan can use\n") &&
                  strstr(r->out, "1 tensor, 2 values, 8 bytes\n"),
              "%d: %s", r->code, r->out);
    cr_assert(strstr(r->err, "plain") && strstr(r->err, "\"bobbin\""), "%s", r->err);
}

// Finite weights so large that what the network makes is not.
static void save_overflowing(bool discriminator, const char *name) {
    ag_error error = {0};
    int64_t n;
    dcgan *model = dcgan_create((dcgan_params){.image_shape = AG_SHAPE(8, 8, 1)}, &error);
    cr_assert(model, "%s", error.text);
    const nn_model *broken = discriminator ? dcgan_discriminator(model) : dcgan_generator(model);
    float *values = ag_parameter_set_values(nn_model_set(broken, 0), &n);
    for (int64_t i = 0; i < n; i++) values[i] = fabsf(values[i]) * 1e36f * (i % 3 ? 1 : -1);
    for (int i = 0; i < ag_parameter_set_count(nn_model_set(broken, 0)); i++) {
        const ag_parameter *p = ag_parameter_set_at(nn_model_set(broken, 0), i);
        float *variance = ag_parameter_values(p);
        for (int64_t k = 0; strstr(p->name, "moving_variance") && k < p->size; k++) variance[k] = 1;
    }
    cr_assert(dcgan_save(model, scratch_path(name), &error), "%s", error.text);
    dcgan_free(model);
}

Test(run, is_told_when_a_model_makes_what_is_not_finite) {
    save_overflowing(false, "bad generator");
    save_overflowing(true, "bad discriminator");
    cli_refuse(4, CLI_WORDS("'bad generator'", "generator"), "generate -m 'bad generator' -o a.png");
    cli_refuse(4, CLI_WORDS("'bad generator'", "generator"), "generate -m 'bad generator' -o a");
    cr_assert(mkdir(scratch_path("mine"), 0777) == 0);
    cli_refuse(4, CLI_WORDS("'bad generator'", "generator"), "generate -m 'bad generator' -o mine");
    cli_refuse(4, CLI_WORDS("'bad generator'", "generator"), "evaluate -m 'bad generator' --data images");
    cli_refuse(4, CLI_WORDS("'bad discriminator'", "discriminator"),
               "evaluate -m 'bad discriminator' --data images");
    cli_refuse(4, CLI_WORDS("'bad discriminator'", "discriminator"),
               "discriminate -m 'bad discriminator' --data images");
    cr_assert(access(scratch_path("a.png"), F_OK) != 0);
    cr_assert(access(scratch_path("a"), F_OK) != 0, "an empty folder is left");
    cr_assert(access(scratch_path("mine"), F_OK) == 0, "a folder that was there is gone");
}

Test(run, warns_when_it_goes_on_where_its_bits_may_differ) {
    cli_succeed("train " SMALL " --epochs 1 -o run");
    cr_assert_str_eq(cli_succeed("resume run --epochs 2")->err, "");
    setenv("AG_ISA", "scalar", 1);
    const cli_result *r = cli_succeed("resume run --epochs 3");
    cr_assert(strstr(r->err, "warning") && strstr(r->err, "scalar") && strstr(r->err, "OpenBLAS"), "%s",
              r->err);
}
