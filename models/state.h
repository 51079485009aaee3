// SPDX-License-Identifier: MIT
// A run's state as JSON, for model files (private).
#pragma once

#include "models/trainer.h"
#include "nn/json.h"

bool gan_history_append(gan_history *history, const gan_epoch *row, ag_error *error);
void gan_history_free(gan_history *history);  // frees the rows

// [[iteration, g_loss, d_loss, d_accuracy, prob_fake, prob_real], ..]. NULL when memory runs out or a value
// is not finite.
nn_json *gan_history_to_json(const gan_history *history);
// False with AG_STATUS_MODEL when the value is of another form; *history is then empty.
bool gan_history_from_json(gan_history *history, const nn_json *value, ag_error *error);

// Step counts and history; the tensors are saved apart. Restoring changes nothing when it fails.
nn_json *gan_trainer_state(const gan_trainer *trainer);
bool gan_trainer_restore(gan_trainer *trainer, const nn_json *state, ag_error *error);

// What defines the run's numbers: variant, schedule, optimizer, batch size, label smoothing, seed.
nn_json *gan_config_to_json(const gan_config *config);
bool gan_config_from_json(gan_config *config, const nn_json *value, ag_error *error);
