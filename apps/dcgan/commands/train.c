// SPDX-License-Identifier: MIT
// dcgan train: a new run in a folder of its own.
#include "apps/dcgan/artifacts.h"
#include "apps/dcgan/config.h"
#include "apps/dcgan/training.h"
#include "apps/dcgan/use.h"

static dcgan *create(const nn_dataset *data, const options *o, ag_error *error) {
    ag_error why = {0};
    const dcgan_params params = {.image_shape = AG_SHAPE(data->h, data->w, data->c),
                                 .seed = (uint64_t)options_integer(o, OPTION_SEED)};
    dcgan *model = dcgan_create(params, &why);
    // The shape is the only parameter that can be at fault, and it is the data's.
    if (!model && why.status == AG_STATUS_USAGE)
        ag_fail(error, AG_STATUS_DATA, "'%s': %s", data->path, why.text);
    else if (!model)
        *error = why;
    return model;
}

// The model first: from then on the run can be resumed.
static bool begin(dcgan *model, const nn_dataset *data, const options *o, run_dir *run, ag_error *error) {
    char path[PATH_MAX];
    return run_dir_create(run, options_text(o, OPTION_RUN_DIR), error) &&
           dcgan_save(model, run_dir_file(run, run->model, path), error) && config_save(run, o, error) &&
           artifacts_save_reals(run, data, error);
}

static exit_code train(dcgan *model, const nn_dataset *data, const options *o, ag_error *error) {
    run_dir run;
    const training job = {.model = model, .data = data, .options = o, .run = &run, .passing_grid = -1};
    exit_code code = EXIT_OK;
    if (begin(model, data, o, &run, error)) code = training_run(&job, error);
    run_dir_close(&run);
    return code;
}

static exit_code run(const options *o, ag_error *error) {
    exit_code code = EXIT_OK;
    use_precision(o);
    nn_dataset *data = use_data(o, error);
    dcgan *model = data ? create(data, o, error) : NULL;
    if (model && training_check(data, o, error)) code = train(model, data, o, error);
    dcgan_free(model);
    nn_dataset_free(data);
    return code;
}

const command command_train = {
    .name = "train",
    .summary = "Train a new model on a set of images",
    .trains = true,
    .options = (const option_id[]){OPTION_DATA, OPTION_EPOCHS, OPTION_BATCH, OPTION_LS_EPSILON, OPTION_GAN,
                                   OPTION_SEED, OPTION_LIMIT_IMAGES, OPTION_SAMPLE_EVERY, OPTION_THREADS,
                                   OPTION_PRECISION, OPTION_RUN_DIR, OPTION_END},
    .run = run,
};
