// SPDX-License-Identifier: MIT
// The one training loop, for all GAN variants. The state of a run is (seed, step), the parameters and the
// optimizers' state: batches, latents and evaluation are functions of seed and step, so that a run stopped
// anywhere and resumed gives the bits of one that was not.
//
// An iteration, batch B (the last batch of an epoch is shorter):
//   1. fakes = G(z1), G on moving statistics, nothing updated;
//   2. separate schedule: D steps on the fakes, then on the reals; joint schedule: D steps once on the sum of
//   its loss's terms;
//   3. every `generator_every` iterations: fresh z2, G on batch statistics (moving ones updated), D frozen; G
//   steps.
#pragma once

#include "models/gan.h"
#include "models/history.h"
#include "nn/dataset.h"

typedef struct gan_trainer gan_trainer;

typedef struct gan_config {
    const gan_variant *variant;     // NULL: the first
    gan_schedule schedule;          // default: the variant's
    nn_optimizer_params optimizer;  // of both networks; without a kind: the variant's
    int64_t batch_size;             // 0 means 128
    double label_smoothing;         // in [0, 0.5): targets are 1 - epsilon and 0 + epsilon
    uint64_t seed;
} gan_config;

// The models are borrowed, must be initialized, and end in one logit (D) and an image in [-1,1] (G). Whatever
// is trainable now is trained. Step 0. The workspace is borrowed; NULL: one of its own. The caller frees the
// trainer, before models and workspace. NULL, AG_STATUS_USAGE, when the models do not fit each other or the
// configuration is out of its ranges.
AG_API gan_trainer *gan_trainer_create(nn_model *generator, nn_model *discriminator, gan_config config,
                                       ag_workspace *workspace, ag_error *error);
AG_API void gan_trainer_free(gan_trainer *trainer);

// The images, borrowed. AG_STATUS_USAGE when their shape is not G's, or when there are fewer than a batch or
// than 2; AG_STATUS_MODEL when no run over so many images can stand where this one does.
AG_API bool gan_trainer_set_data(gan_trainer *trainer, const nn_dataset *data, ag_error *error);

// Called during a run; false stops it after the iteration. NULL functions are skipped.
typedef struct gan_hooks {
    void *context;
    bool (*iteration)(void *context, const gan_trainer *trainer);
    bool (*epoch)(void *context, const gan_trainer *trainer, const gan_epoch *row);  // after its evaluation
} gan_hooks;

typedef enum gan_run { GAN_RUN_DONE, GAN_RUN_STOPPED, GAN_RUN_FAILED } gan_run;

// Goes on from where the trainer stands until `epochs` epochs are done in all, each followed by its
// evaluation. GAN_RUN_FAILED fills *error; AG_STATUS_DIVERGED names the loss that is not finite and the first
// bad node, and that step was not taken.
AG_API gan_run gan_trainer_run(gan_trainer *trainer, int64_t epochs, const gan_hooks *hooks, ag_error *error);

// Zeros replaced by their meaning, but for the optimizer's own.
AG_API const gan_config *gan_trainer_config(const gan_trainer *trainer);
AG_API const gan_history *gan_trainer_history(const gan_trainer *trainer);
AG_API int64_t gan_trainer_step(const gan_trainer *trainer);        // iterations done
AG_API int64_t gan_trainer_iterations(const gan_trainer *trainer);  // of an epoch; 0 without data
AG_API int64_t gan_trainer_epoch(const gan_trainer *trainer);       // of the next iteration, from 0
// The order of the images in the last epoch begun, as indices; NULL without data.
AG_API const uint32_t *gan_trainer_order(const gan_trainer *trainer);
AG_API double gan_trainer_d_loss(const gan_trainer *trainer);  // of the last iteration
AG_API double gan_trainer_g_loss(const gan_trainer *trainer);
// The environment (autograd/environment.h) of the last iteration; NULL before this trainer's first. Static.
AG_API const char *gan_trainer_environment(const gan_trainer *trainer);
AG_API int64_t gan_trainer_workspace_bytes(const gan_trainer *trainer);

// The programs of an iteration with batch n (recorded if need be), to print, check or time them: "fakes",
// "discriminator on fakes", "discriminator on reals", "discriminator", "generator". Borrowed; the trainer
// keeps those of two batch sizes, and drops one for a third. NULL when the schedule has no such program, and
// with *error filled when it cannot be recorded.
AG_API ag_program *gan_trainer_program(gan_trainer *trainer, int64_t n, const char *name, ag_error *error);

// D's or G's optimizer, for saving; borrowed.
AG_API nn_optimizer *gan_trainer_optimizer(gan_trainer *trainer, bool discriminator);
