// SPDX-License-Identifier: MIT
// CONTRACT of a penalty: a term that a GAN variant adds to its discriminator's loss. One file in penalties/
// and its name in penalty_names in meson.build.
#pragma once

#include "autograd/ops.h"

typedef struct gan_context gan_context;

typedef struct gan_penalty {
    const char *name;
    const char *summary;                       // formula and source
    double weight;                             // default factor
    ag_node *(*record)(gan_context *context);  // a scalar
} gan_penalty;

// All penalties; NULL past the end.
AG_API const gan_penalty *gan_penalty_at(int i);
AG_API const gan_penalty *gan_penalty_find(const char *name);  // NULL when absent
