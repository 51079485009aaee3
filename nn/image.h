// SPDX-License-Identifier: MIT
// Pictures of 8 bits per sample, grey (one channel) or RGB (three): PNG files and grids.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "autograd/check.h"
#include "autograd/tensor.h"

#define NN_IMAGE_SIDE 16384                 // the largest height and width
#define NN_IMAGE_PIXELS (INT64_C(1) << 26)  // the largest height times width

typedef struct nn_image {
    int64_t h, w, c;  // c is 1 or 3
    uint8_t *pixels;  // [h,w,c], owned
} nn_image;

// All zeros (black). AG_STATUS_USAGE when a size is out of range. The caller frees it.
AG_API nn_image *nn_image_create(int64_t h, int64_t w, int64_t c, ag_error *error);
AG_API void nn_image_free(nn_image *image);  // NULL is fine

// A PNG file. Samples of 1, 2 and 4 bits are scaled to 8, those of 16 rounded to 8, palettes become RGB, and
// transparency is laid over white. Gamma and every other ancillary chunk are ignored. AG_STATUS_DATA when the
// file is missing, cut off, damaged (every chunk's CRC is compared) or too large. Bytes behind the end of the
// PNG are ignored.
AG_API nn_image *nn_image_load(const char *path, ag_error *error);

// The same from n bytes in memory; `name` is for messages.
AG_API nn_image *nn_image_decode(const uint8_t *bytes, size_t n, const char *name, ag_error *error);

// Writes a PNG of 8-bit grey or RGB, atomically (file.h). The same picture gives the same bytes.
AG_API bool nn_image_save(const nn_image *image, const char *path, ag_error *error);

// How images are laid out: rows x cols cells with `gap` white pixels between them and around the whole.
typedef struct nn_grid {
    int64_t rows, cols, gap;
} nn_grid;

// n images [n,h,w,c] in reading order, n <= rows * cols; cells left over are white. The caller frees the
// result.
AG_API nn_image *nn_image_grid(const uint8_t *images, int64_t n, int64_t h, int64_t w, int64_t c,
                               nn_grid grid, ag_error *error);

// out[i] = round(255 (x[i] - low) / (high - low)), halves up, for n values of dtype; what lies outside [low,
// high] is clamped, NaN is 0 (black). With low -1 and high 1 it undoes nn_dataset_gather.
AG_API void nn_image_quantize(const void *x, ag_dtype dtype, int64_t n, double low, double high,
                              uint8_t *out);
