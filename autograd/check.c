// SPDX-License-Identifier: MIT
// Errors: fills ag_error, tells the handler.
#include "autograd/check.h"

#include <stdarg.h>
#include <stdio.h>

static ag_error_handler handler;
static void *handler_context;

void ag_set_error_handler(ag_error_handler new_handler, void *context) {
    handler = new_handler;
    handler_context = context;
}

bool ag_fail_at(ag_error *error, ag_status status, const char *file, int line, const char *format, ...) {
    ag_error failure = {.status = status, .file = file, .line = line};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure.text, sizeof failure.text, format, arguments);
    va_end(arguments);
    if (error && error->status == AG_OK) *error = failure;
    if (status == AG_STATUS_CONTRACT && handler) handler(&failure, handler_context);
    return false;
}
