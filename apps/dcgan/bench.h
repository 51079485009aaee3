// SPDX-License-Identifier: MIT
// CONTRACT of a bench: something that can be timed, in a file in benches/ that
// defines `const bench bench_NAME`, and its name in bench_names in
// apps/meson.build. `dcgan bench --what`, its help and its tests find it there.
#pragma once

#include "apps/dcgan/measurement.h"
#include "apps/dcgan/options.h"
#include "models/dcgan.h"

typedef struct bench_params {
    int64_t images;  // that an iteration works on
    int64_t iterations;
    ag_shape image;  // [H,W,C]
    int64_t width;   // of the networks, models/dcgan.h
} bench_params;

typedef struct bench {
    const char *name;
    const char *summary;  // what an iteration is, in one line
    option_id images;     // the option that says how many images an iteration works on; OPTION_END: none
    bool rate;            // images/s mean something
    bool shaped;          // the image's shape and the networks' width matter
    bool rounded;         // the precision of products matters
    // Everything that is made before the clock runs; NULL with *error filled.
    void *(*open)(const bench_params *params, ag_error *error);
    // Fills the measurement, whose programs live until close. Runs a few iterations uncounted before.
    bool (*measure)(void *subject, measurement *m, ag_error *error);
    void (*close)(void *subject);  // NULL is fine
} bench;

const bench *bench_at(int i);               // NULL past the end
const bench *bench_find(const char *name);  // NULL when absent

// The untrained model of these parameters, of one seed. AG_STATUS_USAGE when there is none.
dcgan *bench_model(const bench_params *params, ag_error *error);
