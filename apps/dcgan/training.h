// SPDX-License-Identifier: MIT
// What train and resume have in common: the run itself, with all that it shows, saves and survives.
#pragma once

#include "apps/dcgan/command.h"
#include "apps/dcgan/run_dir.h"
#include "models/dcgan.h"

// Trains until --epochs are done in all. The model is saved after every epoch, and when a signal stops the
// training.
exit_code training_run(dcgan *model, const nn_dataset *data, const options *o, const run_dir *run,
                       ag_error *error);
