// SPDX-License-Identifier: MIT
// RMSprop (Hinton 2012): s := rho s + (1 - rho) g^2; w -= rate g / (sqrt(s) + epsilon).
#include "autograd/ops.h"
#include "nn/optimizer.h"

static ag_node *record(const nn_optimizer_params *params, ag_parameter *parameter, ag_node *gradient,
                       ag_parameter *const *states, ag_node *rate, ag_node *t) {
    (void)t;
    return ag_rmsprop_update(parameter, gradient, states[0], rate, params->rho, params->epsilon);
}

const nn_optimizer_kind nn_optimizer_rmsprop = {.name = "rmsprop",
                                                .defaults = {.rate = 1e-3, .rho = 0.9, .epsilon = 1e-7},
                                                .n_states = 1,
                                                .states = {"square"},
                                                .nonnegative = 1u << 0,
                                                .record = record};
