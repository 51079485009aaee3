// SPDX-License-Identifier: MIT
// The seed's evaluation after each epoch, for any variant (private): the variant's own losses on fixed sets,
// in inference mode.
#pragma once

#include "models/trainer.h"

typedef struct gan_evaluation gan_evaluation;

// h = 1250 reals for 10000 images and more, floor(n/8) from 2500, floor(n/2) below; chosen by the seed.
gan_evaluation *gan_evaluation_create(nn_model *generator, nn_model *discriminator, const gan_config *config,
                                      const nn_dataset *data, ag_workspace *workspace, ag_error *error);
void gan_evaluation_free(gan_evaluation *evaluation);

// Fills the five columns; row->epoch chooses the fresh z. AG_STATUS_DIVERGED when a value is not finite.
bool gan_evaluation_run(gan_evaluation *evaluation, gan_epoch *row, ag_error *error);
