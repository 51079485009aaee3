// SPDX-License-Identifier: MIT
// An optimizer's options: defaults and ranges.
#include <math.h>

#include "nn/optimizer_private.h"

static double given_or(double value, double fallback) { return value == 0 ? fallback : value; }

static double beta_or(double value, double fallback) {
    return value == NN_BETA_ZERO ? 0 : given_or(value, fallback);
}

nn_optimizer_params nn_optimizer_resolve(nn_optimizer_params params) {
    const nn_optimizer_params *defaults = &params.kind->defaults;
    params.rate = given_or(params.rate, defaults->rate);
    params.beta1 = beta_or(params.beta1, defaults->beta1);
    params.beta2 = beta_or(params.beta2, defaults->beta2);
    params.epsilon = given_or(params.epsilon, defaults->epsilon);
    params.rho = beta_or(params.rho, defaults->rho);
    params.weight_decay = given_or(params.weight_decay, defaults->weight_decay);
    return params;
}

static bool check(const char *kind, const char *option, double value, bool ok, const char *rule,
                  ag_error *error) {
    return ok || ag_fail(error, AG_STATUS_USAGE, "optimizer %s: %s %g must %s", kind, option, value, rule);
}

static bool check_fraction(const char *kind, const char *option, double value, ag_error *error) {
    return check(kind, option, value, value >= 0 && value < 1, "lie in [0, 1)", error);
}

bool nn_optimizer_check(const nn_optimizer_params *params, ag_error *error) {
    const char *kind = params->kind->name;
    const double rate = params->rate, epsilon = params->epsilon, decay = params->weight_decay;
    return check(kind, "rate", rate, rate > 0 && isfinite(rate), "be positive and finite", error) &&
           check_fraction(kind, "beta1", params->beta1, error) &&
           check_fraction(kind, "beta2", params->beta2, error) &&
           check_fraction(kind, "momentum", params->momentum, error) &&
           check_fraction(kind, "rho", params->rho, error) &&
           check(kind, "epsilon", epsilon, epsilon >= 0 && isfinite(epsilon), "be positive and finite",
                 error) &&
           check(kind, "weight_decay", decay, decay >= 0 && isfinite(decay), "be at least 0 and finite",
                 error);
}
