// SPDX-License-Identifier: MIT
// The seed's DCGAN: generator, discriminator and the combined model, and its public class: create, train,
// generate, discriminate, evaluate, save, load. Values are f32; images go in and out as numbers in [0,1].
#pragma once

#include "models/trainer.h"

#define DCGAN_FIXED 32        // latent vectors of the sample grids
#define DCGAN_NAME_LIMIT 200  // bytes of a name

// ---- the networks ----
#define DCGAN_WIDTH 64  // the seed's

// z [z_dim] -> image [H,W,C] in [-1,1]; H and W are multiples of 4 up to 16384, C is 1 or 3. The layers
// before the image have 4 width, 2 width and width channels; width is
// even, 2 to 4096. 28x28x1 and DCGAN_WIDTH: 1,637,121 parameters. The
// caller frees it. NULL, AG_STATUS_USAGE, for any other shape or width.
AG_API nn_model *dcgan_generator_create(int64_t z_dim, ag_shape image, int64_t width, ag_dtype dtype,
                                        ag_error *error);
// image [H,W,C] -> logit [1]; likewise, with width / 2, width and 2 width channels. 28x28x1: 94,721
// parameters.
AG_API nn_model *dcgan_discriminator_create(ag_shape image, int64_t width, ag_dtype dtype, ag_error *error);

// ---- the class ----
typedef struct dcgan dcgan;

typedef struct dcgan_params {
    const char *name;      // NULL: "dcgan"
    int64_t z_dim;         // 0: 100
    ag_shape image_shape;  // [H,W,C], sides up to 16384, C 1 or 3; all zero: [28,28,1]
    uint64_t seed;
    // Layer lists of one's own, f32, taken, on failure too; NULL: the default lists.
    nn_model *generator, *discriminator;
} dcgan_params;

// Networks initialized from the seed, and 32 fixed z. The caller frees it. NULL, AG_STATUS_USAGE, when a
// parameter is out of its range or the networks do not fit z_dim, image_shape and each other.
AG_API dcgan *dcgan_create(dcgan_params params, ag_error *error);
AG_API void dcgan_free(dcgan *model);

typedef struct dcgan_train_params {
    int64_t epochs;           // in all, those of a loaded model included; 0: 40
    int64_t batch_size;       // 0: 128
    double ls_epsilon;        // label smoothing, [0, 0.5)
    int64_t sample_interval;  // epochs between calls of `sample`; 0: only the first and the last
    const char *gan;          // variant; NULL: non_saturating
    gan_hooks hooks;
    // Draw pictures, with hooks.context, after hooks.epoch of that epoch; false stops.
    bool (*sample)(void *context, dcgan *model, int64_t epoch);
} dcgan_train_params;

typedef struct dcgan_record {
    const char *name;
    int64_t epochs, batch_size, iterations;
    double ls_epsilon;
    // Per epoch g_loss, d_loss, d_accuracy, prob_fake, prob_real; NULL for a model that was never trained.
    const gan_history *history;
    // history->n numbers, 0 for epochs that another process trained; NULL before this one's first.
    const double *epoch_seconds;
    double seconds;  // their sum
} dcgan_record;

// Trains on images (borrowed for the call) by the faithful preset: reference step order, two D updates, Adam
// 1e-3. A model that was trained before goes on, with the parameters it was trained with; other ones are
// AG_STATUS_USAGE, other images AG_STATUS_DATA. *record (may be NULL) borrows from the model. Stopped, failed
// and refused runs fill it with what was done until then.
AG_API gan_run dcgan_train(dcgan *model, const nn_dataset *images, dcgan_train_params params,
                           dcgan_record *record, ag_error *error);

// images [n,H,W,C] in [0,1] of z [n,z_dim], on moving statistics. AG_STATUS_USAGE for a z that is not finite.
// AG_STATUS_MODEL, here and below, when what a network makes is not finite; the values are then of no use.
AG_API bool dcgan_generate(dcgan *model, const float *z, int64_t n, float *images, ag_error *error);
// probabilities [n] of being real, of images [n,H,W,C] in [0,1], on moving statistics; AG_STATUS_USAGE for a
// value outside.
AG_API bool dcgan_discriminate(dcgan *model, const float *images, int64_t n, float *probabilities,
                               ag_error *error);

typedef struct dcgan_scores {
    double d_loss, d_accuracy;  // on the images given: binary cross-entropy, mean(label == (p > 0.5))
    double g_loss;              // on as many fresh z, label 1
} dcgan_scores;
// images [n,H,W,C] in [0,1]; labels [n]: 1 real, 0 fake; n at least 1. AG_STATUS_USAGE for anything else.
AG_API bool dcgan_evaluate(dcgan *model, const float *images, const float *labels, int64_t n,
                           dcgan_scores *scores, ag_error *error);

// n normal z, new ones at each call; training does not notice.
AG_API void dcgan_draw_z(dcgan *model, int64_t n, float *z);
// One z, a function of the number alone.
AG_API void dcgan_seed_z(const dcgan *model, uint64_t number, float *z);
AG_API const float *dcgan_fixed_z(const dcgan *model);  // [32,z_dim]

// One file with networks, optimizers, fixed z, configuration and record. path NULL: "NAME.safetensors".
// Written atomically.
AG_API bool dcgan_save(dcgan *model, const char *path, ag_error *error);
// Replaces this instance by the saved one ("change_me"). On failure it is as it was. AG_STATUS_MODEL names
// file, value and rule.
AG_API bool dcgan_change(dcgan *model, const char *path, ag_error *error);
// A new instance from a file made with the default layer lists.
AG_API dcgan *dcgan_open(const char *path, ag_error *error);

AG_API const char *dcgan_name(const dcgan *model);
// Copied. 1 to DCGAN_NAME_LIMIT bytes of UTF-8, no slash, no control character, not "." or "..": it names
// files.
AG_API bool dcgan_set_name(dcgan *model, const char *name, ag_error *error);
AG_API int64_t dcgan_z_dim(const dcgan *model);
// Of the weights as they were created, and of training that starts with them.
AG_API uint64_t dcgan_seed(const dcgan *model);
AG_API ag_shape dcgan_image_shape(const dcgan *model);
AG_API nn_model *dcgan_generator(const dcgan *model);
AG_API nn_model *dcgan_discriminator(const dcgan *model);
AG_API nn_model *dcgan_combined(const dcgan *model);    // generator, then discriminator
AG_API gan_trainer *dcgan_trainer(const dcgan *model);  // NULL before the first training
// The data set that the run was trained on, as a digest (nn/dataset.h); empty before the first training.
AG_API const char *dcgan_data_digest(const dcgan *model);
// The environment (autograd/environment.h) that the loaded file was trained in, whatever it was saved in;
// empty for a model not loaded. Going on in another one gives a good model, but not the bits of one run.
AG_API const char *dcgan_made_with(const dcgan *model);
