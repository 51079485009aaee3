// SPDX-License-Identifier: MIT
// A run's config.json: a record, for people and for resume, of the options that shaped the result. Where it
// and the model file both know a number, the model file rules.
#pragma once

#include "apps/dcgan/options.h"
#include "apps/dcgan/run_dir.h"
#include "models/dcgan.h"

typedef struct config {
    char path[PATH_MAX];
    nn_json *json;  // NULL: there is no such file
} config;

// All options that belong to it, defaults filled in.
bool config_save(const run_dir *run, const options *o, ag_error *error);

// Reads the run's. A missing one is no error: a model file may have been moved away from it. Close it on
// failure too.
bool config_open(config *c, const run_dir *run, ag_error *error);
void config_close(config *c);

// Takes into o what the command line did not give; its texts stay borrowed. AG_STATUS_MODEL when a value is
// missing or impossible. Without a file nothing happens.
bool config_apply(const config *c, options *o, ag_error *error);

// Makes what the model in `file` was trained with, as far as it was, o's. AG_STATUS_MODEL when the
// configuration's own value is another one.
bool config_follow_model(const config *c, const dcgan *model, const char *file, options *o, ag_error *error);
