// SPDX-License-Identifier: MIT
// What a run leaves in its folder besides the model. Everything but the times is a function of the
// configuration and the epochs done, byte for byte.
#pragma once

#include "apps/dcgan/run_dir.h"
#include "models/dcgan.h"

// reals.png: the first 32 images, 4 rows of 8. fakes-eNNNN.png: the fixed z, likewise.
bool artifacts_save_reals(const run_dir *run, const nn_dataset *data, ag_error *error);
bool artifacts_save_fakes(const run_dir *run, dcgan *model, int64_t epoch, ag_error *error);
bool artifacts_have_reals(const run_dir *run);
bool artifacts_have_fakes(const run_dir *run, int64_t epoch);
bool artifacts_remove_fakes(const run_dir *run, int64_t epoch, ag_error *error);

// log.csv: a row per epoch; losses, accuracy, probabilities, each .png and .svg: the charts of the same.
bool artifacts_save_log(const run_dir *run, const gan_history *history, ag_error *error);
bool artifacts_save_charts(const run_dir *run, const gan_history *history, ag_error *error);

// timing.csv: appends a row for a stretch of an epoch that was trained at one go.
bool artifacts_add_time(const run_dir *run, int64_t epoch, int64_t iterations, double seconds,
                        ag_error *error);
