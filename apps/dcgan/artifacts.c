// SPDX-License-Identifier: MIT
// Writing a run's tables, pictures and charts.
#include "apps/dcgan/artifacts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/dcgan/chart.h"
#include "apps/dcgan/text.h"
#include "nn/file.h"
#include "nn/image.h"

#define GRID_ROWS 4
#define GRID_COLS 8
#define GRID_GAP 2

// ---- tables ----

static void write_row(FILE *out, const gan_epoch *row) {
    const double columns[] = {row->g_loss, row->d_loss, row->d_accuracy, row->prob_fake, row->prob_real};
    char text[TEXT_NUMBER];
    fprintf(out, "%lld,%lld", (long long)row->epoch, (long long)row->iteration);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        fprintf(out, ",%s", text_double(columns[i], text));
    fputc('\n', out);
}

bool artifacts_save_log(const run_dir *run, const gan_history *history, ag_error *error) {
    char path[PATH_MAX], *text = NULL;
    size_t n = 0;
    run_dir_file(run, "log.csv", path);
    FILE *out = open_memstream(&text, &n);
    if (!out) return ag_fail(error, AG_STATUS_MEMORY, "no memory for '%s'", path);
    fputs("epoch,iteration,g_loss,d_loss,d_accuracy,prob_fake,prob_real\n", out);
    for (int64_t i = 0; i < history->n; i++) write_row(out, &history->rows[i]);
    const bool ok = fclose(out) == 0 && text ? nn_file_save(path, text, n, error)
                                             : ag_fail(error, AG_STATUS_MEMORY, "no memory for '%s'", path);
    free(text);
    return ok;
}

bool artifacts_add_time(const run_dir *run, int64_t epoch, int64_t iterations, double seconds,
                        ag_error *error) {
    char path[PATH_MAX];
    FILE *out = fopen(run_dir_file(run, "timing.csv", path), "a");
    if (!out) return ag_fail(error, AG_STATUS_OUTPUT, "cannot write '%s': %s", path, strerror(errno));
    if (ftell(out) == 0) fputs("epoch,iterations,seconds\n", out);
    fprintf(out, "%lld,%lld,%.3f\n", (long long)epoch, (long long)iterations, seconds);
    return fclose(out) == 0 ||
           ag_fail(error, AG_STATUS_OUTPUT, "cannot write '%s': %s", path, strerror(errno));
}

// ---- pictures ----

static bool save_grid(const char *path, const uint8_t *images, int64_t n, ag_shape image, ag_error *error) {
    const nn_grid layout = {GRID_ROWS, GRID_COLS, GRID_GAP};
    nn_image *grid = nn_image_grid(images, n, image.dim[0], image.dim[1], image.dim[2], layout, error);
    const bool ok = grid && nn_image_save(grid, path, error);
    nn_image_free(grid);
    return ok;
}

bool artifacts_save_reals(const run_dir *run, const nn_dataset *data, ag_error *error) {
    const int64_t n = data->n < GRID_ROWS * GRID_COLS ? data->n : GRID_ROWS * GRID_COLS;
    char path[PATH_MAX];
    return save_grid(run_dir_file(run, "reals.png", path), data->images, n,
                     AG_SHAPE(data->h, data->w, data->c), error);
}

static char *fakes_path(const run_dir *run, int64_t epoch, char text[PATH_MAX]) {
    char name[64];
    snprintf(name, sizeof name, "fakes-e%04lld.png", (long long)epoch);
    return run_dir_file(run, name, text);
}

bool artifacts_save_fakes(const run_dir *run, dcgan *model, int64_t epoch, ag_error *error) {
    const ag_shape image = dcgan_image_shape(model);
    const int64_t size = DCGAN_FIXED * ag_shape_size(image);
    char path[PATH_MAX];
    fakes_path(run, epoch, path);
    float *values = malloc((size_t)size * sizeof *values);
    uint8_t *bytes = malloc((size_t)size);
    bool ok = (values && bytes) || ag_fail(error, AG_STATUS_MEMORY, "no memory for '%s'", path);
    ok = ok && dcgan_generate(model, dcgan_fixed_z(model), DCGAN_FIXED, values, error);
    if (ok) nn_image_quantize(values, AG_F32, size, 0, 1, bytes);
    ok = ok && save_grid(path, bytes, DCGAN_FIXED, image, error);
    free(values);
    free(bytes);
    return ok;
}

bool artifacts_have_reals(const run_dir *run) {
    char path[PATH_MAX];
    return access(run_dir_file(run, "reals.png", path), F_OK) == 0;
}

bool artifacts_have_fakes(const run_dir *run, int64_t epoch) {
    char path[PATH_MAX];
    return access(fakes_path(run, epoch, path), F_OK) == 0;
}

bool artifacts_remove_fakes(const run_dir *run, int64_t epoch, ag_error *error) {
    char path[PATH_MAX];
    return unlink(fakes_path(run, epoch, path)) == 0 || errno == ENOENT ||
           ag_fail(error, AG_STATUS_OUTPUT, "cannot remove '%s': %s", path, strerror(errno));
}

// ---- charts ----

static bool save_chart(const run_dir *run, const char *name, const chart *c, ag_error *error) {
    char png[PATH_MAX], svg[PATH_MAX], file[64];
    snprintf(file, sizeof file, "%s.png", name);
    run_dir_file(run, file, png);
    snprintf(file, sizeof file, "%s.svg", name);
    return chart_save(c, png, run_dir_file(run, file, svg), error);
}

bool artifacts_save_charts(const run_dir *run, const gan_history *history, ag_error *error) {
    const gan_epoch *r = history->rows;
    const size_t stride = sizeof *r;
    if (history->n == 0) return true;
    const chart losses = {
        .title = "Losses",
        .n = history->n,
        .n_lines = 2,
        .lines = {{"discriminator", &r->d_loss, stride}, {"generator", &r->g_loss, stride}}};
    const chart accuracy = {.title = "Accuracy of the discriminator",
                            .high = 1,
                            .n = history->n,
                            .n_lines = 1,
                            .lines = {{"real and fake", &r->d_accuracy, stride}}};
    const chart probabilities = {
        .title = "Probability of being real",
        .high = 1,
        .n = history->n,
        .n_lines = 2,
        .lines = {{"real images", &r->prob_real, stride}, {"fake images", &r->prob_fake, stride}}};
    return save_chart(run, "losses", &losses, error) && save_chart(run, "accuracy", &accuracy, error) &&
           save_chart(run, "probabilities", &probabilities, error);
}
