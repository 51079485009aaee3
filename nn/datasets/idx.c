// SPDX-License-Identifier: MIT
// The IDX files of MNIST and Fashion-MNIST, plain or gzip: bytes 0 0 type rank, the dimensions as big-endian
// 32-bit numbers, then the values, and nothing else. (Y. LeCun's MNIST page, "The IDX file format".)
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "nn/dataset.h"
#include "nn/gzip.h"
#include "nn/image.h"
#include "nn/number.h"

#define UNSIGNED_BYTE 0x08
#define TRAIN_IMAGES "train-images-idx3-ubyte"

struct header {
    int rank;
    int64_t dim[4];
};

static bool check_magic(const uint8_t *magic, const char *path, int low, int high, ag_error *error) {
    if (magic[0] != 0 || magic[1] != 0)
        return ag_fail(error, AG_STATUS_DATA,
                       "'%s' is not an IDX file: it starts with bytes %02x %02x, not 00 00", path, magic[0],
                       magic[1]);
    if (magic[2] != UNSIGNED_BYTE)
        return ag_fail(error, AG_STATUS_DATA,
                       "'%s' holds IDX values of type 0x%02x; unsigned bytes, 0x08, are read", path,
                       magic[2]);
    if (magic[3] < low || magic[3] > high)
        return ag_fail(error, AG_STATUS_DATA, "'%s' has %d dimension%s; %d to %d are expected", path,
                       magic[3], nn_plural(magic[3]), low, high);
    return true;
}

// Absent dimensions are 1, so that [N,H,W] is [N,H,W,1] and labels [N] are [N,1,1,1].
static bool read_header(nn_gzip *gzip, const char *path, int low, int high, struct header *header,
                        ag_error *error) {
    uint8_t bytes[4];
    if (!nn_gzip_read(gzip, bytes, 4, error) || !check_magic(bytes, path, low, high, error)) return false;
    *header = (struct header){bytes[3], {1, 1, 1, 1}};
    for (int i = 0; i < header->rank; i++) {
        if (!nn_gzip_read(gzip, bytes, 4, error)) return false;
        header->dim[i] = (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
        if (header->dim[i] == 0) return ag_fail(error, AG_STATUS_DATA, "'%s': dimension %d is 0", path, i);
    }
    return true;
}

static bool check_sides(const struct header *header, const char *path, ag_error *error) {
    const int64_t h = header->dim[1], w = header->dim[2], c = header->dim[3];
    if (h <= NN_IMAGE_SIDE && w <= NN_IMAGE_SIDE && (c == 1 || c == 3)) return true;
    return ag_fail(
        error, AG_STATUS_DATA,
        "'%s' has images of %lld x %lld pixels and %lld channel%s; sides are 1 to %d, channels 1 or 3", path,
        (long long)h, (long long)w, (long long)c, nn_plural(c), NN_IMAGE_SIDE);
}

// Before anything is allocated: the announced bytes must be able to come out of this file.
static bool check_size(const nn_gzip *gzip, const struct header *header, const char *path, ag_error *error) {
    int64_t bytes = 4 + 4 * header->rank, values = 1;
    bool overflow = false;
    for (int i = 0; i < 4; i++) overflow |= __builtin_mul_overflow(values, header->dim[i], &values);
    overflow |= __builtin_add_overflow(bytes, values, &bytes);
    if (!overflow && bytes <= nn_gzip_capacity(gzip)) return true;
    return ag_fail(error, AG_STATUS_DATA,
                   "'%s' announces %lld x %lld x %lld x %lld values, but can hold at most %lld bytes", path,
                   (long long)header->dim[0], (long long)header->dim[1], (long long)header->dim[2],
                   (long long)header->dim[3], (long long)nn_gzip_capacity(gzip));
}

// Values beyond a limit are read all the same: only so are the length and gzip's checksum known to be right.
static bool drain(nn_gzip *gzip, int64_t n, ag_error *error) {
    uint8_t bytes[1 << 14];
    while (n > 0) {
        int64_t step = n < (int64_t)sizeof bytes ? n : (int64_t)sizeof bytes;
        if (!nn_gzip_read(gzip, bytes, (size_t)step, error)) return false;
        n -= step;
    }
    return nn_gzip_end(gzip, error);
}

// *total is the number of images in the file, those beyond the limit included.
static nn_dataset *read_images(nn_gzip *gzip, const char *path, const nn_dataset_params *params,
                               int64_t *total, ag_error *error) {
    struct header header;
    if (!read_header(gzip, path, 3, 4, &header, error) || !check_sides(&header, path, error) ||
        !check_size(gzip, &header, path, error))
        return NULL;
    const int64_t *dim = header.dim, image = dim[1] * dim[2] * dim[3], n = nn_dataset_limit(dim[0], params);
    *total = dim[0];
    nn_dataset *dataset = nn_dataset_create(n, dim[1], dim[2], dim[3], error);
    if (dataset && nn_gzip_read(gzip, dataset->images, (size_t)(n * image), error) &&
        drain(gzip, (dim[0] - n) * image, error))
        return dataset;
    nn_dataset_free(dataset);
    return NULL;
}

static bool read_labels(nn_gzip *gzip, const char *path, int64_t total, nn_dataset *dataset,
                        ag_error *error) {
    struct header header;
    if (!read_header(gzip, path, 1, 1, &header, error) || !check_size(gzip, &header, path, error))
        return false;
    if (header.dim[0] != total)
        return ag_fail(error, AG_STATUS_DATA, "'%s' has %lld label%s for %lld image%s", path,
                       (long long)header.dim[0], nn_plural(header.dim[0]), (long long)total,
                       nn_plural(total));
    dataset->labels = malloc((size_t)dataset->n);
    if (!dataset->labels) return ag_fail(error, AG_STATUS_MEMORY, "no memory for the labels in '%s'", path);
    return nn_gzip_read(gzip, dataset->labels, (size_t)dataset->n, error) &&
           drain(gzip, header.dim[0] - dataset->n, error);
}

static bool open_labels(const char *path, int64_t total, nn_dataset *dataset, ag_error *error) {
    nn_gzip *gzip = nn_gzip_open(path, error);
    bool ok = gzip && read_labels(gzip, path, total, dataset, error);
    nn_gzip_free(gzip);
    return ok;
}

static bool is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

// "FOLDER/NAME.gz" or "FOLDER/NAME", whichever is a file, into path; false when neither is.
static bool find_in_folder(const char *folder, const char *name, char path[PATH_MAX]) {
    int n = snprintf(path, PATH_MAX, "%s/%s.gz", folder, name);
    if (n < 0 || n >= PATH_MAX) return false;
    if (is_file(path)) return true;
    path[n - 3] = '\0';
    return is_file(path);
}

static bool matches(const char *path) {
    char inside[PATH_MAX];
    return find_in_folder(path, TRAIN_IMAGES, inside) || is_file(path);
}

// The labels' file beside the images' one: "images-idx3" becomes "labels-idx1". False when the name says
// nothing.
static bool labels_path(const char *images, char path[PATH_MAX]) {
    const char *slash = strrchr(images, '/');
    const char *at = strstr(slash ? slash : images, "images-idx3");
    if (!at) return false;
    int n =
        snprintf(path, PATH_MAX, "%.*slabels-idx1%s", (int)(at - images), images, at + strlen("images-idx3"));
    return n >= 0 && n < PATH_MAX;
}

static bool add_labels(const char *images, int64_t total, nn_dataset *dataset, ag_error *error) {
    char path[PATH_MAX];
    if (labels_path(images, path)) return open_labels(path, total, dataset, error);
    return ag_fail(error, AG_STATUS_DATA, "'%s' has no labels: its name does not say where they are", images);
}

static nn_dataset *open_file(const char *path, const nn_dataset_params *params, ag_error *error) {
    nn_gzip *gzip = nn_gzip_open(path, error);
    int64_t total = 0;
    nn_dataset *dataset = gzip ? read_images(gzip, path, params, &total, error) : NULL;
    nn_gzip_free(gzip);
    if (!dataset || !params->labels || add_labels(path, total, dataset, error)) return dataset;
    nn_dataset_free(dataset);
    return NULL;
}

static nn_dataset *open_path(const char *path, const nn_dataset_params *params, ag_error *error) {
    char inside[PATH_MAX];
    return open_file(find_in_folder(path, TRAIN_IMAGES, inside) ? inside : path, params, error);
}

const nn_dataset_format nn_dataset_idx = {
    .name = "idx",
    .summary = "an IDX file or a folder with " TRAIN_IMAGES "[.gz]",
    .matches = matches,
    .open = open_path,
};
