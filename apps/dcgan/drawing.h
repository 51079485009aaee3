// SPDX-License-Identifier: MIT
// Making the images of a list of seeds, and saving them.
#pragma once

#include "apps/dcgan/destination.h"
#include "apps/dcgan/seed_list.h"
#include "models/dcgan.h"
#include "nn/image.h"

#define DRAWING_CHUNK 128  // images made at a time

// Latent vectors and images of a chunk. Free it on failure too.
typedef struct drawing_memory {
    float *z, *values;
} drawing_memory;

bool drawing_memory_create(drawing_memory *memory, const dcgan *model, ag_error *error);
void drawing_memory_free(drawing_memory *memory);

// out [n,H,W,C]: the images of n seeds, at most a chunk.
bool drawing_make(const drawing_memory *memory, dcgan *model, const uint64_t *seeds, int64_t n, uint8_t *out,
                  ag_error *error);

// Draws and saves all, as one picture of this layout or as a picture each, and prints where they are; on a
// terminal it counts meanwhile. AG_STATUS_USAGE, before anything is drawn, when the picture would be too
// large.
bool drawing_run(dcgan *model, const seed_list *list, nn_grid layout, const destination *to, ag_error *error);
