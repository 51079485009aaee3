// SPDX-License-Identifier: MIT
// The program under test as a child process.
#include "tests/apps/cli.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/scratch.h"

#define PROGRAM TEST_BUILD_DIR "/apps/dcgan"
#define COMMAND_BYTES 2048
#define PATIENCE 60000  // milliseconds

static cli_result last;
static char last_command[COMMAND_BYTES];

static int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

static void read_output(const char *name, char text[CLI_OUTPUT]) {
    size_t n;
    uint8_t *bytes = scratch_read(name, &n);
    if (n >= CLI_OUTPUT) n = CLI_OUTPUT - 1;
    memcpy(text, bytes, n);
    text[n] = '\0';
    free(bytes);
}

static const cli_result *run(const char *format, va_list arguments) {
    char line[2 * COMMAND_BYTES];
    vsnprintf(last_command, sizeof last_command, format, arguments);
    snprintf(line, sizeof line, "cd '%s' && { '" PROGRAM "' %s; } >out 2>err", scratch_path(""),
             last_command);
    last.code = code_of(system(line));
    read_output("out", last.out);
    read_output("err", last.err);
    return &last;
}

const cli_result *cli_run(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    run(format, arguments);
    va_end(arguments);
    return &last;
}

const cli_result *cli_succeed(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    run(format, arguments);
    va_end(arguments);
    cr_assert(last.code == 0, "dcgan %s: returned %d: %s", last_command, last.code, last.err);
    return &last;
}

static void check_form(void) {
    const char *end = strchr(last.err, '\n');
    cr_assert(strncmp(last.err, "dcgan: ", 7) == 0 && end, "dcgan %s: the error is '%s'", last_command,
              last.err);
    const char *rest = end + 1;
    const bool hint = strncmp(rest, "Try ", 4) == 0 || strncmp(rest, "dcgan: training stopped; ", 25) == 0;
    cr_assert(!*rest || (hint && strchr(rest, '\n') && !strchr(rest, '\n')[1]),
              "dcgan %s: more than a sentence: '%s'", last_command, last.err);
}

void cli_refuse(int code, int n, const char *const *words, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    run(format, arguments);
    va_end(arguments);
    cr_assert(last.code == code, "dcgan %s: returned %d, not %d: %s", last_command, last.code, code,
              last.err);
    check_form();
    cr_assert(code < 2 || code > 4 || !*last.out, "dcgan %s: refused after it printed: %s", last_command,
              last.out);
    for (int i = 0; i < n; i++)
        cr_assert(strstr(last.err, words[i]), "dcgan %s: '%s' is not in: %s", last_command, words[i],
                  last.err);
}

pid_t cli_start(const char *arguments) {
    char line[2 * COMMAND_BYTES];
    snprintf(line, sizeof line, "cd '%s' && exec '" PROGRAM "' %s >out 2>err", scratch_path(""), arguments);
    remove(scratch_path("out"));
    const pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        // Ignored ones, as in a background job or under nohup, would stay so.
        const int stops[] = {SIGINT, SIGTERM, SIGHUP};
        for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) signal(stops[i], SIG_DFL);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return pid;
}

int cli_wait(pid_t pid) {
    int status;
    cr_assert(waitpid(pid, &status, 0) == pid);
    return code_of(status);
}

void cli_await(const char *file, const char *text) {
    char *content = malloc(CLI_OUTPUT);
    for (int i = 0; i < PATIENCE; i++) {
        if (access(scratch_path(file), R_OK) == 0)
            read_output(file, content);
        else
            *content = '\0';
        if (strstr(content, text)) {
            free(content);
            return;
        }
        usleep(1000);
    }
    cr_assert_fail("'%s' did not come in %s: %s", text, file, content);
}

void cli_write_images(const char *name, int n, int h, int w) {
    const size_t size = 16 + (size_t)(n * h * w);
    uint8_t *bytes = malloc(size);
    const int header[] = {0x803, n, h, w};
    for (int i = 0; i < 16; i++) bytes[i] = (uint8_t)(header[i / 4] >> (24 - i % 4 * 8));
    for (int i = 0; i < n * h * w; i++) {
        const int y = i / w % h, x = i % w, k = i / (h * w);
        const double dy = y - h * (0.3 + 0.4 * sin(k)), dx = x - w * (0.3 + 0.4 * cos(3.0 * k));
        bytes[16 + i] = (uint8_t)(255 * exp(-(dx * dx + dy * dy) / (2 + k % 5)));
    }
    scratch_write(name, bytes, size);
    free(bytes);
}

int cli_same(const char *a, const char *b) {
    size_t n, m;
    uint8_t *x = scratch_read(a, &n), *y = scratch_read(b, &m);
    const int same = n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

// The first file of folder a that b lacks or, when `compare`, holds otherwise.
static const char *missing(const char *a, const char *b, int compare) {
    static char name[256];
    char x[600], y[600];
    DIR *folder = opendir(scratch_path(a));
    const char *found = NULL;
    cr_assert(folder, "no folder %s", a);
    for (struct dirent *entry; !found && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "timing.csv") == 0) continue;
        snprintf(x, sizeof x, "%s/%s", a, entry->d_name);
        snprintf(y, sizeof y, "%s/%s", b, entry->d_name);
        if (access(scratch_path(y), F_OK) == 0 && (!compare || cli_same(x, y))) continue;
        snprintf(name, sizeof name, "%s", entry->d_name);
        found = name;
    }
    closedir(folder);
    return found;
}

const char *cli_difference(const char *a, const char *b) {
    const char *found = missing(a, b, 1);
    return found ? found : missing(b, a, 0);
}
