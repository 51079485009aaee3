// SPDX-License-Identifier: MIT
// SIGINT, SIGTERM and SIGHUP ask a training to stop; a second one, but for SIGHUP, ends the process
// at once. Each says so.
#pragma once

#include <stdbool.h>

// A file that may not grow any further (ulimit -f) is an error like a full disk, not the end.
void signals_prepare(void);

// Keeps signals that would stop a training waiting, across an exec too, until it is known what they mean.
void signals_hold(void);
void signals_release(void);

// From now on signals are noticed. SIGPIPE is ignored: whoever reads the output may leave without ending the
// training.
void signals_watch(void);
bool signals_arrived(void);
