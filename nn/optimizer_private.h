// SPDX-License-Identifier: MIT
// An optimizer's options (private).
#pragma once

#include "nn/optimizer.h"

// The params with the kind's defaults in place of zeros.
nn_optimizer_params nn_optimizer_resolve(nn_optimizer_params params);

// Whether all options of resolved params are in their ranges.
bool nn_optimizer_check(const nn_optimizer_params *params, ag_error *error);
