// SPDX-License-Identifier: MIT
// Images chunk by chunk, into one picture or into a folder.
#include "apps/dcgan/drawing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/dcgan/live.h"
#include "apps/dcgan/path.h"
#include "apps/dcgan/text.h"

#define CHUNK DRAWING_CHUNK

typedef struct drawing {
    dcgan *model;
    const seed_list *list;
    nn_grid layout;
    const destination *to;
    drawing_memory memory;
    live line;
    double started;
} drawing;

static void show(drawing *d, int64_t done) {
    char line[256], a[TEXT_NUMBER], b[TEXT_NUMBER], left[TEXT_NUMBER];
    if (done == 0 || !live_due(&d->line)) return;
    const double rate = (double)done / (live_clock() - d->started);
    snprintf(line, sizeof line, "image %s of %s  %.0f images/s  %s left", text_count(done, a),
             text_count(d->list->n, b), rate, text_duration((double)(d->list->n - done) / rate, left));
    live_show(&d->line, line);
}

bool drawing_make(const drawing_memory *memory, dcgan *model, const uint64_t *seeds, int64_t n, uint8_t *out,
                  ag_error *error) {
    for (int64_t i = 0; i < n; i++) dcgan_seed_z(model, seeds[i], memory->z + i * dcgan_z_dim(model));
    if (!dcgan_generate(model, memory->z, n, memory->values, error)) return false;
    nn_image_quantize(memory->values, AG_F32, n * ag_shape_size(dcgan_image_shape(model)), 0, 1, out);
    return true;
}

bool drawing_memory_create(drawing_memory *memory, const dcgan *model, ag_error *error) {
    const int64_t size = ag_shape_size(dcgan_image_shape(model));
    memory->z = malloc((size_t)(CHUNK * dcgan_z_dim(model)) * sizeof *memory->z);
    memory->values = malloc((size_t)(CHUNK * size) * sizeof *memory->values);
    return (memory->z && memory->values) ||
           ag_fail(error, AG_STATUS_MEMORY, "no memory for %d images", CHUNK);
}

void drawing_memory_free(drawing_memory *memory) {
    free(memory->z);
    free(memory->values);
}

static int64_t image_bytes(const drawing *d) { return ag_shape_size(dcgan_image_shape(d->model)); }

static int64_t chunk_at(const drawing *d, int64_t first) {
    return d->list->n - first < CHUNK ? d->list->n - first : CHUNK;
}

// Images [h,w,c] of the list's seeds from `first` on, a chunk of them.
static bool make_chunk(drawing *d, int64_t first, uint8_t *out, ag_error *error) {
    show(d, first);
    return drawing_make(&d->memory, d->model, d->list->seeds + first, chunk_at(d, first), out, error);
}

static nn_image *lay_out(const drawing *d, const uint8_t *images, int64_t n, nn_grid layout,
                         ag_error *error) {
    const ag_shape s = dcgan_image_shape(d->model);
    return nn_image_grid(images, n, s.dim[0], s.dim[1], s.dim[2], layout, error);
}

static bool save_grid(const drawing *d, const uint8_t *images, int64_t n, nn_grid layout, const char *path,
                      ag_error *error) {
    nn_image *grid = lay_out(d, images, n, layout, error);
    const bool ok = grid && nn_image_save(grid, path, error);
    nn_image_free(grid);
    return ok;
}

// ---- one picture ----

// Laid out empty, so that a picture that is too large is known before its images are made.
static bool check_size(const drawing *d, ag_error *error) {
    ag_error why = {0};
    nn_image *empty = lay_out(d, (const uint8_t[]){0}, 0, d->layout, &why);
    nn_image_free(empty);
    return empty || ag_fail(error, why.status, "--output %s: %s", d->to->path, why.text);
}

static bool make_picture(drawing *d, uint8_t *images, ag_error *error) {
    for (int64_t first = 0; first < d->list->n; first += CHUNK) {
        if (!make_chunk(d, first, images + first * image_bytes(d), error)) return false;
    }
    return save_grid(d, images, d->list->n, d->layout, d->to->path, error);
}

static bool save_picture(drawing *d, ag_error *error) {
    char count[TEXT_NUMBER];
    if (!check_size(d, error)) return false;
    uint8_t *images = malloc((size_t)(d->list->n * image_bytes(d)));
    const bool ok = images ? make_picture(d, images, error)
                           : ag_fail(error, AG_STATUS_MEMORY, "no memory for %s",
                                     text_things(d->list->n, "image", count));
    free(images);
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
        snprintf(name, sizeof name, "%0*llu.png", width, (unsigned long long)d->list->seeds[first + i]);
        path_join(d->to->path, name, path);
        if (!save_grid(d, images + i * image_bytes(d), 1, (nn_grid){1, 1, 0}, path, error)) return false;
    }
    return true;
}

static bool save_chunks(drawing *d, ag_error *error) {
    uint8_t *images = malloc((size_t)(CHUNK * image_bytes(d)));
    const int width = name_width(d->list);
    bool ok = images || ag_fail(error, AG_STATUS_MEMORY, "no memory for %d images", CHUNK);
    for (int64_t first = 0; first < d->list->n && ok; first += CHUNK)
        ok = save_chunk(d, first, width, images, error);
    free(images);
    return ok;
}

// A folder made for nothing is removed again; one with pictures stays.
static bool save_folder(drawing *d, ag_error *error) {
    const bool made = mkdir(d->to->path, 0777) == 0;
    if (!made && errno != EEXIST)
        return ag_fail(error, AG_STATUS_OUTPUT, "cannot make the folder '%s': %s", d->to->path,
                       strerror(errno));
    const bool ok = save_chunks(d, error);
    if (!ok && made) rmdir(d->to->path);
    return ok;
}

static void report(const drawing *d) {
    char folder[PATH_MAX], count[TEXT_NUMBER];
    printf("%s: %s\n", d->to->picture ? d->to->path : path_join(d->to->path, "", folder),
           text_things(d->list->n, d->to->picture ? "image" : "picture", count));
}

bool drawing_run(dcgan *model, const seed_list *list, nn_grid layout, const destination *to,
                 ag_error *error) {
    drawing d = {.model = model, .list = list, .layout = layout, .to = to, .started = live_clock()};
    live_start(&d.line);
    bool ok = drawing_memory_create(&d.memory, model, error);
    ok = ok && (to->picture ? save_picture(&d, error) : save_folder(&d, error));
    live_clear(&d.line);
    if (ok) report(&d);
    drawing_memory_free(&d.memory);
    return ok;
}
