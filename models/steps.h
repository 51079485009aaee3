// SPDX-License-Identifier: MIT
// The programs of one training iteration, for one batch size (private).
#pragma once

#include "models/trainer.h"

typedef enum gan_step_kind {
    GAN_STEP_FAKES,
    GAN_STEP_D_FAKE,
    GAN_STEP_D_REAL,
    GAN_STEP_D_JOINT,
    GAN_STEP_G,
    GAN_STEP_COUNT
} gan_step_kind;

// A recorded and planned step. Inputs that its loss does not use are NULL.
typedef struct gan_step {
    const char *name;
    ag_tape *tape;
    ag_program *program;  // NULL: the schedule has no such step
    ag_node *latents;     // z, an input if the recipe says so
    ag_node *reals, *fakes;
    ag_node *result;  // the loss; of GAN_STEP_FAKES the images
    nn_optimizer *optimizer;
    nn_update update;
    ag_clock clock;          // of the last run
    struct gan_step *maker;  // of the fakes that are fed; NULL when unknown
} gan_step;

typedef struct gan_steps {
    int64_t n;                // batch size
    const char *environment;  // that their programs are compiled in
    gan_step steps[GAN_STEP_COUNT];
} gan_steps;

typedef struct gan_recipe {
    nn_model *generator, *discriminator;
    nn_optimizer *g_optimizer, *d_optimizer;
    const gan_config *config;
    ag_workspace *workspace;
    bool feed_latents;  // z is fed instead of drawn: for comparing with other frameworks
} gan_recipe;

// Records and compiles all programs of an iteration for batch n. Free it on failure too.
bool gan_steps_record(gan_steps *steps, const gan_recipe *recipe, int64_t n, ag_error *error);
void gan_steps_free(gan_steps *steps);

// The images of a step GAN_STEP_FAKES, valid until its next run; NULL on failure.
const void *gan_step_make(gan_step *step, ag_clock clock, ag_error *error);

// Computes the loss, refuses to go on when it is not finite (AG_STATUS_DIVERGED, naming the first bad node;
// when that is the fakes, the first bad node of their maker), then takes the step.
bool gan_step_run(gan_step *step, ag_clock clock, double *out_loss, ag_error *error);
