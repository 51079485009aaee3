// SPDX-License-Identifier: MIT
// What train and resume have in common: the run itself, with all that it shows, saves and survives.
#pragma once

#include "apps/dcgan/command.h"
#include "apps/dcgan/run_dir.h"
#include "models/dcgan.h"

typedef struct training {
    dcgan *model;  // saved already, as it is
    const nn_dataset *data;
    const options *options;
    const run_dir *run;
    int64_t
        passing_grid;  // epoch whose grid is there for being the last; it goes with the next epoch. -1: none
} training;

// Whether there are images enough. AG_STATUS_DATA when no option is at fault, else AG_STATUS_USAGE.
bool training_check(const nn_dataset *data, const options *o, ag_error *error);

int64_t training_epochs_done(const dcgan *model);
// Whether the model is exactly that of its last epoch's end.
bool training_is_between(const dcgan *model);
// Whether --epochs asks for more than is done.
bool training_is_left(const training *t);

// Makes, from the model, what a process that was killed or could not write may have left out or old: the grid
// of the reals, the log, the charts, and the grid of the last epoch when it should be there. The model can
// draw that one only between two epochs.
bool training_mend(const training *t, ag_error *error);

// The end of a run that was mended and has all its epochs.
exit_code training_complete(const training *t, ag_error *error);

// Trains until --epochs are done in all. The model is saved after every epoch, and when a signal stops the
// training.
exit_code training_run(const training *t, ag_error *error);
