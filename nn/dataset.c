// SPDX-License-Identifier: MIT
// The table of data set formats, and what all sets have in common: memory, digest, gathering.
#include "nn/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/memory.h"
#include "nn/given.h"
#include "nn/image.h"

#define NN_DATASET_FILE(name) extern const nn_dataset_format nn_dataset_##name;
#include "nn/dataset_list.def"
#undef NN_DATASET_FILE

static const nn_dataset_format *const formats[] = {
#define NN_DATASET_FILE(name) &nn_dataset_##name,
#include "nn/dataset_list.def"
#undef NN_DATASET_FILE
};

const nn_dataset_format *nn_dataset_format_at(int i) {
    return i >= 0 && i < (int)(sizeof formats / sizeof *formats) ? formats[i] : NULL;
}

int64_t nn_dataset_limit(int64_t n, const nn_dataset_params *params) {
    return params->limit > 0 && params->limit < n ? params->limit : n;
}

static bool sizes_valid(int64_t n, int64_t h, int64_t w, int64_t c) {
    return n > 0 && n <= UINT32_MAX && h > 0 && h <= NN_IMAGE_SIDE && w > 0 && w <= NN_IMAGE_SIDE &&
           (c == 1 || c == 3);
}

nn_dataset *nn_dataset_create(int64_t n, int64_t h, int64_t w, int64_t c, ag_error *error) {
    if (!sizes_valid(n, h, w, c)) {
        ag_fail(
            error, AG_STATUS_USAGE,
            "a data set of %lld images of %lld x %lld x %lld: there are 1 to %lld images, sides are 1 to %d, "
            "channels 1 or 3",
            (long long)n, (long long)h, (long long)w, (long long)c, (long long)UINT32_MAX, NN_IMAGE_SIDE);
        return NULL;
    }
    nn_dataset *dataset = calloc(1, sizeof *dataset);
    if (dataset)
        *dataset = (nn_dataset){strdup(""), n, h, w, c, calloc((size_t)n, (size_t)(h * w * c)), NULL};
    if (dataset && dataset->path && dataset->images) {
        ag_memory_prefer_huge(dataset->images, n * h * w * c);
        return dataset;
    }
    ag_fail(error, AG_STATUS_MEMORY, "no memory for %lld images of %lld x %lld x %lld", (long long)n,
            (long long)h, (long long)w, (long long)c);
    nn_dataset_free(dataset);
    return NULL;
}

void nn_dataset_free(nn_dataset *dataset) {
    if (!dataset) return;
    free(dataset->path);
    free(dataset->images);
    free(dataset->labels);
    free(dataset);
}

static const nn_dataset_format *find_format(const char *path) {
    int i = 0;
    while (nn_dataset_format_at(i) && !nn_dataset_format_at(i)->matches(path)) i++;
    return nn_dataset_format_at(i);
}

// "an IDX file, or a folder of PNG files", from the formats' summaries.
static void list_summaries(char *text, size_t room) {
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; nn_dataset_format_at(i) && at < room; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%s", i > 0 ? ", or " : "",
                               nn_dataset_format_at(i)->summary);
}

static bool path_readable(const char *path, ag_error *error) {
    struct stat info;
    return stat(path, &info) == 0 ||
           ag_fail(error, AG_STATUS_DATA, "cannot read data set '%s': %s", path, strerror(errno));
}

static nn_dataset *open_as(const nn_dataset_format *format, const char *path, const nn_dataset_params *params,
                           ag_error *error) {
    nn_dataset *dataset = format->open(path, params, error);
    char *copy = dataset ? strdup(path) : NULL;
    if (!copy) {
        if (dataset) ag_fail(error, AG_STATUS_MEMORY, "no memory for the path '%s'", path);
        nn_dataset_free(dataset);
        return NULL;
    }
    free(dataset->path);
    dataset->path = copy;
    return dataset;
}

nn_dataset *nn_dataset_open(const char *path, const nn_dataset_params *params, ag_error *error) {
    if (!NN_GIVEN(path, "path", error)) return NULL;
    static const nn_dataset_params defaults;
    if (!params) params = &defaults;
    if (params->limit < 0) {
        ag_fail(error, AG_STATUS_USAGE, "a limit of %lld images: it is 0 (all) or positive",
                (long long)params->limit);
        return NULL;
    }
    if (!path_readable(path, error)) return NULL;
    const nn_dataset_format *format = find_format(path);
    if (format) return open_as(format, path, params, error);
    char summaries[512];
    list_summaries(summaries, sizeof summaries);
    ag_fail(error, AG_STATUS_DATA, "'%s' is no data set: it must be %s", path, summaries);
    return NULL;
}

bool nn_dataset_digest(const nn_dataset *dataset, char *text, ag_error *error) {
    if (!NN_GIVEN(dataset, "dataset", error) || !NN_GIVEN(text, "text", error) ||
        !NN_GIVEN(dataset->images, "dataset->images", error))
        return false;
    nn_digest *digest = nn_digest_create();
    if (!digest) return ag_fail(error, AG_STATUS_MEMORY, "no memory for a digest");
    const int64_t sizes[] = {dataset->n, dataset->h, dataset->w, dataset->c};
    nn_digest_append(digest, sizes, sizeof sizes);
    nn_digest_append(digest, dataset->images, (size_t)(dataset->n * dataset->h * dataset->w * dataset->c));
    nn_digest_format(digest, text);
    nn_digest_free(digest);
    return true;
}

static bool indices_valid(const nn_dataset *dataset, const uint32_t *indices, int64_t n, ag_error *error) {
    for (int64_t i = 0; i < n; i++)
        if (indices[i] >= dataset->n)
            return ag_fail(error, AG_STATUS_USAGE, "image %lu of '%s': it has images 0 to %lld",
                           (unsigned long)indices[i], dataset->path, (long long)dataset->n - 1);
    return true;
}

// The scaling runs in the type of the result, as NumPy's float32 arithmetic does; 256 values serve every
// pixel.
static void gather_f32(const nn_dataset *dataset, const uint32_t *indices, int64_t n, float *out) {
    float scaled[256];
    for (int v = 0; v < 256; v++) scaled[v] = ((float)v - 127.5f) / 127.5f;
    const int64_t size = dataset->h * dataset->w * dataset->c;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *image = dataset->images + indices[i] * size;
        for (int64_t k = 0; k < size; k++) out[i * size + k] = scaled[image[k]];
    }
}

static void gather_f64(const nn_dataset *dataset, const uint32_t *indices, int64_t n, double *out) {
    const int64_t size = dataset->h * dataset->w * dataset->c;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *image = dataset->images + indices[i] * size;
        for (int64_t k = 0; k < size; k++) out[i * size + k] = (image[k] - 127.5) / 127.5;
    }
}

bool nn_dataset_gather(const nn_dataset *dataset, const uint32_t *indices, int64_t n, ag_dtype dtype,
                       void *out, ag_error *error) {
    if (!NN_GIVEN(dataset, "dataset", error) || !NN_GIVEN(dataset->images, "dataset->images", error) ||
        (n > 0 && (!NN_GIVEN(indices, "indices", error) || !NN_GIVEN(out, "out", error))))
        return false;
    if (!indices_valid(dataset, indices, n, error)) return false;
    if (dtype == AG_F64)
        gather_f64(dataset, indices, n, out);
    else
        gather_f32(dataset, indices, n, out);
    return true;
}
