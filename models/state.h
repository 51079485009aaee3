// SPDX-License-Identifier: MIT
// A run's state as JSON, for model files (private). What a file says is read by key and checked against the
// rest of it: AG_STATUS_MODEL names part, key, value and rule.
#pragma once

#include "models/trainer.h"
#include "nn/json.h"

// The member of a kind that must be there; `part` is what the object is called in sentences: "config".
bool gan_state_int(const nn_json *part_json, const char *part, const char *key, int64_t *out,
                   ag_error *error);
bool gan_state_double(const nn_json *part_json, const char *part, const char *key, double *out,
                      ag_error *error);
bool gan_state_bool(const nn_json *part_json, const char *part, const char *key, bool *out, ag_error *error);
bool gan_state_string(const nn_json *part_json, const char *part, const char *key, const char **out,
                      ag_error *error);  // borrowed

bool gan_history_append(gan_history *history, const gan_epoch *row, ag_error *error);
void gan_history_free(gan_history *history);  // frees the rows

// [[iteration, g_loss, d_loss, d_accuracy, prob_fake, prob_real], ..]. NULL when memory runs out or a value
// is not finite.
nn_json *gan_history_to_json(const gan_history *history);
// False with AG_STATUS_MODEL when the value is of another form; *history is then empty.
bool gan_history_from_json(gan_history *history, const nn_json *value, ag_error *error);

// How far a run has come. Everything but `step` and the rows' values follows from the configuration and the
// number of images, so a file can be caught at saying something else.
typedef struct gan_progress {
    int64_t step;            // iterations
    int64_t d_step, g_step;  // updates of each optimizer
    gan_history history;
} gan_progress;

// Epoch i ended after (i + 1) I iterations, and the run stands in epoch n or at its end. I is `iterations`,
// those of an epoch; if that is 0, what the history's first row says, or without one at most what 2^32 - 1
// images give.
bool gan_progress_check_epochs(const gan_progress *progress, int64_t batch_size, int64_t iterations,
                               ag_error *error);
// D has taken `step` updates, twice as many in the separate schedule, and G one every generator_every
// iterations. The config is resolved.
bool gan_progress_check_updates(const gan_progress *progress, const gan_config *config, ag_error *error);

nn_json *gan_progress_to_json(const gan_progress *progress);  // NULL when memory runs out
// The caller frees the history; it is empty after a failure.
bool gan_progress_from_json(gan_progress *progress, const nn_json *value, ag_error *error);

// Step counts and history; the tensors are saved apart. NULL when memory runs out (AG_STATUS_MEMORY), or when
// an iteration failed between two of its updates (AG_STATUS_DIVERGED): no run could go on from there with the
// same bits.
nn_json *gan_trainer_state(const gan_trainer *trainer, ag_error *error);
// Restoring changes nothing when it fails.
bool gan_trainer_restore(gan_trainer *trainer, const nn_json *state, ag_error *error);

// What defines the run's numbers: variant, schedule, optimizer, batch size, label smoothing, seed.
nn_json *gan_config_to_json(const gan_config *config);
bool gan_config_from_json(gan_config *config, const nn_json *value, ag_error *error);
