// SPDX-License-Identifier: MIT
// The command line, by argp, in the words of the commands and the table of options.
#pragma once

#include "apps/dcgan/command.h"

// Options in front of the command: --help and --version, which do not return. Anything else is an error.
void arguments_parse_program(int argc, char **argv, ag_error *error);

// The command's own line, argv[0] its name. False with AG_STATUS_USAGE, and no text when the fault was
// reported already. --help and --version do not return.
bool arguments_parse(const command *command, int argc, char **argv, options *out, ag_error *error);
