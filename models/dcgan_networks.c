// SPDX-License-Identifier: MIT
// The seed's two networks, top to bottom.
#include "models/dcgan.h"

static bool check_image(ag_shape image, ag_error *error) {
    char text[AG_SHAPE_TEXT];
    const bool ok = image.rank == 3 && image.dim[0] >= 4 && image.dim[1] >= 4 && image.dim[0] % 4 == 0 &&
                    image.dim[1] % 4 == 0 && (image.dim[2] == 1 || image.dim[2] == 3);
    return ok || ag_fail(error, AG_STATUS_USAGE,
                         "image shape %s: the default networks take a height and a width divisible by 4 and "
                         "1 or 3 channels",
                         ag_shape_format(image, text));
}

nn_model *dcgan_generator_create(int64_t z_dim, ag_shape image, ag_dtype dtype, ag_error *error) {
    if (!check_image(image, error)) return NULL;
    const int64_t h = image.dim[0] / 4, w = image.dim[1] / 4, channels = image.dim[2];
    return nn_sequential(
        error, "generator", dtype, AG_SHAPE(z_dim), nn_dense(h * w * 256, .kernel = nn_he_normal),
        nn_reshape(h, w, 256), nn_conv2d_transpose(128, 3, .stride = 2, .kernel = nn_he_normal),
        nn_batch_norm(), nn_leaky_relu(0.01), nn_conv2d_transpose(64, 3, .kernel = nn_he_normal),
        nn_batch_norm(), nn_leaky_relu(0.01),
        nn_conv2d_transpose(channels, 3, .stride = 2, .kernel = nn_glorot_normal), nn_tanh());
}

nn_model *dcgan_discriminator_create(ag_shape image, ag_dtype dtype, ag_error *error) {
    if (!check_image(image, error)) return NULL;
    return nn_sequential(error, "discriminator", dtype, image,
                         nn_conv2d(32, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_conv2d(64, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_conv2d(128, 3, .stride = 2, .kernel = nn_he_normal), nn_leaky_relu(0.01),
                         nn_flatten(), nn_dense(1, .kernel = nn_glorot_normal));
}
