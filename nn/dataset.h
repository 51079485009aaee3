// SPDX-License-Identifier: MIT
// Image sets: read whole into memory as bytes, gathered into scaled batches. Also the contract of the files
// in datasets/, each of which knows one way that sets are stored.
#pragma once

#include "autograd/check.h"
#include "autograd/tensor.h"
#include "nn/digest.h"

typedef struct nn_dataset {
    char *path;          // as opened; empty when made in memory
    int64_t n, h, w, c;  // c is 1 or 3; n fits 32 bits
    uint8_t *images;     // [n,h,w,c]
    uint8_t *labels;     // [n], or NULL
} nn_dataset;

typedef struct nn_dataset_params {
    int64_t limit;  // keep the first `limit` images; 0 or more than there are: all
    bool labels;    // read the labels too, and fail when there are none
} nn_dataset_params;

// Opens what lies at path:
//   * a folder with train-images-idx3-ubyte[.gz], labels in train-labels-idx1-ubyte: the names of MNIST and
//     Fashion-MNIST;
//   * an IDX file, plain or gzip: unsigned bytes, [N,H,W] or [N,H,W,C]; labels beside it, "images-idx3" read
//     as "labels-idx1";
//   * a folder of PNG files, all of one size, in the byte order of their names.
// params may be NULL. AG_STATUS_DATA, naming the file, the value and the rule, for anything missing or
// malformed. The caller frees the result.
AG_API nn_dataset *nn_dataset_open(const char *path, const nn_dataset_params *params, ag_error *error);

// n black images, to be filled by the caller, who frees the set. AG_STATUS_USAGE when a size is out of range.
AG_API nn_dataset *nn_dataset_create(int64_t n, int64_t h, int64_t w, int64_t c, ag_error *error);
AG_API void nn_dataset_free(nn_dataset *dataset);  // NULL is fine

// Digest of sizes and images (not of labels or names) into text (NN_DIGEST_TEXT bytes); false when memory
// runs out.
AG_API bool nn_dataset_digest(const nn_dataset *dataset, char *text, ag_error *error);

// out[i,:] = (images[indices[i],:] - 127.5) / 127.5, in [-1,1]; out [n,h,w,c] of dtype. AG_STATUS_USAGE when
// an index is not below the set's n; out is then untouched.
AG_API bool nn_dataset_gather(const nn_dataset *dataset, const uint32_t *indices, int64_t n, ag_dtype dtype,
                              void *out, ag_error *error);

// A way of storing sets: one file in datasets/, which defines `const nn_dataset_format nn_dataset_NAME` and
// is listed in nn/meson.build. The first format that matches opens the path.
typedef struct nn_dataset_format {
    const char *name;
    const char *summary;                // what it looks for at the path: "an IDX file ..."
    bool (*matches)(const char *path);  // cheap; says nothing about the content being sound
    nn_dataset *(*open)(const char *path, const nn_dataset_params *params, ag_error *error);
} nn_dataset_format;

// All formats, in the order in which they are tried; NULL past the end.
AG_API const nn_dataset_format *nn_dataset_format_at(int i);

// For those files: how many images a set of n gets under params.
int64_t nn_dataset_limit(int64_t n, const nn_dataset_params *params);
