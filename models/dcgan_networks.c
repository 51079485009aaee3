// SPDX-License-Identifier: MIT
// The seed's two networks, top to bottom.
#include "models/dcgan_private.h"
#include "nn/image.h"

#define WIDEST 4096

bool dcgan_check_image(ag_shape image, ag_error *error) {
    char text[AG_SHAPE_TEXT];
    const int64_t h = image.dim[0], w = image.dim[1], c = image.dim[2];
    const bool ok =
        image.rank == 3 && h >= 1 && h <= NN_IMAGE_SIDE && w >= 1 && w <= NN_IMAGE_SIDE && (c == 1 || c == 3);
    return ok || ag_fail(error, AG_STATUS_USAGE,
                         "image shape %s: it is [height,width,channels], sides from 1 to %d, 1 or 3 channels",
                         ag_shape_format(image, text), NN_IMAGE_SIDE);
}

// Both networks halve and double the sides twice. The sides' limit keeps every size below 2^63.
static bool check_sides(ag_shape image, ag_error *error) {
    char text[AG_SHAPE_TEXT];
    if (!dcgan_check_image(image, error)) return false;
    return (image.dim[0] % 4 == 0 && image.dim[1] % 4 == 0) ||
           ag_fail(error, AG_STATUS_USAGE,
                   "image shape %s: the default networks take a height and a width divisible by 4",
                   ag_shape_format(image, text));
}

static bool check_width(int64_t width, ag_error *error) {
    return (width >= 2 && width <= WIDEST && width % 2 == 0) ||
           ag_fail(error, AG_STATUS_USAGE, "width %lld: it is even, 2 to %d", (long long)width, WIDEST);
}

nn_model *dcgan_generator_create(int64_t z_dim, ag_shape image, int64_t width, ag_dtype dtype,
                                 ag_error *error) {
    if (!check_sides(image, error) || !check_width(width, error)) return NULL;
    const int64_t h = image.dim[0] / 4, w = image.dim[1] / 4, channels = image.dim[2];
    return nn_sequential(
        error, "generator", dtype, AG_SHAPE(z_dim), nn_dense(h * w * 4 * width, .kernel = nn_he_normal),
        nn_reshape(h, w, 4 * width), nn_conv2d_transpose(2 * width, 3, .stride = 2, .kernel = nn_he_normal),
        nn_batch_norm(), nn_leaky_relu(0.01), nn_conv2d_transpose(width, 3, .kernel = nn_he_normal),
        nn_batch_norm(), nn_leaky_relu(0.01),
        nn_conv2d_transpose(channels, 3, .stride = 2, .kernel = nn_glorot_normal), nn_tanh());
}

nn_model *dcgan_discriminator_create(ag_shape image, int64_t width, ag_dtype dtype, ag_error *error) {
    if (!check_sides(image, error) || !check_width(width, error)) return NULL;
    return nn_sequential(error, "discriminator", dtype, image,
                         nn_conv2d(width / 2, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_conv2d(width, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_conv2d(2 * width, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_flatten(), nn_dense(1, .kernel = nn_glorot_normal));
}
