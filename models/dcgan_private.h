// SPDX-License-Identifier: MIT
// The class's own fields, for the files that make it up.
#pragma once

#include "models/dcgan.h"
#include "nn/compile.h"

#define MADE_WITH_TEXT 128

struct dcgan {
    char *name;
    dcgan_params params;  // resolved; its name and models are not used
    nn_model *generator, *discriminator, *combined;
    ag_workspace *workspace;  // of training and prediction, which take turns
    nn_predictor *generate, *discriminate;
    float *fixed_z;    // [32,z_dim]
    uint64_t n_draws;  // calls of dcgan_draw_z: each its own stream
    gan_trainer *trainer;
    char data_digest[NN_DIGEST_TEXT];
    char *path;                      // of the file it was loaded from; NULL: of none
    char made_with[MADE_WITH_TEXT];  // of that file
    double *seconds;                 // by epoch, of this process
    int64_t n_seconds;
};

// Whether data sets can have such images: [H,W,C] within the limits of nn/image.h and nn/dataset.h.
// AG_STATUS_USAGE.
bool dcgan_check_image(ag_shape image, ag_error *error);

// A trainer for the configuration, not yet the model's own.
gan_trainer *dcgan_create_trainer(dcgan *model, gan_config config, ag_error *error);

// Whatever a file holds that this program cannot use is the file's fault: false, with its path before the
// cause, as AG_STATUS_MODEL unless memory ran out.
bool dcgan_blame_file(const char *path, const ag_error *cause, ag_error *error);
