// SPDX-License-Identifier: MIT
// dcgan generate: images of numbered latent vectors, as one picture or as a picture each.
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/dcgan/command.h"
#include "apps/dcgan/seed_list.h"
#include "apps/dcgan/use.h"
#include "models/dcgan.h"
#include "nn/image.h"

#define CHUNK 128  // images made at a time
#define GAP 2      // pixels between the images of a grid
#define GRID_SIDE 1000

// ---- what is asked for ----

static bool read_grid(const char *text, nn_grid *grid, ag_error *error) {
    int rows, cols, end = 0;
    if (sscanf(text, "%4dx%4d%n", &rows, &cols, &end) != 2 || text[end] || rows < 1 || cols < 1 ||
        rows > GRID_SIDE || cols > GRID_SIDE)
        return ag_fail(error, AG_STATUS_USAGE,
                       "--grid %s: it must be rows x columns, each from 1 to %d, as 8x8", text, GRID_SIDE);
    *grid = (nn_grid){rows, cols, GAP};
    return true;
}

static bool read_seeds(const options *o, const nn_grid *grid, seed_list *list, ag_error *error) {
    const bool counted = options_given(o, OPTION_COUNT_IMAGES);
    const char *seeds = options_text(o, OPTION_SEEDS);
    *list = (seed_list){0};
    if (seeds && counted)
        return ag_fail(error, AG_STATUS_USAGE, "--seeds and --n both say which images; give one of them");
    if (seeds) return seed_list_parse(list, seeds, error);
    const bool from_grid = options_given(o, OPTION_GRID) && !counted;
    return seed_list_count(
        list, from_grid ? grid->rows * grid->cols : options_integer(o, OPTION_COUNT_IMAGES), error);
}

static bool is_picture(const char *path) {
    const size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".png") == 0;
}

static bool read_layout(const options *o, nn_grid *grid, seed_list *list, ag_error *error) {
    const bool given = options_given(o, OPTION_GRID);
    *list = (seed_list){0};
    if (given && !read_grid(options_text(o, OPTION_GRID), grid, error)) return false;
    if (given && !is_picture(options_text(o, OPTION_PICTURE)))
        return ag_fail(error, AG_STATUS_USAGE, "--grid needs one picture, but --output %s is no FILE.png",
                       options_text(o, OPTION_PICTURE));
    if (!read_seeds(o, grid, list, error)) return false;
    if (!given) {
        const int64_t cols = (int64_t)ceil(sqrt((double)list->n));
        *grid = (nn_grid){(list->n + cols - 1) / cols, cols, GAP};
    }
    return list->n <= grid->rows * grid->cols ||
           ag_fail(error, AG_STATUS_USAGE, "--grid %s: %lld images do not fit in",
                   options_text(o, OPTION_GRID), (long long)list->n);
}

// ---- images ----

// Images [n,h,w,c] of n seeds into out.
static bool make_images(dcgan *model, const uint64_t *seeds, int64_t n, uint8_t *out, ag_error *error) {
    const int64_t size = ag_shape_size(dcgan_image_shape(model)), z_dim = dcgan_z_dim(model);
    float *z = malloc((size_t)(CHUNK * z_dim) * sizeof *z),
          *values = malloc((size_t)(CHUNK * size) * sizeof *values);
    bool ok = (z && values) || ag_fail(error, AG_STATUS_MEMORY, "no memory for %d images", CHUNK);
    for (int64_t first = 0; first < n && ok; first += CHUNK) {
        const int64_t count = n - first < CHUNK ? n - first : CHUNK;
        for (int64_t i = 0; i < count; i++) dcgan_seed_z(model, seeds[first + i], z + i * z_dim);
        ok = dcgan_generate(model, z, count, values, error);
        if (ok) nn_image_quantize(values, AG_F32, count * size, 0, 1, out + first * size);
    }
    free(z);
    free(values);
    return ok;
}

static bool save_grid(const uint8_t *images, int64_t n, ag_shape s, nn_grid layout, const char *path,
                      ag_error *error) {
    nn_image *grid = nn_image_grid(images, n, s.dim[0], s.dim[1], s.dim[2], layout, error);
    const bool ok = grid && nn_image_save(grid, path, error);
    nn_image_free(grid);
    return ok;
}

static bool save_picture(dcgan *model, const seed_list *list, nn_grid layout, const char *path,
                         ag_error *error) {
    const ag_shape shape = dcgan_image_shape(model);
    uint8_t *images = malloc((size_t)(list->n * ag_shape_size(shape)));
    const bool ok =
        (images || ag_fail(error, AG_STATUS_MEMORY, "no memory for %lld images", (long long)list->n)) &&
        make_images(model, list->seeds, list->n, images, error) &&
        save_grid(images, list->n, shape, layout, path, error);
    free(images);
    if (ok) printf("%s: %lld images\n", path, (long long)list->n);
    return ok;
}

// Digits that the largest seed needs, at least 4.
static int name_width(const seed_list *list) {
    uint64_t largest = 9999;
    for (int64_t i = 0; i < list->n; i++) largest = list->seeds[i] > largest ? list->seeds[i] : largest;
    return snprintf(NULL, 0, "%llu", (unsigned long long)largest);
}

static bool save_each(dcgan *model, const seed_list *list, const char *folder, uint8_t *images,
                      ag_error *error) {
    const ag_shape shape = dcgan_image_shape(model);
    const int64_t size = ag_shape_size(shape);
    const int width = name_width(list);
    char path[PATH_MAX];
    for (int64_t first = 0; first < list->n; first += CHUNK) {
        const int64_t count = list->n - first < CHUNK ? list->n - first : CHUNK;
        if (!make_images(model, list->seeds + first, count, images, error)) return false;
        for (int64_t i = 0; i < count; i++) {
            snprintf(path, sizeof path, "%s/%0*llu.png", folder, width,
                     (unsigned long long)list->seeds[first + i]);
            if (!save_grid(images + i * size, 1, shape, (nn_grid){1, 1, 0}, path, error)) return false;
        }
    }
    printf("%s/: %lld pictures\n", folder, (long long)list->n);
    return true;
}

static bool save_folder(dcgan *model, const seed_list *list, const char *folder, ag_error *error) {
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return ag_fail(error, AG_STATUS_OUTPUT, "cannot make the folder '%s': %s", folder, strerror(errno));
    uint8_t *images = malloc((size_t)(CHUNK * ag_shape_size(dcgan_image_shape(model))));
    const bool ok = images ? save_each(model, list, folder, images, error)
                           : ag_fail(error, AG_STATUS_MEMORY, "no memory for %d images", CHUNK);
    free(images);
    return ok;
}

static exit_code run(const options *o, ag_error *error) {
    nn_grid layout = {0};
    seed_list list;
    const char *path = options_text(o, OPTION_PICTURE);
    dcgan *model = read_layout(o, &layout, &list, error) ? use_model(o, error) : NULL;
    if (model && is_picture(path))
        save_picture(model, &list, layout, path, error);
    else if (model)
        save_folder(model, &list, path, error);
    dcgan_free(model);
    free(list.seeds);
    return EXIT_OK;
}

const command command_generate = {
    .name = "generate",
    .summary = "Draw images with a trained generator",
    .options = (const option_id[]){OPTION_MODEL, OPTION_COUNT_IMAGES, OPTION_SEEDS, OPTION_GRID,
                                   OPTION_PICTURE, OPTION_THREADS, OPTION_END},
    .run = run,
};
