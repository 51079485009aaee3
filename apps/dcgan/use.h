// SPDX-License-Identifier: MIT
// What several commands have in common.
#pragma once

#include "apps/dcgan/options.h"
#include "models/dcgan.h"

// The model of --model. NULL with AG_STATUS_USAGE when the option is missing.
dcgan *use_model(const options *o, ag_error *error);

// Puts the file, or that of --model, in front of an AG_STATUS_MODEL that does not name it: what the networks
// make is not finite.
void use_blame(const char *file, ag_error *error);
void use_blame_model(const options *o, ag_error *error);

// Sets --precision for what is compiled from now on. A processor
// that cannot is told of on stderr, and products stay in f32.
void use_precision(const options *o);

// The images of --data under --limit-images, of any shape.
nn_dataset *use_data(const options *o, ag_error *error);

// False with AG_STATUS_DATA when the images are not of the model's shape.
bool use_check(const dcgan *model, const nn_dataset *data, ag_error *error);

// n images from the set's image `first` on, as numbers in [0,1].
void use_images(const nn_dataset *data, int64_t first, int64_t n, float *out);
