// SPDX-License-Identifier: MIT
// A run from its first iteration in this process to its last.
#define _GNU_SOURCE  // program_invocation_name
#include "apps/dcgan/training.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apps/dcgan/artifacts.h"
#include "apps/dcgan/config.h"
#include "apps/dcgan/progress.h"
#include "apps/dcgan/signals.h"
#include "apps/dcgan/text.h"
#include "autograd/precision.h"
#include "autograd/threads.h"

typedef struct session {
    training job;
    progress progress;
    ag_error *error;
    int64_t n_before;      // epochs that were done before this process
    int64_t saved_step;    // of the model on disk
    int64_t stretch_step;  // where the time in hand began
    double stretch_started;
} session;

bool training_check(const nn_dataset *data, const options *o, ag_error *error) {
    const long long batch = options_integer(o, OPTION_BATCH), limit = options_integer(o, OPTION_LIMIT_IMAGES);
    const bool few = data->n < 2, limited = limit == data->n;
    char images[TEXT_NUMBER];
    text_things(data->n, "image", images);
    if (!few && data->n >= batch) return true;
    if (few && !limited)
        return ag_fail(error, AG_STATUS_DATA, "'%s' holds %s, at least 2 are needed", data->path, images);
    if (few)
        return ag_fail(error, AG_STATUS_USAGE, "--limit-images %lld: at least 2 images are needed", limit);
    if (limited)
        return ag_fail(error, AG_STATUS_USAGE,
                       "--batch %lld: --limit-images %lld leaves %s of '%s', fewer than one batch", batch,
                       limit, images, data->path);
    return ag_fail(error, AG_STATUS_USAGE, "--batch %lld: '%s' holds only %s", batch, data->path, images);
}

int64_t training_epochs_done(const dcgan *model) {
    return dcgan_trainer(model) ? gan_trainer_history(dcgan_trainer(model))->n : 0;
}

bool training_is_between(const dcgan *model) {
    const gan_trainer *trainer = dcgan_trainer(model);
    const int64_t n = training_epochs_done(model);
    return !trainer ||
           gan_trainer_step(trainer) == (n > 0 ? gan_trainer_history(trainer)->rows[n - 1].iteration : 0);
}

bool training_is_left(const training *t) {
    return training_epochs_done(t->model) < options_integer(t->options, OPTION_EPOCHS);
}

// ---- words ----

static int64_t count_parameters(const nn_model *model) {
    int64_t n = 0;
    const ag_parameter_set *set = nn_model_set(model, 0);
    for (int i = 0; i < ag_parameter_set_count(set); i++) n += ag_parameter_set_at(set, i)->size;
    return n;
}

static void announce(const training *t) {
    const options *o = t->options;
    const nn_dataset *data = t->data;
    const gan_variant *variant = gan_variant_find(options_text(o, OPTION_GAN));
    const int64_t batch = options_integer(o, OPTION_BATCH);
    char a[TEXT_NUMBER], b[TEXT_NUMBER], folder[PATH_MAX];
    printf("data      %s: %s, %lld x %lld x %lld\n", data->path, text_things(data->n, "image", a),
           (long long)data->h, (long long)data->w, (long long)data->c);
    printf("networks  generator %s, discriminator %s\n",
           text_things(count_parameters(dcgan_generator(t->model)), "parameter", a),
           text_count(count_parameters(dcgan_discriminator(t->model)), b));
    printf("losses    %s: %s\n", variant->name, variant->summary);
    printf("training  %s of %s, batch %lld, label smoothing %g, seed %lld\n",
           text_things(options_integer(o, OPTION_EPOCHS), "epoch", a),
           text_things((data->n + batch - 1) / batch, "iteration", b), (long long)batch,
           options_number(o, OPTION_LS_EPSILON), (long long)options_integer(o, OPTION_SEED));
    printf("threads   %d, products in %s\n", ag_threads_get(),
           ag_precision_get() == AG_PRECISION_BF16 ? "bf16" : "f32");
    printf("output    %s\n", path_join(t->run->path, "", folder));
}

static void print_resume(const training *t, int64_t epochs, FILE *out) {
    const run_dir *run = t->run;
    char file[PATH_MAX], program[PATH_SHELL], operand[PATH_SHELL];
    const bool usual = strcmp(run->model, RUN_MODEL) == 0;
    path_quote(program_invocation_name, program);
    path_quote(usual ? run->path : run_dir_file(run, run->model, file), operand);
    fprintf(out, "%s resume %s --epochs %lld\n", program, operand, (long long)epochs);
}

// ---- saving ----

static bool save_model(session *s) {
    const training *t = &s->job;
    char path[PATH_MAX];
    if (!dcgan_save(t->model, run_dir_file(t->run, t->run->model, path), s->error)) return false;
    s->saved_step = gan_trainer_step(dcgan_trainer(t->model));
    return true;
}

static bool save_time(session *s, int64_t epoch) {
    const int64_t step = gan_trainer_step(dcgan_trainer(s->job.model));
    const double now = live_clock();
    const bool ok =
        artifacts_add_time(s->job.run, epoch, step - s->stretch_step, now - s->stretch_started, s->error);
    s->stretch_step = step;
    s->stretch_started = now;
    return ok;
}

// The model first: all else can be made again from it.
static bool save_all(session *s, int64_t epoch) {
    const training *t = &s->job;
    const gan_history *history = gan_trainer_history(dcgan_trainer(t->model));
    return save_model(s) && config_save(t->run, t->options, s->error) &&
           artifacts_save_log(t->run, history, s->error) &&
           artifacts_save_charts(t->run, history, s->error) && save_time(s, epoch);
}

// Before the model moves on, since a model of a later epoch no longer tells why the grid was there.
static bool remove_passing_grid(session *s) {
    const int64_t epoch = s->job.passing_grid;
    s->job.passing_grid = -1;
    return epoch < 0 || artifacts_remove_fakes(s->job.run, epoch, s->error);
}

// ---- mending ----

// The model on disk draws the grid of its last epoch, as long as no iteration followed.
static bool mend_grid(const training *t, int64_t epoch, ag_error *error) {
    const bool due = t->passing_grid < 0 || !training_is_left(t);
    return !due || !training_is_between(t->model) || artifacts_have_fakes(t->run, epoch) ||
           artifacts_save_fakes(t->run, t->model, epoch, error);
}

bool training_mend(const training *t, ag_error *error) {
    const gan_trainer *trainer = dcgan_trainer(t->model);
    if (!artifacts_have_reals(t->run) && !artifacts_save_reals(t->run, t->data, error)) return false;
    if (!trainer || gan_trainer_history(trainer)->n == 0) return true;
    const gan_history *history = gan_trainer_history(trainer);
    return artifacts_save_log(t->run, history, error) && artifacts_save_charts(t->run, history, error) &&
           mend_grid(t, history->n - 1, error);
}

// ---- hooks ----

static bool on_iteration(void *context, const gan_trainer *trainer) {
    session *s = context;
    progress_iteration(&s->progress, trainer);
    return !signals_arrived();
}

static bool on_sample(void *context, dcgan *model, int64_t epoch) {
    const session *s = context;
    // No picture of an epoch whose model could not be saved.
    return s->error->status == AG_OK && artifacts_save_fakes(s->job.run, model, epoch, s->error);
}

static bool on_epoch(void *context, const gan_trainer *trainer, const gan_epoch *row) {
    (void)trainer;
    session *s = context;
    progress_epoch(&s->progress, row);
    return remove_passing_grid(s) && save_all(s, row->epoch) && !signals_arrived();
}

// ---- ends ----

// Images trained on in the first `step` iterations; the last batch of an epoch may be short.
static int64_t images_until(const training *t, int64_t step) {
    const int64_t per_epoch = gan_trainer_iterations(dcgan_trainer(t->model));
    return step / per_epoch * t->data->n + step % per_epoch * options_integer(t->options, OPTION_BATCH);
}

static exit_code end_done(const session *s, double seconds) {
    const training *t = &s->job;
    char duration[TEXT_NUMBER], done[TEXT_NUMBER], folder[PATH_MAX];
    const int64_t images =
        images_until(t, gan_trainer_step(dcgan_trainer(t->model))) - images_until(t, s->progress.first_step);
    const int64_t epochs = options_integer(t->options, OPTION_EPOCHS);
    printf("\n%s done in %s, %.0f images/s\n", text_things(epochs - s->n_before, "epoch", done),
           text_duration(seconds, duration), (double)images / seconds);
    printf("%s: %s, log.csv, fakes-e%04lld.png, losses.png, ...\ngo on with: ",
           path_join(t->run->path, "", folder), t->run->model, (long long)(epochs - 1));
    print_resume(t, 2 * epochs, stdout);
    return EXIT_OK;
}

static exit_code end_interrupted(session *s) {
    const training *t = &s->job;
    const gan_trainer *trainer = dcgan_trainer(t->model);
    const int64_t step = gan_trainer_step(trainer), per_epoch = gan_trainer_iterations(trainer);
    const bool between = step == gan_trainer_history(trainer)->n * per_epoch;
    if (!between && !save_all(s, (step - 1) / per_epoch)) return EXIT_OUTPUT;
    printf("stopped after iteration %lld (epoch %lld) and saved; go on with: ", (long long)step,
           (long long)((step - 1) / per_epoch));
    print_resume(t, options_integer(t->options, OPTION_EPOCHS), stdout);
    return EXIT_INTERRUPTED;
}

// Says what is left and how to go on, behind the error itself.
static exit_code end_failed(const session *s) {
    const training *t = &s->job;
    char path[PATH_MAX];
    const ag_status status = s->error->status;
    if (status != AG_STATUS_OUTPUT && status != AG_STATUS_DIVERGED) return EXIT_OUTPUT;
    const exit_code code = command_report(s->error);
    *s->error = (ag_error){0};
    fprintf(stderr, "dcgan: training stopped; '%s' holds the model of iteration %lld, whole; ",
            run_dir_file(t->run, t->run->model, path), (long long)s->saved_step);
    if (status == AG_STATUS_DIVERGED) {
        fprintf(stderr, "another --seed, --ls-epsilon 0.1 or another --gan may stay finite\n");
        return code;
    }
    fprintf(stderr, "once it can be written again, go on with: ");
    print_resume(t, options_integer(t->options, OPTION_EPOCHS), stderr);
    return code;
}

static dcgan_train_params train_params(session *s) {
    const options *o = s->job.options;
    return (dcgan_train_params){
        .epochs = options_integer(o, OPTION_EPOCHS),
        .batch_size = options_integer(o, OPTION_BATCH),
        .ls_epsilon = options_number(o, OPTION_LS_EPSILON),
        .sample_interval = options_integer(o, OPTION_SAMPLE_EVERY),
        .gan = options_text(o, OPTION_GAN),
        .hooks = {.context = s, .iteration = on_iteration, .epoch = on_epoch},
        .sample = on_sample,
    };
}

exit_code training_complete(const training *t, ag_error *error) {
    char epochs[TEXT_NUMBER], folder[PATH_MAX];
    if (!config_save(t->run, t->options, error)) return EXIT_OUTPUT;
    printf("%s: %s done, nothing was left to train; log.csv, the charts and the last grid are there\n",
           path_join(t->run->path, "", folder), text_things(training_epochs_done(t->model), "epoch", epochs));
    return EXIT_OK;
}

exit_code training_run(const training *t, ag_error *error) {
    const gan_trainer *trainer = dcgan_trainer(t->model);
    const int64_t step = trainer ? gan_trainer_step(trainer) : 0;
    session s = {.job = *t,
                 .error = error,
                 .n_before = training_epochs_done(t->model),
                 .saved_step = step,
                 .stretch_step = step};
    announce(t);
    progress_start(&s.progress, options_integer(t->options, OPTION_EPOCHS), step);
    const double started = s.stretch_started = live_clock();
    const gan_run result = dcgan_train(t->model, t->data, train_params(&s), NULL, error);
    progress_end(&s.progress);
    if (result == GAN_RUN_FAILED || error->status != AG_OK) return end_failed(&s);
    if (result == GAN_RUN_STOPPED) return end_interrupted(&s);
    return end_done(&s, live_clock() - started);
}
