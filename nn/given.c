// SPDX-License-Identifier: MIT
// The check of arguments that must be given.
#include "nn/given.h"

bool nn_given_at(const void *pointer, const char *function, const char *argument, ag_error *error,
                 const char *file, int line) {
    return pointer || ag_fail_at(error, AG_STATUS_CONTRACT, file, line, "%s: %s is NULL; it must be given",
                                 function, argument);
}
