// SPDX-License-Identifier: MIT
// Adam (Kingma and Ba 2015), the epsilon where Keras has it or where PyTorch has it.
#include "autograd/ops.h"
#include "nn/optimizer.h"

static ag_node *record(const nn_optimizer_params *params, ag_parameter *parameter, ag_node *gradient,
                       ag_parameter *const *states, ag_node *rate, ag_node *t) {
    const ag_adam_params adam = {.beta1 = params->beta1,
                                 .beta2 = params->beta2,
                                 .epsilon = params->epsilon,
                                 .torch_epsilon = params->torch_epsilon};
    return ag_adam_update(parameter, gradient, states[0], states[1], rate, t, adam);
}

const nn_optimizer_kind nn_optimizer_adam = {
    .name = "adam",
    .defaults = {.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7},
    .n_states = 2,
    .states = {"m", "v"},
    .nonnegative = 1u << 1,  // v
    .record = record};
