// SPDX-License-Identifier: MIT
// Nothing but the loop of multiply-adds that stands behind every iteration: the speed of the machine at the
// moment, for those who time other programs.
#include "apps/dcgan/bench.h"

static void *subject_open(const bench_params *params, ag_error *error) {
    static char nothing;
    (void)params, (void)error;
    return &nothing;
}

static bool measure(void *context, measurement *m, ag_error *error) {
    (void)context, (void)error;
    while (!measurement_done(m)) {
        measurement_begin(m);
        measurement_end(m);
        measurement_keep(m);
    }
    return true;
}

static void subject_close(void *context) { (void)context; }

const bench bench_fma = {
    .name = "fma",
    .summary = "the loop of multiply-adds alone",
    .images = OPTION_END,
    .open = subject_open,
    .measure = measure,
    .close = subject_close,
};
