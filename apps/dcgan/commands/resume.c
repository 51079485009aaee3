// SPDX-License-Identifier: MIT
// dcgan resume: goes on with a run as if it had never stopped.
#include <stdio.h>
#include <string.h>

#include "apps/dcgan/config.h"
#include "apps/dcgan/text.h"
#include "apps/dcgan/training.h"
#include "apps/dcgan/use.h"
#include "autograd/environment.h"

// ---- what is asked for ----

static bool check_moved(const options *o, const dcgan *model, const char *file, ag_error *error) {
    if (!dcgan_trainer(model))
        return ag_fail(error, AG_STATUS_MODEL,
                       "'%s' was never trained, and there is no %s beside it that says how it should be",
                       file, RUN_CONFIG);
    return (options_given(o, OPTION_DATA) && options_given(o, OPTION_EPOCHS)) ||
           ag_fail(error, AG_STATUS_USAGE, "there is no %s beside '%s', so --data and --epochs must be given",
                   RUN_CONFIG, file);
}

// As many as are done is a wish for the files that belong to them.
static bool check_epochs(const options *o, const dcgan *model, const char *file, ag_error *error) {
    char had[TEXT_NUMBER];
    const int64_t done = training_epochs_done(model), wanted = options_integer(o, OPTION_EPOCHS);
    const bool between = training_is_between(model);
    return wanted > done || (wanted == done && between) ||
           ag_fail(error, AG_STATUS_USAGE, "--epochs %lld: '%s' has %s%s already, and a run never goes back",
                   (long long)wanted, file, text_things(done, "epoch", had),
                   between ? "" : " and a part of the next");
}

static bool is_due(int64_t epoch, int64_t every) { return epoch == 0 || (every > 0 && epoch % every == 0); }

// The last epoch's, unless the run had it, or has it now, for another reason. -1: none.
static int64_t passing_grid(const dcgan *model, int64_t every_before, const options *o) {
    const int64_t last = training_epochs_done(model) - 1;
    return is_due(last, every_before) || is_due(last, options_integer(o, OPTION_SAMPLE_EVERY)) ? -1 : last;
}

// Fills o from the run's configuration and its model.
static bool complete(const config *c, const char *file, options *o, training *job, ag_error *error) {
    options before = *o;  // with the run's own interval, whatever is asked for now
    before.values[OPTION_SAMPLE_EVERY].given = false;
    if (!c->json && !check_moved(o, job->model, file, error)) return false;
    if (!config_apply(c, &before, error) || !config_apply(c, o, error) ||
        !config_follow_model(c, job->model, file, o, error))
        return false;
    job->passing_grid = passing_grid(job->model, options_integer(&before, OPTION_SAMPLE_EVERY), o);
    return check_epochs(o, job->model, file, error);
}

// ---- going on ----

static bool check_digest(const dcgan *model, const nn_dataset *data, int64_t limit, ag_error *error) {
    const char *trained = dcgan_data_digest(model);
    char digest[NN_DIGEST_TEXT], limited[64] = "";
    if (!nn_dataset_digest(data, digest, error)) return false;
    if (limit > 0) snprintf(limited, sizeof limited, " under --limit-images %lld", (long long)limit);
    return !*trained || strcmp(trained, digest) == 0 ||
           ag_fail(error, AG_STATUS_DATA,
                   "'%s': its images%s (digest %s) are not those the run was trained on (digest %s)",
                   data->path, limited, digest, trained);
}

static bool check_data(const training *job, ag_error *error) {
    return use_check(job->model, job->data, error) &&
           check_digest(job->model, job->data, options_integer(job->options, OPTION_LIMIT_IMAGES), error) &&
           training_check(job->data, job->options, error);
}

static void warn_of_other_bits(const dcgan *model, const char *path) {
    const char *then = dcgan_made_with(model), *now = ag_environment();
    if (strcmp(then, now) != 0)
        fprintf(stderr,
                "dcgan: warning: '%s' was trained by %s, this is %s; the result will not have the bits of "
                "one run\n",
                path, then, now);
}

static exit_code train(training *job, const char *file, ag_error *error) {
    exit_code code = EXIT_OK;
    nn_dataset *data = use_data(job->options, error);
    job->data = data;
    if (data && check_data(job, error) && training_mend(job, error)) {
        if (training_is_left(job)) use_precision(job->options), warn_of_other_bits(job->model, file);
        code = training_is_left(job) ? training_run(job, error) : training_complete(job, error);
    }
    use_blame(file, error);
    nn_dataset_free(data);
    return code;
}

static exit_code resume(options *o, const run_dir *run, ag_error *error) {
    char file[PATH_MAX];
    exit_code code = EXIT_OK;
    config c = {0};
    dcgan *model = dcgan_open(run_dir_file(run, run->model, file), error);
    training job = {.model = model, .options = o, .run = run};
    if (model && config_open(&c, run, error) && complete(&c, file, o, &job, error) &&
        run_dir_check_writable(run, error))
        code = train(&job, file, error);
    config_close(&c);
    dcgan_free(model);
    return code;
}

static exit_code run(const options *given, ag_error *error) {
    options o = *given;
    run_dir where;
    exit_code code = EXIT_OK;
    if (run_dir_open(&where, o.operand, error)) code = resume(&o, &where, error);
    run_dir_close(&where);
    return code;
}

const command command_resume = {
    .name = "resume",
    .summary = "Go on with a run, exactly as if it had not stopped",
    .operand = "RUN_DIR|MODEL",
    .presets = "what the run's config.json says; one thread for each processor",
    .trains = true,
    .options = (const option_id[]){OPTION_EPOCHS, OPTION_DATA, OPTION_LIMIT_IMAGES, OPTION_SAMPLE_EVERY,
                                   OPTION_THREADS, OPTION_END},
    .run = run,
};
