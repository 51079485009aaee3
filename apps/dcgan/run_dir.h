// SPDX-License-Identifier: MIT
// A run's folder, held by one training at a time.
#pragma once

#include <limits.h>

#include "autograd/check.h"

#define RUN_MODEL "model.safetensors"
#define RUN_CONFIG "config.json"

typedef struct run_dir {
    char path[PATH_MAX];
    char model[NAME_MAX + 1];  // the model file's name in it
    int lock;                  // descriptor of the folder, locked
} run_dir;

// A new folder, with those above it, or an empty one. path NULL: the next number in runs/. AG_STATUS_OUTPUT
// when it is not empty, cannot be made or is in use. Close it on failure too.
bool run_dir_create(run_dir *run, const char *path, ag_error *error);

// The folder of an earlier run, or of the model file given.
bool run_dir_open(run_dir *run, const char *path, ag_error *error);
void run_dir_close(run_dir *run);

// FOLDER/name into text; returns text.
char *run_dir_file(const run_dir *run, const char *name, char text[PATH_MAX]);

// The model file itself, or that of the run folder `path`, into text; returns text.
char *run_dir_model(const char *path, char text[PATH_MAX]);
