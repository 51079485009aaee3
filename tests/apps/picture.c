// SPDX-License-Identifier: MIT
// Loading a picture, and holding one to a size.
#include "tests/apps/picture.h"

#include <criterion/criterion.h>

#include "tests/support/scratch.h"

nn_image *picture_load(const char *name) {
    ag_error error = {0};
    nn_image *image = nn_image_load(scratch_path(name), &error);
    cr_assert(image, "%s", error.text);
    return image;
}

void picture_expect_size(const char *name, int64_t h, int64_t w, int64_t c) {
    nn_image *image = picture_load(name);
    cr_assert(image->h == h && image->w == w && image->c == c, "%s is %d x %d x %d", name, (int)image->h,
              (int)image->w, (int)image->c);
    nn_image_free(image);
}
