// SPDX-License-Identifier: MIT
// Running the built program as a user does, in a scratch folder (support/scratch.h), and small data for it.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CLI_OUTPUT 65536

typedef struct cli_result {
    int code;  // 128 + the signal that ended it
    char out[CLI_OUTPUT], err[CLI_OUTPUT];
} cli_result;

// `dcgan ARGUMENTS` by a shell in the scratch folder. The result lives until the next call.
const cli_result *cli_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The same; fails the test unless the program returns 0.
const cli_result *cli_succeed(const char *format, ...) __attribute__((format(printf, 1, 2)));

// The same; fails the test unless the program returns `code` and its error is "dcgan: ..." on one line that
// holds every one of the `n` words, with a hint at most on a second. What is refused for its command line,
// data or model (2, 3, 4) has printed nothing before.
void cli_refuse(int code, int n, const char *const *words, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
#define CLI_WORDS(...) \
    (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]) { __VA_ARGS__ }

// Starts `dcgan ARGUMENTS`, its output in the files out and err of the scratch folder; the pid is the
// program's. Waiting returns its code.
pid_t cli_start(const char *arguments);
int cli_wait(pid_t pid);
// Waits until the file holds the text; fails the test after 60 s.
void cli_await(const char *file, const char *text);

// An IDX file of n images of h x w, smooth blobs, each another one.
void cli_write_images(const char *name, int n, int h, int w);

// Whether two files hold the same bytes; fails the test when one is missing.
int cli_same(const char *a, const char *b);
// The first name that is in only one of two folders, or that differs; NULL when there is none. Wall times are
// left out.
const char *cli_difference(const char *a, const char *b);
