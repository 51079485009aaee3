// SPDX-License-Identifier: MIT
// CONTRACT of a command: one file in commands/ that defines `const command command_NAME`, and its name in
// command_names in apps/meson.build. Parsing, --help and the list of commands follow from it.
#pragma once

#include "apps/dcgan/options.h"

// What the process returns, besides 128 + the signal's number when one ended it at once.
typedef enum exit_code {
    EXIT_OK = 0,
    EXIT_OUTPUT = 1,  // something cannot be written, or memory ran out
    EXIT_USAGE = 2,
    EXIT_DATA = 3,
    EXIT_MODEL = 4,
    EXIT_DIVERGED = 5,
    EXIT_WRONG = 6,          // a gradient is wrong
    EXIT_INTERRUPTED = 130,  // by a signal; all is saved, unless it was a second one
} exit_code;

typedef struct command {
    const char *name;
    const char *summary;  // one line
    const char *operand;  // of the one argument that is no option, which then must be there; NULL: none
    const char *presets;  // where the options' defaults come from, when not from their rows; NULL: from there
    const char *note;     // the help's last sentences; NULL: none
    bool trains;          // a signal lets it save what it has; any other command ends at once
    const option_id *options;  // ended by OPTION_END
    // Does the work. With *error filled, the caller prints the error and returns its status's code instead.
    exit_code (*run)(const options *options, ag_error *error);
} command;

const command *command_at(int i);               // NULL past the end
const command *command_find(const char *name);  // NULL when absent

// Prints "dcgan: sentence" on the error stream, when there is one, and returns the status's code.
exit_code command_report(const ag_error *error);
