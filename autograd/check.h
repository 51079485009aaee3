// SPDX-License-Identifier: MIT
// Errors. Two kinds, never mixed:
//  * a broken contract (shapes that do not fit, a foreign tape, stepping a frozen parameter): a sentence with
//    the op, the values, the rule and the place. It sticks to the tape, and the replaceable handler is told
//    at once;
//  * the failing world (files, arguments, memory): a function returns false or NULL and fills an ag_error.
// The library never prints and never exits.
#pragma once

#include <stdbool.h>

#include "autograd/export.h"

typedef enum ag_status {
    AG_OK = 0,
    AG_STATUS_CONTRACT,  // the caller broke a rule
    AG_STATUS_MEMORY,    // an allocation failed
    AG_STATUS_USAGE,     // an argument is out of its range
    AG_STATUS_DATA,      // a data file is missing or malformed
    AG_STATUS_MODEL,     // a model file is missing, malformed or of another architecture
    AG_STATUS_OUTPUT,    // a file or folder cannot be written
    AG_STATUS_DIVERGED,  // a loss is NaN or infinite
} ag_status;

typedef struct ag_error {
    ag_status status;
    char text[1024];   // one sentence: what, the values, the rule
    const char *file;  // source place of the check that failed
    int line;
} ag_error;

// Called for every broken contract, with the filled error. The default only records. Process-wide: to be set
// while no other thread uses the library; it may be called from any thread that does.
typedef void (*ag_error_handler)(const ag_error *error, void *context);
AG_API void ag_set_error_handler(ag_error_handler handler, void *context);

// Fills *error (may be NULL; an error already set is kept: the first one counts) and returns false.
#define ag_fail(error, status, ...) ag_fail_at(error, status, __FILE__, __LINE__, __VA_ARGS__)
AG_API bool ag_fail_at(ag_error *error, ag_status status, const char *file, int line, const char *format, ...)
    AG_PRINTF(5, 6);
