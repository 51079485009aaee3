// SPDX-License-Identifier: MIT
// Stochastic gradient descent with Keras's momentum: v := momentum v - rate g; w += v.
#include "autograd/ops.h"
#include "nn/optimizer.h"

static ag_node *record(const nn_optimizer_params *params, ag_parameter *parameter, ag_node *gradient,
                       ag_parameter *const *states, ag_node *rate, ag_node *t) {
    (void)t;
    ag_parameter *velocity = params->momentum > 0 ? states[0] : NULL;
    return ag_sgd_update(parameter, gradient, velocity, rate, params->momentum);
}

const nn_optimizer_kind nn_optimizer_sgd = {
    .name = "sgd", .defaults = {.rate = 0.01}, .n_states = 1, .states = {"velocity"}, .record = record};
