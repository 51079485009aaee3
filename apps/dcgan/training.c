// SPDX-License-Identifier: MIT
// A run from its first iteration in this process to its last.
#define _GNU_SOURCE  // program_invocation_name
#include "apps/dcgan/training.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/dcgan/artifacts.h"
#include "apps/dcgan/progress.h"
#include "apps/dcgan/signals.h"
#include "apps/dcgan/text.h"
#include "autograd/threads.h"

typedef struct session {
    dcgan *model;
    const options *options;
    const run_dir *run;
    progress progress;
    ag_error *error;
    int64_t n_images;      // of the data set
    int64_t n_before;      // epochs that were done before this process
    int64_t saved_step;    // of the model on disk; -1: there is none
    int64_t stretch_step;  // where the time in hand began
    double stretch_started;
} session;

// ---- words ----

static int64_t count_parameters(const nn_model *model) {
    int64_t n = 0;
    const ag_parameter_set *set = nn_model_set(model, 0);
    for (int i = 0; i < ag_parameter_set_count(set); i++) n += ag_parameter_set_at(set, i)->size;
    return n;
}

static void announce(const session *s, const nn_dataset *data) {
    const options *o = s->options;
    const gan_variant *variant = gan_variant_find(options_text(o, OPTION_GAN));
    const int64_t batch = options_integer(o, OPTION_BATCH);
    char a[TEXT_NUMBER], b[TEXT_NUMBER];
    printf("data      %s: %s images, %lld x %lld x %lld\n", data->path, text_count(data->n, a),
           (long long)data->h, (long long)data->w, (long long)data->c);
    printf("networks  generator %s parameters, discriminator %s\n",
           text_count(count_parameters(dcgan_generator(s->model)), a),
           text_count(count_parameters(dcgan_discriminator(s->model)), b));
    printf("losses    %s: %s\n", variant->name, variant->summary);
    printf("training  %lld epochs of %lld iterations, batch %lld, label smoothing %g, seed %lld\n",
           (long long)options_integer(o, OPTION_EPOCHS), (long long)((data->n + batch - 1) / batch),
           (long long)batch, options_number(o, OPTION_LS_EPSILON),
           (long long)options_integer(o, OPTION_SEED));
    printf("threads   %d\n", ag_threads_get());
    printf("output    %s/\n", s->run->path);
}

// As a shell reads it back.
static void print_quoted(const char *word, FILE *out) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+=:,@%";
    if (word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++) fputs(*word == '\'' ? "'\\''" : (char[]){*word, '\0'}, out);
    fputc('\'', out);
}

static void print_resume(const session *s, int64_t epochs, FILE *out) {
    char path[PATH_MAX];
    const bool usual = strcmp(s->run->model, RUN_MODEL) == 0;
    print_quoted(program_invocation_name, out);
    fputs(" resume ", out);
    print_quoted(usual ? s->run->path : run_dir_file(s->run, s->run->model, path), out);
    fprintf(out, " --epochs %lld\n", (long long)epochs);
}

// ---- saving ----

static bool save_model(session *s) {
    char path[PATH_MAX];
    if (!dcgan_save(s->model, run_dir_file(s->run, s->run->model, path), s->error)) return false;
    s->saved_step = gan_trainer_step(dcgan_trainer(s->model));
    return true;
}

static bool save_time(session *s, int64_t epoch) {
    const int64_t step = gan_trainer_step(dcgan_trainer(s->model));
    const double now = progress_clock();
    const bool ok =
        artifacts_add_time(s->run, epoch, step - s->stretch_step, now - s->stretch_started, s->error);
    s->stretch_step = step;
    s->stretch_started = now;
    return ok;
}

// The model first: all else can be made again from it.
static bool save_all(session *s, int64_t epoch) {
    const gan_history *history = gan_trainer_history(dcgan_trainer(s->model));
    return save_model(s) && artifacts_save_config(s->run, s->options, s->error) &&
           artifacts_save_log(s->run, history, s->error) &&
           artifacts_save_charts(s->run, history, s->error) && save_time(s, epoch);
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
    return s->error->status == AG_OK && artifacts_save_fakes(s->run, model, epoch, s->error);
}

static bool on_epoch(void *context, const gan_trainer *trainer, const gan_epoch *row) {
    (void)trainer;
    session *s = context;
    progress_epoch(&s->progress, row);
    return save_all(s, row->epoch) && !signals_arrived();
}

// ---- ends ----

// Images trained on in the first `step` iterations; the last batch of an epoch may be short.
static int64_t images_until(const session *s, int64_t step) {
    const int64_t per_epoch = gan_trainer_iterations(dcgan_trainer(s->model));
    return step / per_epoch * s->n_images + step % per_epoch * options_integer(s->options, OPTION_BATCH);
}

static exit_code end_done(const session *s, double seconds) {
    char text[TEXT_NUMBER];
    const int64_t images =
        images_until(s, gan_trainer_step(dcgan_trainer(s->model))) - images_until(s, s->progress.first_step);
    const int64_t epochs = options_integer(s->options, OPTION_EPOCHS);
    printf("\n%lld epochs done in %s, %.0f images/s\n", (long long)(epochs - s->n_before),
           text_duration(seconds, text), (double)images / seconds);
    printf("%s/: %s, log.csv, fakes-e%04lld.png, losses.png, ...\ngo on with: ", s->run->path, s->run->model,
           (long long)(epochs - 1));
    print_resume(s, 2 * epochs, stdout);
    return EXIT_OK;
}

static exit_code end_interrupted(session *s) {
    const gan_trainer *trainer = dcgan_trainer(s->model);
    const int64_t step = gan_trainer_step(trainer), per_epoch = gan_trainer_iterations(trainer);
    const bool between = step == gan_trainer_history(trainer)->n * per_epoch;
    if (!between && !save_all(s, (step - 1) / per_epoch)) return EXIT_OUTPUT;
    printf("stopped after iteration %lld (epoch %lld) and saved; go on with: ", (long long)step,
           (long long)((step - 1) / per_epoch));
    print_resume(s, options_integer(s->options, OPTION_EPOCHS), stdout);
    return EXIT_INTERRUPTED;
}

// Says what is left and how to go on, behind the error itself.
static exit_code end_failed(const session *s) {
    char path[PATH_MAX];
    const ag_status status = s->error->status;
    if (status != AG_STATUS_OUTPUT && status != AG_STATUS_DIVERGED) return EXIT_OUTPUT;
    const exit_code code = command_report(s->error);
    *s->error = (ag_error){0};
    fprintf(stderr, "dcgan: training stopped; ");
    if (s->saved_step < 0) {
        fprintf(stderr, "no model was saved yet\n");
        return code;
    }
    fprintf(stderr, "%s holds the model of iteration %lld, whole; ",
            run_dir_file(s->run, s->run->model, path), (long long)s->saved_step);
    if (status == AG_STATUS_DIVERGED) {
        fprintf(stderr, "another --seed, --ls-epsilon 0.1 or another --gan may stay finite\n");
        return code;
    }
    fprintf(stderr, "once it can be written again, go on with: ");
    print_resume(s, options_integer(s->options, OPTION_EPOCHS), stderr);
    return code;
}

static dcgan_train_params train_params(session *s) {
    const options *o = s->options;
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

exit_code training_run(dcgan *model, const nn_dataset *data, const options *o, const run_dir *run,
                       ag_error *error) {
    const gan_trainer *trainer = dcgan_trainer(model);
    const int64_t step = trainer ? gan_trainer_step(trainer) : 0;
    session s = {.model = model,
                 .options = o,
                 .run = run,
                 .error = error,
                 .n_images = data->n,
                 .n_before = trainer ? gan_trainer_history(trainer)->n : 0,
                 .saved_step = trainer ? step : -1,
                 .stretch_step = step};
    ag_threads_set((int)options_integer(o, OPTION_THREADS));
    announce(&s, data);
    progress_start(&s.progress, options_integer(o, OPTION_EPOCHS), step);
    const double started = s.stretch_started = progress_clock();
    const gan_run result = dcgan_train(model, data, train_params(&s), NULL, error);
    progress_clear(&s.progress);
    if (result == GAN_RUN_FAILED || error->status != AG_OK) return end_failed(&s);
    if (result == GAN_RUN_STOPPED) return end_interrupted(&s);
    return end_done(&s, progress_clock() - started);
}
