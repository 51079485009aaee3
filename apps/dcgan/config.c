// SPDX-License-Identifier: MIT
// Writing config.json, reading it, and holding it against the model.
#include "apps/dcgan/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/environment.h"
#include "nn/file.h"

#define LIMIT 65536  // bytes

bool config_save(const run_dir *run, const options *o, ag_error *error) {
    char path[PATH_MAX], data[PATH_MAX];
    options absolute = *o;
    // A run is resumed from any folder.
    if (realpath(options_text(o, OPTION_DATA), data)) absolute.values[OPTION_DATA].text = data;
    run_dir_file(run, RUN_CONFIG, path);
    nn_json *json = options_to_json(&absolute);
    char *text = json ? nn_json_print_pretty(json) : NULL;
    nn_json_free(json);
    const bool ok =
        text ? nn_file_save(path, text, strlen(text), error)
             : ag_fail(error, AG_STATUS_MEMORY, "'%s': no memory, or a path that is not UTF-8", path);
    free(text);
    return ok;
}

bool config_open(config *c, const run_dir *run, ag_error *error) {
    uint8_t *text = NULL;
    size_t n;
    *c = (config){0};
    if (access(run_dir_file(run, RUN_CONFIG, c->path), F_OK) != 0) return true;
    if (!nn_file_load(c->path, LIMIT, AG_STATUS_MODEL, &text, &n, error)) return false;
    c->json = nn_json_parse((const char *)text, n, c->path, AG_STATUS_MODEL, error);
    free(text);
    return c->json != NULL;
}

void config_close(config *c) { nn_json_free(c->json); }

bool config_apply(const config *c, options *o, ag_error *error) {
    return !c->json || options_from_json(o, c->json, c->path, error);
}

// ---- the model ----

// A wish for a precision stays in config.json, also where a processor could not fulfil it; without the file
// the run goes on as it was trained.
static void take_precision(const dcgan *model, options *o) {
    const ag_precision trained = ag_environment_precision(dcgan_made_with(model));
    o->values[OPTION_PRECISION].text = trained == AG_PRECISION_BF16 ? "bf16" : "f32";
}

// A model that was never trained knows the seed that training goes on with, and no more.
static void take_trained(const dcgan *model, options *o) {
    const gan_trainer *trainer = dcgan_trainer(model);
    o->values[OPTION_SEED].integer = (int64_t)dcgan_seed(model);
    if (!trainer) return;
    const gan_config *trained = gan_trainer_config(trainer);
    o->values[OPTION_GAN].text = trained->variant->name;
    o->values[OPTION_BATCH].integer = trained->batch_size;
    o->values[OPTION_LS_EPSILON].number = trained->label_smoothing;
    o->values[OPTION_SEED].integer = (int64_t)trained->seed;
}

bool config_follow_model(const config *c, const dcgan *model, const char *file, options *o, ag_error *error) {
    static const option_id shared[] = {OPTION_GAN, OPTION_BATCH, OPTION_LS_EPSILON, OPTION_SEED};
    char said[OPTION_TEXT_BYTES], true_value[OPTION_TEXT_BYTES];
    options trained = *o;
    take_trained(model, &trained);
    if (!c->json) take_precision(model, &trained);
    for (size_t i = 0; i < sizeof shared / sizeof *shared && c->json; i++) {
        options_format(o, shared[i], said);
        options_format(&trained, shared[i], true_value);
        if (strcmp(said, true_value) != 0)
            return ag_fail(error, AG_STATUS_MODEL,
                           "'%s': \"%s\" is %s, but '%s' was made with %s, which a run keeps to its end",
                           c->path, option_at(shared[i])->name, said, file, true_value);
    }
    *o = trained;
    return true;
}
