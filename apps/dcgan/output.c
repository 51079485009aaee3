// SPDX-License-Identifier: MIT
// Closes the standard output itself, since only that shows what a pipe or a full disk did to the last of it.
#include "apps/dcgan/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/dcgan/command.h"

bool output_check_open(ag_error *error) {
    return fcntl(STDOUT_FILENO, F_GETFD) >= 0 ||
           ag_fail(error, AG_STATUS_OUTPUT, "the standard output cannot be written: %s", strerror(errno));
}

// A program that fails already has said why.
static void check(int status, void *context) {
    (void)context;
    const bool lost = ferror(stdout);
    if ((fclose(stdout) == 0 && !lost) || status != EXIT_OK) return;
    ag_error error = {0};
    ag_fail(&error, AG_STATUS_OUTPUT, "the standard output cannot be written");
    const exit_code code = command_report(&error);
    fflush(stderr);
    _exit(code);
}

void output_check_at_exit(void) { on_exit(check, NULL); }
