// SPDX-License-Identifier: MIT
// Reads a file front to back, inflating it on the way when it is gzip (by its first two bytes, not by its
// name). Nothing is inflated that the reader did not ask for, so a gzip bomb costs no memory.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "autograd/check.h"

typedef struct nn_gzip nn_gzip;

// NULL with AG_STATUS_DATA in *error when the file cannot be read. The caller frees it.
nn_gzip *nn_gzip_open(const char *path, ag_error *error);
void nn_gzip_free(nn_gzip *gzip);  // NULL is fine

// The most bytes that the file can deliver: its size, or for gzip its size times the ceiling of DEFLATE's
// ratio.
int64_t nn_gzip_capacity(const nn_gzip *gzip);

// Exactly the next n bytes; AG_STATUS_DATA when the file ends before, or is damaged.
bool nn_gzip_read(nn_gzip *gzip, void *bytes, size_t n, ag_error *error);

// True when nothing is left and gzip's own length and CRC-32 were right. AG_STATUS_DATA otherwise; a second
// gzip member counts as something left.
bool nn_gzip_end(nn_gzip *gzip, ag_error *error);
