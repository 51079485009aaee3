// SPDX-License-Identifier: MIT
// A run's configuration as JSON.
#include <stddef.h>
#include <string.h>

#include "models/state.h"

static const char *const schedule_names[] = {"default", "separate", "joint"};

// The optimizer's numbers, in the order of the file.
static const struct number {
    const char *key;
    size_t offset;
} numbers[] = {
    {"rate", offsetof(nn_optimizer_params, rate)},
    {"beta1", offsetof(nn_optimizer_params, beta1)},
    {"beta2", offsetof(nn_optimizer_params, beta2)},
    {"epsilon", offsetof(nn_optimizer_params, epsilon)},
    {"momentum", offsetof(nn_optimizer_params, momentum)},
    {"rho", offsetof(nn_optimizer_params, rho)},
    {"weight_decay", offsetof(nn_optimizer_params, weight_decay)},
};
enum { N_NUMBERS = sizeof numbers / sizeof *numbers };

static double *number_at(nn_optimizer_params *params, int i) {
    return (double *)((char *)params + numbers[i].offset);
}

static nn_json *optimizer_to_json(nn_optimizer_params params) {
    nn_json *o = nn_json_object();
    bool ok = o && nn_json_set(o, "name", nn_json_string(params.kind->name));
    for (int i = 0; i < N_NUMBERS && ok; i++)
        ok = nn_json_set(o, numbers[i].key, nn_json_double(*number_at(&params, i)));
    if (ok && nn_json_set(o, "torch_epsilon", nn_json_bool(params.torch_epsilon))) return o;
    nn_json_free(o);
    return NULL;
}

nn_json *gan_config_to_json(const gan_config *config) {
    nn_json *o = nn_json_object();
    if (o && nn_json_set(o, "gan", nn_json_string(config->variant->name)) &&
        nn_json_set(o, "schedule", nn_json_string(schedule_names[config->schedule])) &&
        nn_json_set(o, "batch_size", nn_json_int(config->batch_size)) &&
        nn_json_set(o, "ls_epsilon", nn_json_double(config->label_smoothing)) &&
        nn_json_set(o, "seed", nn_json_int((int64_t)config->seed)) &&
        nn_json_set(o, "optimizer", optimizer_to_json(config->optimizer)))
        return o;
    nn_json_free(o);
    return NULL;
}

static bool find_optimizer(nn_optimizer_params *params, const char *name, ag_error *error) {
    for (int i = 0; nn_optimizer_kind_at(i); i++) {
        if (strcmp(nn_optimizer_kind_at(i)->name, name) == 0)
            return params->kind = nn_optimizer_kind_at(i), true;
    }
    return ag_fail(error, AG_STATUS_MODEL, "config: optimizer %s: no optimizer has this name", name);
}

static bool read_optimizer(nn_optimizer_params *params, const nn_json *o, ag_error *error) {
    static const char part[] = "config: optimizer";
    const char *name;
    *params = (nn_optimizer_params){0};
    bool ok = gan_state_string(o, part, "name", &name, error) && find_optimizer(params, name, error);
    for (int i = 0; i < N_NUMBERS && ok; i++)
        ok = gan_state_double(o, part, numbers[i].key, number_at(params, i), error);
    return ok && gan_state_bool(o, part, "torch_epsilon", &params->torch_epsilon, error);
}

static bool read_variant(const gan_variant **variant, const nn_json *o, ag_error *error) {
    const char *name;
    if (!gan_state_string(o, "config", "gan", &name, error)) return false;
    *variant = gan_variant_find(name);
    return *variant || ag_fail(error, AG_STATUS_MODEL, "config: gan %s: no variant has this name", name);
}

static bool read_schedule(gan_schedule *schedule, const nn_json *o, ag_error *error) {
    const char *name;
    if (!gan_state_string(o, "config", "schedule", &name, error)) return false;
    for (int i = 0; i < (int)(sizeof schedule_names / sizeof *schedule_names); i++) {
        if (strcmp(schedule_names[i], name) == 0) return *schedule = (gan_schedule)i, true;
    }
    return ag_fail(error, AG_STATUS_MODEL, "config: schedule %s: no schedule has this name", name);
}

static bool read_batch_size(int64_t *batch_size, const nn_json *o, ag_error *error) {
    if (!gan_state_int(o, "config", "batch_size", batch_size, error)) return false;
    return (*batch_size >= 1 && *batch_size <= UINT32_MAX) ||
           ag_fail(error, AG_STATUS_MODEL, "config: batch_size %lld: it is 1 to %lld", (long long)*batch_size,
                   (long long)UINT32_MAX);
}

bool gan_config_from_json(gan_config *config, const nn_json *o, ag_error *error) {
    gan_config read = {0};
    int64_t seed;
    if (!read_variant(&read.variant, o, error) || !read_schedule(&read.schedule, o, error) ||
        !read_batch_size(&read.batch_size, o, error) ||
        !gan_state_double(o, "config", "ls_epsilon", &read.label_smoothing, error) ||
        !gan_state_int(o, "config", "seed", &seed, error) ||
        !read_optimizer(&read.optimizer, nn_json_get(o, "optimizer"), error))
        return false;
    read.seed = (uint64_t)seed;
    *config = read;
    return true;
}
