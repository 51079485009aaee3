// SPDX-License-Identifier: MIT
// How far a run has come: as JSON, and checked against itself.
#include <string.h>

#include "models/state.h"
#include "nn/number.h"

// ---- members of the file's JSON ----

static bool missing(const char *part, const char *key, const char *kind, ag_error *error) {
    return ag_fail(error, AG_STATUS_MODEL, "%s: %s is missing or not %s", part, key, kind);
}

bool gan_state_int(const nn_json *part_json, const char *part, const char *key, int64_t *out,
                   ag_error *error) {
    return nn_json_read_int(nn_json_get(part_json, key), out) ||
           missing(part, key, "a whole number of 64 bits", error);
}

bool gan_state_double(const nn_json *part_json, const char *part, const char *key, double *out,
                      ag_error *error) {
    return nn_json_read_double(nn_json_get(part_json, key), out) || missing(part, key, "a number", error);
}

bool gan_state_bool(const nn_json *part_json, const char *part, const char *key, bool *out, ag_error *error) {
    return nn_json_read_bool(nn_json_get(part_json, key), out) || missing(part, key, "true or false", error);
}

bool gan_state_string(const nn_json *part_json, const char *part, const char *key, const char **out,
                      ag_error *error) {
    return nn_json_read_string(nn_json_get(part_json, key), out) || missing(part, key, "a text", error);
}

// ---- JSON ----

nn_json *gan_progress_to_json(const gan_progress *progress) {
    nn_json *o = nn_json_object();
    if (o && nn_json_set(o, "step", nn_json_int(progress->step)) &&
        nn_json_set(o, "d_step", nn_json_int(progress->d_step)) &&
        nn_json_set(o, "g_step", nn_json_int(progress->g_step)) &&
        nn_json_set(o, "history", gan_history_to_json(&progress->history)))
        return o;
    nn_json_free(o);
    return NULL;
}

bool gan_progress_from_json(gan_progress *progress, const nn_json *value, ag_error *error) {
    *progress = (gan_progress){0};
    return gan_state_int(value, "state", "step", &progress->step, error) &&
           gan_state_int(value, "state", "d_step", &progress->d_step, error) &&
           gan_state_int(value, "state", "g_step", &progress->g_step, error) &&
           gan_history_from_json(&progress->history, nn_json_get(value, "history"), error);
}

// ---- consistency ----

// Images of a data set are counted in 32 bits (nn/dataset.h).
static int64_t most_iterations(int64_t batch_size) { return (UINT32_MAX - 1) / batch_size + 1; }

static bool check_rows(const gan_history *history, int64_t iterations, ag_error *error) {
    for (int64_t i = 0; i < history->n; i++) {
        if (history->rows[i].iteration != (i + 1) * iterations)
            return ag_fail(error, AG_STATUS_MODEL,
                           "state: history row %lld has iteration %lld; epochs of %lld iteration%s make it "
                           "%lld",
                           (long long)i, (long long)history->rows[i].iteration, (long long)iterations,
                           nn_plural(iterations), (long long)((i + 1) * iterations));
    }
    return true;
}

bool gan_progress_check_epochs(const gan_progress *p, int64_t batch_size, int64_t iterations,
                               ag_error *error) {
    const int64_t most = most_iterations(batch_size);
    if (!iterations) iterations = p->history.n > 0 ? p->history.rows[0].iteration : most;
    if (iterations < 1 || iterations > most)
        return ag_fail(error, AG_STATUS_MODEL,
                       "state: history row 0 has iteration %lld; batches of %lld make it 1 to %lld",
                       (long long)iterations, (long long)batch_size, (long long)most);
    const int64_t low = p->history.n * iterations, high = low + iterations;
    if (p->step < low || p->step > high)
        return ag_fail(error, AG_STATUS_MODEL,
                       "state: step is %lld; a history of %lld epoch%s and batches of %lld make it %lld to "
                       "%lld",
                       (long long)p->step, (long long)p->history.n, nn_plural(p->history.n),
                       (long long)batch_size, (long long)low, (long long)high);
    return check_rows(&p->history, iterations, error);
}

static bool check_count(const char *key, int64_t got, int64_t wanted, int64_t step, const gan_config *config,
                        ag_error *error) {
    return got == wanted ||
           ag_fail(error, AG_STATUS_MODEL,
                   "state: %s is %lld; step %lld of gan %s, schedule %s, makes it %lld", key, (long long)got,
                   (long long)step, config->variant->name,
                   config->schedule == GAN_SCHEDULE_SEPARATE ? "separate" : "joint", (long long)wanted);
}

bool gan_progress_check_updates(const gan_progress *p, const gan_config *config, ag_error *error) {
    const int64_t per_iteration = config->schedule == GAN_SCHEDULE_SEPARATE ? 2 : 1;
    const int64_t every = gan_variant_generator_every(config->variant);
    return check_count("d_step", p->d_step, per_iteration * p->step, p->step, config, error) &&
           check_count("g_step", p->g_step, p->step / every, p->step, config, error);
}
