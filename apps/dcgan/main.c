// SPDX-License-Identifier: MIT
// Finds the command, lets it run, and turns its outcome into words and an exit code.
#include <stdio.h>

#include "apps/dcgan/arguments.h"
#include "apps/dcgan/environment.h"
#include "apps/dcgan/output.h"
#include "apps/dcgan/signals.h"
#include "autograd/environment.h"
#include "autograd/threads.h"

static const command *find(int argc, char **argv, ag_error *error) {
    if (argc < 2 || argv[1][0] == '-') return arguments_parse_program(argc, argv, error), NULL;
    const command *found = command_find(argv[1]);
    if (!found) ag_fail(error, AG_STATUS_USAGE, "'%s': no command has this name", argv[1]);
    return found;
}

static exit_code finish(const command *c, exit_code code, ag_error *error) {
    if (error->status == AG_OK) return code;
    code = command_report(error);
    if (code == EXIT_USAGE) fprintf(stderr, "Try 'dcgan%s%s --help'.\n", c ? " " : "", c ? c->name : "");
    return code;
}

// Before anything is made, since making networks starts the threads.
static exit_code run(const command *c, const options *given, ag_error *error) {
    if (!ag_environment_check(error)) return EXIT_USAGE;
    ag_threads_set((int)options_integer(given, OPTION_THREADS));
    return c->run(given, error);
}

int main(int argc, char **argv) {
    signals_hold();
    environment_prepare(argv);
    ag_error error = {0};
    options given;
    exit_code code = EXIT_OK;
    output_check_at_exit();
    signals_prepare();
    const command *c = output_check_open(&error) ? find(argc, argv, &error) : NULL;
    if (c && c->trains) signals_watch();
    signals_release();
    if (c && arguments_parse(c, argc - 1, argv + 1, &given, &error)) code = run(c, &given, &error);
    return finish(c, code, &error);
}
