// SPDX-License-Identifier: MIT
// A run's folder, held by one training at a time, which
// removes what killed processes left half written in it.
#pragma once

#include "apps/dcgan/path.h"
#include "autograd/check.h"

#define RUN_MODEL "model.safetensors"
#define RUN_CONFIG "config.json"

typedef struct run_dir {
    char path[PATH_MAX];
    char model[NAME_MAX + 1];  // the model file's name in it
    int lock;                  // descriptor of the folder, locked
} run_dir;

// A new folder, with those above it, or an empty one, or one whose training ended before its first file was
// whole. path NULL: the next number in runs/. AG_STATUS_OUTPUT when it holds anything, cannot be made or is
// in use. Close it on failure too.
bool run_dir_create(run_dir *run, const char *path, ag_error *error);

// The folder of an earlier run, or of the model file given.
bool run_dir_open(run_dir *run, const char *path, ag_error *error);
void run_dir_close(run_dir *run);

// Tries to write there, and leaves no trace. AG_STATUS_OUTPUT when that fails.
bool run_dir_check_writable(const run_dir *run, ag_error *error);

// FOLDER/name into text; returns text.
char *run_dir_file(const run_dir *run, const char *name, char text[PATH_MAX]);

// The model file itself, or that of the run folder `path`, into text; returns text.
char *run_dir_model(const char *path, char text[PATH_MAX]);

// The file that makes a folder a run's, its model or its configuration; NULL when it has neither.
const char *run_dir_mark(const char *folder);
