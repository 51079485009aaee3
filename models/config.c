// SPDX-License-Identifier: MIT
// A run's configuration as JSON.
#include <string.h>

#include "models/state.h"

static const char *const schedule_names[] = {"default", "separate", "joint"};

static nn_json *optimizer_to_json(const nn_optimizer_params *p) {
    nn_json *o = nn_json_object();
    if (o && nn_json_set(o, "name", nn_json_string(p->kind->name)) &&
        nn_json_set(o, "rate", nn_json_double(p->rate)) &&
        nn_json_set(o, "beta1", nn_json_double(p->beta1)) &&
        nn_json_set(o, "beta2", nn_json_double(p->beta2)) &&
        nn_json_set(o, "epsilon", nn_json_double(p->epsilon)) &&
        nn_json_set(o, "momentum", nn_json_double(p->momentum)) &&
        nn_json_set(o, "rho", nn_json_double(p->rho)) &&
        nn_json_set(o, "weight_decay", nn_json_double(p->weight_decay)) &&
        nn_json_set(o, "torch_epsilon", nn_json_bool(p->torch_epsilon)))
        return o;
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
        nn_json_set(o, "optimizer", optimizer_to_json(&config->optimizer)))
        return o;
    nn_json_free(o);
    return NULL;
}

static bool read_optimizer(nn_optimizer_params *p, const nn_json *o, ag_error *error) {
    const char *name = NULL;
    *p = (nn_optimizer_params){0};
    nn_json_read_string(nn_json_get(o, "name"), &name);
    for (int i = 0; name && nn_optimizer_kind_at(i); i++) {
        if (strcmp(nn_optimizer_kind_at(i)->name, name) == 0) p->kind = nn_optimizer_kind_at(i);
    }
    if (!p->kind)
        return ag_fail(error, AG_STATUS_MODEL, "config: no optimizer is called %s", name ? name : "(none)");
    return (nn_json_read_double(nn_json_get(o, "rate"), &p->rate) &&
            nn_json_read_double(nn_json_get(o, "beta1"), &p->beta1) &&
            nn_json_read_double(nn_json_get(o, "beta2"), &p->beta2) &&
            nn_json_read_double(nn_json_get(o, "epsilon"), &p->epsilon) &&
            nn_json_read_double(nn_json_get(o, "momentum"), &p->momentum) &&
            nn_json_read_double(nn_json_get(o, "rho"), &p->rho) &&
            nn_json_read_double(nn_json_get(o, "weight_decay"), &p->weight_decay) &&
            nn_json_read_bool(nn_json_get(o, "torch_epsilon"), &p->torch_epsilon)) ||
           ag_fail(error, AG_STATUS_MODEL, "config: the optimizer's numbers are not complete");
}

static bool read_schedule(gan_schedule *schedule, const char *name, ag_error *error) {
    for (int i = 0; i < (int)(sizeof schedule_names / sizeof *schedule_names); i++) {
        if (name && strcmp(schedule_names[i], name) == 0) return *schedule = (gan_schedule)i, true;
    }
    return ag_fail(error, AG_STATUS_MODEL, "config: no schedule is called %s", name ? name : "(none)");
}

bool gan_config_from_json(gan_config *config, const nn_json *o, ag_error *error) {
    const char *variant = NULL, *schedule = NULL;
    gan_config read = {0};
    int64_t seed = 0;
    nn_json_read_string(nn_json_get(o, "gan"), &variant);
    nn_json_read_string(nn_json_get(o, "schedule"), &schedule);
    read.variant = variant ? gan_variant_find(variant) : NULL;
    if (!read.variant)
        return ag_fail(error, AG_STATUS_MODEL, "config: no GAN variant is called %s",
                       variant ? variant : "(none)");
    if (!nn_json_read_int(nn_json_get(o, "batch_size"), &read.batch_size) ||
        !nn_json_read_double(nn_json_get(o, "ls_epsilon"), &read.label_smoothing) ||
        !nn_json_read_int(nn_json_get(o, "seed"), &seed))
        return ag_fail(error, AG_STATUS_MODEL, "config: batch_size, ls_epsilon or seed is not a number");
    if (read.batch_size < 1)
        return ag_fail(error, AG_STATUS_MODEL, "config: batch_size %lld, at least 1 is needed",
                       (long long)read.batch_size);
    read.seed = (uint64_t)seed;
    if (!read_schedule(&read.schedule, schedule, error) ||
        !read_optimizer(&read.optimizer, nn_json_get(o, "optimizer"), error))
        return false;
    *config = read;
    return true;
}
