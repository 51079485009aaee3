// SPDX-License-Identifier: MIT
// Times of a measurement in Chrome's trace-event format, which Perfetto and chrome://tracing open.
#pragma once

#include "apps/dcgan/measurement.h"
#include "nn/file.h"

// Slices, nested: iterations, the programs in them, their steps. A step starts where the one before ended,
// since only lengths are measured; time between programs (gathering a batch, the test of a loss) is shown
// behind the last one. Programs that run apart from the iterations stand behind theirs.
bool trace_write(const measurement *m, nn_file *file, ag_error *error);
