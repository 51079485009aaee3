// SPDX-License-Identifier: MIT
// Pictures that the program left in the scratch folder; asserts by Criterion.
#pragma once

#include "nn/image.h"

// The caller frees it.
nn_image *picture_load(const char *name);
void picture_expect_size(const char *name, int64_t h, int64_t w, int64_t c);
