// SPDX-License-Identifier: MIT
// What a training shows on the standard output: a row per epoch, and on a terminal a line that lives.
#pragma once

#include "apps/dcgan/live.h"
#include "models/trainer.h"

typedef struct progress {
    live line;
    int64_t epochs;      // in all
    int64_t first_step;  // of this process
    double started;      // the first iteration's end
} progress;

void progress_start(progress *p, int64_t epochs, int64_t step);  // prints the rows' heads
void progress_iteration(progress *p, const gan_trainer *trainer);
void progress_epoch(progress *p, const gan_epoch *row);
void progress_end(progress *p);  // takes the live line away
