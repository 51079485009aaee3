// SPDX-License-Identifier: MIT
// dcgan resume: goes on with a run as if it had never stopped.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/dcgan/signals.h"
#include "apps/dcgan/training.h"
#include "apps/dcgan/use.h"
#include "autograd/environment.h"
#include "nn/file.h"

#define CONFIG_LIMIT 65536  // bytes

// config.json, if it is there: a model file may have been moved away from it.
static bool read_config(const run_dir *run, nn_json **out, char path[PATH_MAX], ag_error *error) {
    uint8_t *text = NULL;
    size_t n;
    *out = NULL;
    if (access(run_dir_file(run, RUN_CONFIG, path), F_OK) != 0) return true;
    if (!nn_file_load(path, CONFIG_LIMIT, AG_STATUS_MODEL, &text, &n, error)) return false;
    *out = nn_json_parse((const char *)text, n, path, AG_STATUS_MODEL, error);
    free(text);
    return *out != NULL;
}

// What made the run's numbers comes from the model itself.
static void take_trained(options *o, const dcgan *model) {
    const gan_config *config = gan_trainer_config(dcgan_trainer(model));
    o->values[OPTION_GAN].text = config->variant->name;
    o->values[OPTION_BATCH].integer = config->batch_size;
    o->values[OPTION_LS_EPSILON].number = config->label_smoothing;
    o->values[OPTION_SEED].integer = (int64_t)config->seed;
}

static bool check(const options *o, const dcgan *model, bool has_config, const char *path, ag_error *error) {
    if (!dcgan_trainer(model))
        return ag_fail(error, AG_STATUS_MODEL, "'%s' was never trained, so there is nothing to go on with",
                       path);
    if (!has_config && (!options_given(o, OPTION_DATA) || !options_given(o, OPTION_EPOCHS)))
        return ag_fail(error, AG_STATUS_USAGE,
                       "there is no %s beside '%s', so --data and --epochs must be given", RUN_CONFIG, path);
    const int64_t done = gan_trainer_history(dcgan_trainer(model))->n,
                  wanted = options_integer(o, OPTION_EPOCHS);
    return wanted > done ||
           ag_fail(error, AG_STATUS_USAGE,
                   "--epochs %lld: '%s' has %lld epochs already, and more are needed to go on",
                   (long long)wanted, path, (long long)done);
}

static void warn_of_other_bits(const dcgan *model, const char *path) {
    const char *then = dcgan_made_with(model), *now = ag_environment();
    if (strcmp(then, now) != 0)
        fprintf(stderr,
                "dcgan: warning: '%s' was trained by %s, this is %s; the result will not have the bits of "
                "one run\n",
                path, then, now);
}

static exit_code train(dcgan *model, options *o, const run_dir *run, ag_error *error) {
    exit_code code = EXIT_OK;
    take_trained(o, model);
    nn_dataset *data = use_data(o, error);
    signals_watch();
    if (data && use_check(model, data, error)) code = training_run(model, data, o, run, error);
    nn_dataset_free(data);
    return code;
}

static exit_code resume(options *o, const run_dir *run, ag_error *error) {
    char path[PATH_MAX], config[PATH_MAX];
    exit_code code = EXIT_OK;
    nn_json *json = NULL;
    dcgan *model = dcgan_open(run_dir_file(run, run->model, path), error);
    if (model && read_config(run, &json, config, error) &&
        (!json || options_from_json(o, json, config, error)) && check(o, model, json != NULL, path, error)) {
        warn_of_other_bits(model, path);
        code = train(model, o, run, error);
    }
    nn_json_free(json);
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
    .options = (const option_id[]){OPTION_EPOCHS, OPTION_DATA, OPTION_LIMIT_IMAGES, OPTION_SAMPLE_EVERY,
                                   OPTION_THREADS, OPTION_END},
    .run = run,
};
