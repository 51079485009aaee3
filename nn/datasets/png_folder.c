// SPDX-License-Identifier: MIT
// A folder of PNG files, all of one size and channel count, in the byte order of their names.
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nn/dataset.h"
#include "nn/image.h"

// Hidden files are not counted: some systems leave companions such as "._x.png".
static int is_png(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot != entry->d_name && entry->d_name[0] != '.' && strcasecmp(dot, ".png") == 0;
}

// Not alphasort, whose order depends on the locale.
static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_names(struct dirent **names, int n) {
    for (int i = 0; i < n; i++) free(names[i]);
    free(names);
}

// A folder that cannot be read matches too: opening it will say why.
static bool matches(const char *path) {
    struct dirent **names = NULL;
    int n = scandir(path, &names, is_png, NULL);
    free_names(names, n);
    return n > 0 || (n < 0 && errno != ENOTDIR);
}

static bool same_size(const nn_dataset *dataset, const nn_image *image, const char *path, ag_error *error) {
    if (image->h == dataset->h && image->w == dataset->w && image->c == dataset->c) return true;
    return ag_fail(
        error, AG_STATUS_DATA,
        "'%s' is %lld x %lld x %lld; the folder's first image makes %lld x %lld x %lld (height, width, "
        "channels) the rule",
        path, (long long)image->h, (long long)image->w, (long long)image->c, (long long)dataset->h,
        (long long)dataset->w, (long long)dataset->c);
}

// The first image decides the size, and the set is allocated when it is known to be sound.
static bool add_image(nn_dataset **dataset, int64_t n, int64_t i, const nn_image *image, const char *path,
                      ag_error *error) {
    if (!*dataset) *dataset = nn_dataset_create(n, image->h, image->w, image->c, error);
    if (!*dataset || !same_size(*dataset, image, path, error)) return false;
    size_t size = (size_t)(image->h * image->w * image->c);
    memcpy((*dataset)->images + (size_t)i * size, image->pixels, size);
    return true;
}

static nn_dataset *load_all(const char *folder, struct dirent **names, int64_t n, ag_error *error) {
    nn_dataset *dataset = NULL;
    for (int64_t i = 0; i < n; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        nn_image *image = nn_image_load(path, error);
        bool ok = image && add_image(&dataset, n, i, image, path, error);
        nn_image_free(image);
        if (ok) continue;
        nn_dataset_free(dataset);
        return NULL;
    }
    return dataset;
}

static nn_dataset *open_folder(const char *path, const nn_dataset_params *params, ag_error *error) {
    if (params->labels) {
        ag_fail(error, AG_STATUS_DATA, "'%s' has no labels: it is a folder of PNG files", path);
        return NULL;
    }
    struct dirent **names = NULL;
    errno = 0;
    int n = scandir(path, &names, is_png, by_name);
    if (n <= 0)
        ag_fail(error, errno == ENOMEM ? AG_STATUS_MEMORY : AG_STATUS_DATA, "cannot read '%s': %s", path,
                n < 0 ? strerror(errno) : "no PNG files");
    nn_dataset *dataset = load_all(path, names, nn_dataset_limit(n, params), error);
    free_names(names, n);
    return dataset;
}

const nn_dataset_format nn_dataset_png_folder = {
    .name = "png_folder",
    .summary = "a folder of PNG files of one size",
    .matches = matches,
    .open = open_folder,
};
