// SPDX-License-Identifier: MIT
// Setting variables, and reading what came of them.
#include "apps/dcgan/environment.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/environment.h"

static bool set_missing(const char *name, const char *value) {
    return !getenv(name) && setenv(name, value, 0) == 0;
}

void environment_prepare(char **argv) {
    char program[PATH_MAX];
    const bool threads = set_missing("OPENBLAS_NUM_THREADS", "1"),
               policy = set_missing("OMP_WAIT_POLICY", "passive");
    if (policy) set_missing("GOMP_SPINCOUNT", "1000");
    if (!threads && !policy) return;
    const ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return;
    program[length] = '\0';
    execv(program, argv);
}

// The second of the parts that commas separate.
char *environment_isa(char text[ENVIRONMENT_ISA]) {
    const char *from = strchr(ag_environment(), ',');
    *text = '\0';
    if (from) sscanf(from, ", %31[^,]", text);
    return text;
}

bool environment_choose_isa(const char *name, ag_error *error) {
    char chosen[ENVIRONMENT_ISA];
    if (setenv("AG_ISA", name, 1) != 0)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory for the environment");
    environment_isa(chosen);
    return strcmp(name, chosen) == 0 || ag_fail(error, AG_STATUS_USAGE,
                                                "--isa %s: it must be scalar, baseline, avx2 or avx512, and "
                                                "one of this processor's, whose best is %s",
                                                name, chosen);
}
