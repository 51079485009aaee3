// SPDX-License-Identifier: MIT
// The program's options, all rows of one table that drives parsing, range checks, --help and config.json. A
// command names the rows that it takes.
#pragma once

#include "autograd/check.h"
#include "nn/json.h"

typedef enum option_id {
    OPTION_DATA,
    OPTION_EPOCHS,
    OPTION_BATCH,
    OPTION_LS_EPSILON,
    OPTION_GAN,
    OPTION_SEED,
    OPTION_LIMIT_IMAGES,
    OPTION_SAMPLE_EVERY,
    OPTION_THREADS,
    OPTION_RUN_DIR,
    OPTION_MODEL,
    OPTION_COUNT_IMAGES,
    OPTION_SEEDS,
    OPTION_GRID,
    OPTION_PICTURE,
    OPTION_REALS,
    OPTION_SAMPLES,
    OPTION_WHAT,
    OPTION_ITERATIONS,
    OPTION_GENERATED,
    OPTION_IMAGE,
    OPTION_WIDTH,
    OPTION_ISA,
    OPTION_PRECISION,
    OPTION_JSON,
    OPTION_PROFILE,
    OPTION_END  // ends a command's list
} option_id;

#define OPTION_TEXT_BYTES 128

// A flag has no argument: it is given or not.
typedef enum option_kind {
    OPTION_TEXT,
    OPTION_INTEGER,
    OPTION_NUMBER,
    OPTION_CHOICE,
    OPTION_FLAG
} option_kind;

typedef struct option_row {
    const char *name, *argument;  // --name=ARGUMENT
    int letter;                   // -l; 0: none
    option_kind kind;
    bool saved;           // belongs to a run's config.json, under its name
    bool recent;          // and may be missing there: runs of earlier versions had the preset
    int64_t least, most;  // integers lie in [least, most]
    double low, high;     // numbers lie in [low, high)
    const char *preset;   // the default, as it would be typed; NULL: the help says
    const char *help;
    // The names that a choice may have, and a line about each; NULL past the end.
    const char *(*choice)(int i, const char **summary);
} option_row;

typedef struct option_value {
    bool given;  // on the command line
    const char *text;
    int64_t integer;
    double number;
} option_value;

typedef struct options {
    const char *operand;  // the command's argument that is no option
    option_value values[OPTION_END];
} options;

const option_row *option_at(option_id id);

// All presets. They lie in their ranges.
void options_reset(options *o);

// Reads one value. AG_STATUS_USAGE, with the option, the value and the rule, when it is out of range.
bool options_set(options *o, option_id id, const char *text, ag_error *error);

const char *options_text(const options *o, option_id id);  // NULL: not given and no preset
int64_t options_integer(const options *o, option_id id);
double options_number(const options *o, option_id id);
bool options_given(const options *o, option_id id);

// The value as it would be typed, cut off when long, into text; returns text. Equal values have equal texts.
char *options_format(const options *o, option_id id, char text[OPTION_TEXT_BYTES]);

// A run's configuration. Reading takes what the command line did not give from `json`, whose texts stay
// borrowed; AG_STATUS_MODEL, naming `source`, when a value is missing, of another type or out of range, or a
// key is none of a configuration's.
nn_json *options_to_json(const options *o);
bool options_from_json(options *o, const nn_json *json, const char *source, ag_error *error);
