// SPDX-License-Identifier: MIT
// Sets what is missing in the environment and starts the program again.
#include "apps/dcgan/environment.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static bool set_missing(const char *name, const char *value) {
    return !getenv(name) && setenv(name, value, 0) == 0;
}

void environment_prepare(char **argv) {
    char program[PATH_MAX];
    const bool threads = set_missing("OPENBLAS_NUM_THREADS", "1"),
               policy = set_missing("OMP_WAIT_POLICY", "passive");
    if (!threads && !policy) return;
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return;
    program[length] = '\0';
    execv(program, argv);
}
