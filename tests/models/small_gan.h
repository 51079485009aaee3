// SPDX-License-Identifier: MIT
// A small DCGAN and a small set of images for the tests of training.
#pragma once

#include "models/dcgan.h"

// A DCGAN of the seed's layer types for 12x12x1 images, z_dim 8, weights from the seed. Asserts by Criterion,
// as all here.
dcgan *small_gan_create(uint64_t seed);

// n images of bright and dark rectangles, the same at each call.
nn_dataset *small_gan_images(int64_t n);

// Trains up to `epochs`; stops after iteration `stop` (0: does not stop). ls_epsilon 0.
void small_gan_train(dcgan *model, const nn_dataset *images, int64_t epochs, int64_t batch, const char *gan,
                     int64_t stop);

// All values of a model's sets and of its trainer's optimizers, for comparing bits. The caller frees it.
uint8_t *small_gan_bytes(const dcgan *model, size_t *n);

// Fails unless both hold the same bits and have done the same number of iterations.
void small_gan_check_equal(const dcgan *a, const dcgan *b, const char *what);

// The call failed with AG_STATUS_MODEL and a sentence that begins so and has no "nan". Clears the error.
void small_gan_expect_fault(bool failed, ag_error *error, const char *sentence);
