// SPDX-License-Identifier: MIT
// dcgan generate: images of numbered latent vectors, as one picture or as a picture each.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/dcgan/command.h"
#include "apps/dcgan/destination.h"
#include "apps/dcgan/live.h"
#include "apps/dcgan/path.h"
#include "apps/dcgan/seed_list.h"
#include "apps/dcgan/text.h"
#include "apps/dcgan/use.h"
#include "models/dcgan.h"
#include "nn/image.h"

#define CHUNK 128  // images made at a time
#define GAP 2      // pixels between the images of a grid
#define GRID_SIDE 1000

typedef struct drawing {
    dcgan *model;
    seed_list list;
    nn_grid layout;
    destination to;
    live line;
    double started;
    float *z, *values;  // of a chunk: latent vectors and images
} drawing;

// ---- what is asked for ----

static bool read_grid(const char *text, nn_grid *grid, ag_error *error) {
    int rows, cols, end = 0;
    // The digits alone: what sscanf skips or takes besides is no part of a number.
    if (text[strspn(text, "0123456789x")] || sscanf(text, "%4dx%4d%n", &rows, &cols, &end) != 2 ||
        text[end] || rows < 1 || cols < 1 || rows > GRID_SIDE || cols > GRID_SIDE)
        return ag_fail(error, AG_STATUS_USAGE,
                       "--grid %s: it must be rows x columns, each from 1 to %d, as 8x8", text, GRID_SIDE);
    *grid = (nn_grid){rows, cols, GAP};
    return true;
}

static bool read_seeds(const options *o, const nn_grid *grid, seed_list *list, ag_error *error) {
    const bool counted = options_given(o, OPTION_COUNT_IMAGES);
    const char *seeds = options_text(o, OPTION_SEEDS);
    if (seeds && counted)
        return ag_fail(error, AG_STATUS_USAGE, "--seeds and --n both say which images; give one of them");
    if (seeds) return seed_list_parse(list, seeds, error);
    const bool from_grid = options_given(o, OPTION_GRID) && !counted;
    return seed_list_count(
        list, from_grid ? grid->rows * grid->cols : options_integer(o, OPTION_COUNT_IMAGES), error);
}

static nn_grid about_square(int64_t n) {
    const int64_t cols = (int64_t)ceil(sqrt((double)n));
    return (nn_grid){(n + cols - 1) / cols, cols, GAP};
}

static bool read_options(drawing *d, const options *o, ag_error *error) {
    const char *grid = options_text(o, OPTION_GRID), *path = options_text(o, OPTION_PICTURE);
    char images[TEXT_NUMBER];
    if (!destination_read(&d->to, path, error) || (grid && !read_grid(grid, &d->layout, error))) return false;
    if (grid && !d->to.picture)
        return ag_fail(error, AG_STATUS_USAGE, "--grid needs one picture, but --output %s is no FILE.png",
                       path);
    if (!read_seeds(o, &d->layout, &d->list, error)) return false;
    if (!grid) d->layout = about_square(d->list.n);
    const int64_t n = d->list.n, most = d->layout.rows * d->layout.cols;
    return n <= most || ag_fail(error, AG_STATUS_USAGE, "--grid %s: it has no room for %s", grid,
                                text_things(n, "image", images));
}

// ---- images ----

static void show(drawing *d, int64_t done) {
    char line[256], a[TEXT_NUMBER], b[TEXT_NUMBER], left[TEXT_NUMBER];
    if (done == 0 || !live_due(&d->line)) return;
    const double rate = (double)done / (live_clock() - d->started);
    snprintf(line, sizeof line, "image %s of %s  %.0f images/s  %s left", text_count(done, a),
             text_count(d->list.n, b), rate, text_duration((double)(d->list.n - done) / rate, left));
    live_show(&d->line, line);
}

static int64_t image_bytes(const drawing *d) { return ag_shape_size(dcgan_image_shape(d->model)); }

static int64_t chunk_at(const drawing *d, int64_t first) {
    return d->list.n - first < CHUNK ? d->list.n - first : CHUNK;
}

// Images [h,w,c] of the list's seeds from `first` on, a chunk of them.
static bool make_chunk(drawing *d, int64_t first, uint8_t *out, ag_error *error) {
    const int64_t n = chunk_at(d, first), z_dim = dcgan_z_dim(d->model);
    show(d, first);
    for (int64_t i = 0; i < n; i++) dcgan_seed_z(d->model, d->list.seeds[first + i], d->z + i * z_dim);
    if (!dcgan_generate(d->model, d->z, n, d->values, error)) return false;
    nn_image_quantize(d->values, AG_F32, n * image_bytes(d), 0, 1, out);
    return true;
}

static bool save_grid(const drawing *d, const uint8_t *images, int64_t n, nn_grid layout, const char *path,
                      ag_error *error) {
    const ag_shape s = dcgan_image_shape(d->model);
    nn_image *grid = nn_image_grid(images, n, s.dim[0], s.dim[1], s.dim[2], layout, error);
    const bool ok = grid && (n == 0 || nn_image_save(grid, path, error));
    nn_image_free(grid);
    return ok;
}

// ---- one picture ----

// Tried without images, so that a picture that is too large is known before they are made.
static bool check_size(const drawing *d, ag_error *error) {
    ag_error why = {0};
    return save_grid(d, NULL, 0, d->layout, d->to.path, &why) ||
           ag_fail(error, why.status, "--output %s: %s", d->to.path, why.text);
}

static bool make_picture(drawing *d, uint8_t *images, ag_error *error) {
    for (int64_t first = 0; first < d->list.n; first += CHUNK) {
        if (!make_chunk(d, first, images + first * image_bytes(d), error)) return false;
    }
    return save_grid(d, images, d->list.n, d->layout, d->to.path, error);
}

static bool save_picture(drawing *d, ag_error *error) {
    char count[TEXT_NUMBER];
    if (!check_size(d, error)) return false;
    text_things(d->list.n, "image", count);
    uint8_t *images = malloc((size_t)(d->list.n * image_bytes(d)));
    const bool ok =
        images ? make_picture(d, images, error) : ag_fail(error, AG_STATUS_MEMORY, "no memory for %s", count);
    free(images);
    live_clear(&d->line);
    if (ok) printf("%s: %s\n", d->to.path, count);
    return ok;
}

// ---- a picture of each ----

// Digits that the largest seed needs, at least 4.
static int name_width(const seed_list *list) {
    uint64_t largest = 9999;
    for (int64_t i = 0; i < list->n; i++) largest = list->seeds[i] > largest ? list->seeds[i] : largest;
    return snprintf(NULL, 0, "%llu", (unsigned long long)largest);
}

static bool save_chunk(drawing *d, int64_t first, int width, uint8_t *images, ag_error *error) {
    char name[64], path[PATH_MAX];
    if (!make_chunk(d, first, images, error)) return false;
    for (int64_t i = 0; i < chunk_at(d, first); i++) {
        snprintf(name, sizeof name, "%0*llu.png", width, (unsigned long long)d->list.seeds[first + i]);
        path_join(d->to.path, name, path);
        if (!save_grid(d, images + i * image_bytes(d), 1, (nn_grid){1, 1, 0}, path, error)) return false;
    }
    return true;
}

static bool save_folder(drawing *d, ag_error *error) {
    char folder[PATH_MAX], count[TEXT_NUMBER];
    if (mkdir(d->to.path, 0777) != 0 && errno != EEXIST)
        return ag_fail(error, AG_STATUS_OUTPUT, "cannot make the folder '%s': %s", d->to.path,
                       strerror(errno));
    uint8_t *images = malloc((size_t)(CHUNK * image_bytes(d)));
    const int width = name_width(&d->list);
    bool ok = images || ag_fail(error, AG_STATUS_MEMORY, "no memory for %d images", CHUNK);
    for (int64_t first = 0; first < d->list.n && ok; first += CHUNK)
        ok = save_chunk(d, first, width, images, error);
    free(images);
    live_clear(&d->line);
    if (ok) printf("%s: %s\n", path_join(d->to.path, "", folder), text_things(d->list.n, "picture", count));
    return ok;
}

static bool prepare(drawing *d, const options *o, ag_error *error) {
    if (!read_options(d, o, error)) return false;
    d->model = use_model(o, error);
    if (!d->model) return false;
    d->z = malloc((size_t)(CHUNK * dcgan_z_dim(d->model)) * sizeof *d->z);
    d->values = malloc((size_t)(CHUNK * image_bytes(d)) * sizeof *d->values);
    live_start(&d->line);
    d->started = live_clock();
    return (d->z && d->values) || ag_fail(error, AG_STATUS_MEMORY, "no memory for %d images", CHUNK);
}

static exit_code run(const options *o, ag_error *error) {
    drawing d = {0};
    if (prepare(&d, o, error)) d.to.picture ? save_picture(&d, error) : save_folder(&d, error);
    dcgan_free(d.model);
    free(d.list.seeds);
    free(d.z);
    free(d.values);
    return EXIT_OK;
}

const command command_generate = {
    .name = "generate",
    .summary = "Draw images with a trained generator",
    .options = (const option_id[]){OPTION_MODEL, OPTION_COUNT_IMAGES, OPTION_SEEDS, OPTION_GRID,
                                   OPTION_PICTURE, OPTION_THREADS, OPTION_END},
    .run = run,
};
