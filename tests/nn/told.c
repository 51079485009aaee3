// SPDX-License-Identifier: MIT
// A handler that remembers.
#include "tests/nn/told.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

ag_error told_error;

static ag_error heard;
static int n_heard;

static void hear(const ag_error *error, void *context) {
    (void)context;
    heard = *error;
    n_heard++;
}

static void forget(void) {
    told_error = heard = (ag_error){0};
    n_heard = 0;
}

void told_open(void) {
    forget();
    ag_set_error_handler(hear, NULL);
}

void told_close(void) { ag_set_error_handler(NULL, NULL); }

static void check(bool refused, const char *function, const char *argument) {
    char sentence[256];
    snprintf(sentence, sizeof sentence, "%s: %s is NULL; it must be given", function, argument);
    cr_expect(refused, "%s: a NULL %s is taken", function, argument);
    cr_expect(n_heard == 1, "%s: the handler is told %d times of a NULL %s", function, n_heard, argument);
    cr_expect(strstr(heard.text, sentence), "\"%s\" instead of \"%s\"", heard.text, sentence);
    cr_expect(heard.status == AG_STATUS_CONTRACT && heard.file && strstr(heard.file, ".c") && heard.line > 0,
              "%s: status %d, no place", function, (int)heard.status);
}

void told(bool refused, const char *function, const char *argument) {
    check(refused, function, argument);
    forget();
}

void told_by_error(bool refused, const char *function, const char *argument) {
    check(refused, function, argument);
    cr_expect_str_eq(told_error.text, heard.text, "%s leaves *error without the sentence", function);
    forget();
}
