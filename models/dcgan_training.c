// SPDX-License-Identifier: MIT
// The class's training: a trainer made at the first call, which later calls and saved files go on with.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models/dcgan_private.h"
#include "nn/given.h"

// What the hooks of a call share.
typedef struct session {
    dcgan *model;
    const dcgan_train_params *params;
    double started;  // of the epoch
    bool failed;     // no memory for the times; the run was stopped for it
    ag_error *error;
} session;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

gan_trainer *dcgan_create_trainer(dcgan *m, gan_config config, ag_error *error) {
    return gan_trainer_create(m->generator, m->discriminator, config, m->workspace, error);
}

static bool make_config(const dcgan *m, const dcgan_train_params *params, gan_config *config,
                        ag_error *error) {
    *config = (gan_config){
        .batch_size = params->batch_size, .label_smoothing = params->ls_epsilon, .seed = m->params.seed};
    config->variant = params->gan ? gan_variant_find(params->gan) : gan_variant_at(0);
    if (!config->batch_size) config->batch_size = 128;
    return config->variant ||
           ag_fail(error, AG_STATUS_USAGE, "gan '%s': no variant has this name", params->gan);
}

static bool check_same(const gan_config *was, const gan_config *now_wanted, ag_error *error) {
    if (was->variant != now_wanted->variant)
        return ag_fail(error, AG_STATUS_USAGE, "train: the model was trained as %s, %s is asked for",
                       was->variant->name, now_wanted->variant->name);
    if (was->batch_size != now_wanted->batch_size)
        return ag_fail(error, AG_STATUS_USAGE,
                       "train: the model was trained in batches of %lld, %lld is asked for",
                       (long long)was->batch_size, (long long)now_wanted->batch_size);
    return was->label_smoothing == now_wanted->label_smoothing ||
           ag_fail(error, AG_STATUS_USAGE, "train: the model was trained with ls_epsilon %g, %g is asked for",
                   was->label_smoothing, now_wanted->label_smoothing);
}

static bool check_digest(const dcgan *m, const nn_dataset *images, char digest[NN_DIGEST_TEXT],
                         ag_error *error) {
    if (!nn_dataset_digest(images, digest, error)) return false;
    if (m->data_digest[0] && strcmp(m->data_digest, digest) != 0)
        return ag_fail(error, AG_STATUS_DATA,
                       "%s: its images (digest %s) are not those the run was trained on (digest %s)",
                       images->path, digest, m->data_digest);
    return true;
}

// A loaded model that no run over its own images can have left is its file's fault.
static bool set_data(const dcgan *m, gan_trainer *trainer, const nn_dataset *images, ag_error *error) {
    ag_error cause = {0};
    if (gan_trainer_set_data(trainer, images, &cause)) return true;
    if (m->path && cause.status == AG_STATUS_MODEL) return dcgan_blame_file(m->path, &cause, error);
    if (error && error->status == AG_OK) *error = cause;
    return false;
}

static bool prepare(dcgan *m, const nn_dataset *images, const dcgan_train_params *params, ag_error *error) {
    gan_config config;
    char digest[NN_DIGEST_TEXT];
    if (params->epochs < 0 || params->sample_interval < 0)
        return ag_fail(error, AG_STATUS_USAGE,
                       "train: epochs %lld and sample interval %lld must not be negative",
                       (long long)params->epochs, (long long)params->sample_interval);
    if (!make_config(m, params, &config, error)) return false;
    if (m->trainer && !check_same(gan_trainer_config(m->trainer), &config, error)) return false;
    if (!check_digest(m, images, digest, error)) return false;
    gan_trainer *trainer = m->trainer ? m->trainer : dcgan_create_trainer(m, config, error);
    if (!trainer || !set_data(m, trainer, images, error)) {
        // A refused first call leaves no trainer, whose parameters a later call would have to repeat.
        if (!m->trainer) gan_trainer_free(trainer);
        return false;
    }
    m->trainer = trainer;
    memcpy(m->data_digest, digest, sizeof digest);
    return true;
}

// ---- hooks ----

static bool keep_seconds(session *s, int64_t epoch) {
    dcgan *m = s->model;
    if (epoch >= m->n_seconds) {
        double *grown = realloc(m->seconds, (size_t)(epoch + 1) * sizeof *grown);
        s->failed = !grown;
        if (!grown) return ag_fail(s->error, AG_STATUS_MEMORY, "train: no memory for the epochs' times");
        for (int64_t i = m->n_seconds; i <= epoch; i++) grown[i] = 0;
        m->seconds = grown;
        m->n_seconds = epoch + 1;
    }
    m->seconds[epoch] = now() - s->started;
    s->started = now();
    return true;
}

static bool sample_is_due(const dcgan_train_params *p, int64_t epoch) {
    const int64_t last = p->epochs - 1;
    return epoch == 0 || epoch == last || (p->sample_interval > 0 && epoch % p->sample_interval == 0);
}

static bool on_iteration(void *context, const gan_trainer *trainer) {
    const session *s = context;
    const gan_hooks *hooks = &s->params->hooks;
    return !hooks->iteration || hooks->iteration(hooks->context, trainer);
}

static bool on_epoch(void *context, const gan_trainer *trainer, const gan_epoch *row) {
    session *s = context;
    const dcgan_train_params *p = s->params;
    if (!keep_seconds(s, row->epoch)) return false;
    // The hook saves; one that stops the run still gets this epoch's pictures.
    const bool go_on = !p->hooks.epoch || p->hooks.epoch(p->hooks.context, trainer, row);
    const bool due = p->sample && sample_is_due(p, row->epoch);
    return (!due || p->sample(p->hooks.context, s->model, row->epoch)) && go_on;
}

static void fill_record(const dcgan *m, dcgan_record *record) {
    *record = (dcgan_record){.name = m->name};
    if (!m->trainer) return;
    const gan_config *config = gan_trainer_config(m->trainer);
    const gan_history *history = gan_trainer_history(m->trainer);
    *record = (dcgan_record){.name = m->name,
                             .epochs = history->n,
                             .batch_size = config->batch_size,
                             .ls_epsilon = config->label_smoothing,
                             .iterations = gan_trainer_step(m->trainer),
                             .history = history,
                             .epoch_seconds = m->n_seconds > 0 ? m->seconds : NULL};
    for (int64_t i = 0; i < m->n_seconds; i++) record->seconds += m->seconds[i];
}

gan_run dcgan_train(dcgan *m, const nn_dataset *images, dcgan_train_params params, dcgan_record *record,
                    ag_error *error) {
    if (!NN_GIVEN(m, "model", error) || !NN_GIVEN(images, "images", error)) return GAN_RUN_FAILED;
    if (!params.epochs) params.epochs = 40;
    session s = {.model = m, .params = &params, .error = error};
    const gan_hooks hooks = {.context = &s, .iteration = on_iteration, .epoch = on_epoch};
    gan_run run = GAN_RUN_FAILED;
    if (prepare(m, images, &params, error)) {
        s.started = now();
        run = gan_trainer_run(m->trainer, params.epochs, &hooks, error);
    }
    if (record) fill_record(m, record);
    return s.failed ? GAN_RUN_FAILED : run;
}
