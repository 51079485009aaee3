// SPDX-License-Identifier: MIT
// AdamW (Loshchilov and Hutter 2019): Adam with decoupled weight decay, of every trained parameter, as Keras
// and PyTorch do it unless told otherwise.
#include "autograd/ops.h"
#include "nn/optimizer.h"

static ag_node *record(const nn_optimizer_params *params, ag_parameter *parameter, ag_node *gradient,
                       ag_parameter *const *states, ag_node *rate, ag_node *t) {
    const ag_adam_params adam = {.beta1 = params->beta1,
                                 .beta2 = params->beta2,
                                 .epsilon = params->epsilon,
                                 .torch_epsilon = params->torch_epsilon,
                                 .weight_decay = params->weight_decay};
    return ag_adam_update(parameter, gradient, states[0], states[1], rate, t, adam);
}

const nn_optimizer_kind nn_optimizer_adamw = {
    .name = "adamw",
    .defaults = {.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7, .weight_decay = 0.004},
    .n_states = 2,
    .states = {"m", "v"},
    .nonnegative = 1u << 1,  // v
    .record = record};
