// SPDX-License-Identifier: MIT
// Iterations 2 to 50 of a training allocate nothing, those of the short batch included; evaluations between
// epochs are left out.
#include <stdio.h>

#include "models/dcgan.h"
#include "tests/support/allocations.h"

enum { IMAGES = 90, BATCH = 8, ITERATIONS = 50 };  // 11 full batches and one of 2 an epoch

static bool after_iteration(void *context, const gan_trainer *trainer) {
    (void)context;
    allocations_pause();
    if (gan_trainer_step(trainer) == ITERATIONS) return false;
    allocations_start();
    return true;
}

// Evaluation and bookkeeping run between the last iteration's hook and this one.
static bool after_epoch(void *context, const gan_trainer *trainer, const gan_epoch *row) {
    (void)context;
    (void)trainer;
    (void)row;
    allocations_start();
    return true;
}

static bool before_evaluation(void *context, const gan_trainer *trainer) {
    const bool go_on = after_iteration(context, trainer);
    if (gan_trainer_step(trainer) % gan_trainer_iterations(trainer) == 0) allocations_pause();
    return go_on;
}

int main(void) {
    if (!allocations_are_seen()) return fprintf(stderr, "the watch does not see allocations\n"), 1;
    ag_error error = {0};
    nn_dataset *images = nn_dataset_create(IMAGES, 8, 8, 1, &error);
    dcgan *model = dcgan_create((dcgan_params){.z_dim = 6, .image_shape = AG_SHAPE(8, 8, 1)}, &error);
    const dcgan_train_params params = {
        .epochs = 10, .batch_size = BATCH, .hooks = {.iteration = before_evaluation, .epoch = after_epoch}};
    const gan_run run = images && model ? dcgan_train(model, images, params, NULL, &error) : GAN_RUN_FAILED;
    allocations_pause();
    const bool quiet = allocations_count() == 0 && allocations_break_growth() == 0;
    if (run != GAN_RUN_STOPPED)
        fprintf(stderr, "the training did not reach iteration %d: %s\n", ITERATIONS, error.text);
    if (!quiet)
        fprintf(stderr, "iterations 2 to %d made %d allocations and moved the break by %ld bytes\n",
                ITERATIONS, allocations_count(), allocations_break_growth());
    dcgan_free(model);
    nn_dataset_free(images);
    return run != GAN_RUN_STOPPED || !quiet;
}
