// SPDX-License-Identifier: MIT
// Files are replaced whole or not at all, whatever fails on the way, and read only as far as they can be
// believed.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nn/file.h"
#include "tests/support/faults.h"
#include "tests/support/scratch.h"

TestSuite(file, .init = scratch_create, .fini = scratch_remove);

static const char old_text[] = "the old content";
static const char new_text[] = "a new content, longer than the old one";

static bool holds(const char *name, const char *text) {
    size_t n;
    uint8_t *bytes = scratch_read(name, &n);
    bool equal = n == strlen(text) && memcmp(bytes, text, n) == 0;
    free(bytes);
    return equal;
}

static bool save_text(const char *name, const char *text, ag_error *error) {
    return nn_file_save(scratch_path(name), text, strlen(text), error);
}

Test(file, saved_bytes_are_loaded_back) {
    const size_t sizes[] = {0, 1, 4095, 4096, 200001};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        uint8_t *bytes = malloc(sizes[k] + 1), *loaded = NULL;
        for (size_t i = 0; i < sizes[k]; i++) bytes[i] = (uint8_t)(i * 7 + i / 256);
        size_t n = 99;
        ag_error error = {0};
        cr_assert(nn_file_save(scratch_path("a"), bytes, sizes[k], &error), "%s", error.text);
        cr_assert(nn_file_load(scratch_path("a"), (int64_t)sizes[k], AG_STATUS_DATA, &loaded, &n, &error),
                  "%s", error.text);
        cr_assert(n == sizes[k] && memcmp(loaded, bytes, n) == 0 && loaded[n] == 0, "%zu bytes differ",
                  sizes[k]);
        cr_assert(scratch_count() == 1, "%d files after saving one", scratch_count());
        free(bytes);
        free(loaded);
    }
}

Test(file, pieces_are_joined_in_their_order) {
    nn_file *file = nn_file_create(scratch_path("a"), NULL);
    cr_assert(nn_file_write(file, "one ", 4, NULL) && nn_file_write(file, NULL, 0, NULL) &&
              nn_file_write(file, "two", 3, NULL) && nn_file_commit(file, NULL));
    nn_file_free(file);
    cr_assert(holds("a", "one two"));
}

Test(file, nothing_happens_without_a_commit) {
    cr_assert(save_text("a", old_text, NULL));
    nn_file *file = nn_file_create(scratch_path("a"), NULL);
    cr_assert(nn_file_write(file, new_text, strlen(new_text), NULL));
    cr_assert(scratch_count() == 2 && holds("a", old_text));
    nn_file_free(file);
    nn_file_free(NULL);
    cr_assert(scratch_count() == 1 && holds("a", old_text));
}

Test(file, a_second_commit_and_a_late_write_are_refused) {
    nn_file *file = nn_file_create(scratch_path("a"), NULL);
    ag_error error = {0};
    cr_assert(nn_file_commit(file, NULL));
    cr_assert(!nn_file_write(file, "x", 1, &error) && error.status == AG_STATUS_OUTPUT);
    cr_assert(!nn_file_commit(file, NULL));
    nn_file_free(file);
    cr_assert(holds("a", ""));
}

Test(file, two_writers_of_one_path_do_not_meet) {
    nn_file *first = nn_file_create(scratch_path("a"), NULL),
            *second = nn_file_create(scratch_path("a"), NULL);
    cr_assert(first && second);
    cr_assert(nn_file_write(first, "first", 5, NULL) && nn_file_write(second, "second", 6, NULL));
    cr_assert(nn_file_commit(second, NULL) && holds("a", "second"));
    cr_assert(nn_file_commit(first, NULL) && holds("a", "first"));
    nn_file_free(first);
    nn_file_free(second);
    cr_assert(scratch_count() == 1);
}

static mode_t mode_of(const char *name) {
    struct stat info;
    cr_assert(stat(scratch_path(name), &info) == 0);
    return info.st_mode & 0777;
}

Test(file, a_new_file_obeys_the_umask_and_an_old_one_keeps_its_permissions) {
    umask(027);
    cr_assert(save_text("a", old_text, NULL));
    cr_assert(mode_of("a") == 0640, "mode %o", mode_of("a"));
    cr_assert(chmod(scratch_path("a"), 0604) == 0);
    cr_assert(save_text("a", new_text, NULL));
    cr_assert(mode_of("a") == 0604, "mode %o", mode_of("a"));
}

Test(file, a_link_is_followed) {
    cr_assert(mkdir(scratch_path("b"), 0700) == 0);
    cr_assert(save_text("b/real", old_text, NULL));
    cr_assert(symlink("b/real", scratch_path("link")) == 0);
    cr_assert(save_text("link", new_text, NULL));
    struct stat info;
    cr_assert(lstat(scratch_path("link"), &info) == 0 && S_ISLNK(info.st_mode), "the link was replaced");
    cr_assert(holds("b/real", new_text));
}

Test(file, a_plain_name_goes_to_the_current_folder) {
    cr_assert(chdir(scratch_path("")) == 0);
    ag_error error = {0};
    cr_assert(nn_file_save("plain", new_text, strlen(new_text), &error), "%s", error.text);
    cr_assert(chdir("/") == 0 && holds("plain", new_text));
}

static void expect_refusal(const char *name, const char *rule) {
    ag_error error = {0};
    cr_assert(!save_text(name, new_text, &error), "'%s' was written", name);
    cr_assert(error.status == AG_STATUS_OUTPUT, "'%s': status %d", name, error.status);
    cr_assert(strstr(error.text, name) && strstr(error.text, rule), "'%s': %s", name, error.text);
}

Test(file, what_cannot_be_written_is_named_with_the_reason) {
    cr_assert(save_text("file", old_text, NULL));
    cr_assert(mkdir(scratch_path("folder"), 0700) == 0);
    cr_assert(mkfifo(scratch_path("pipe"), 0600) == 0);
    cr_assert(symlink("loop", scratch_path("loop")) == 0);
    expect_refusal("file/below", "Not a directory");
    expect_refusal("missing/below", "No such file or directory");
    expect_refusal("folder", "not a regular file");
    expect_refusal("folder/", "not a regular file");
    expect_refusal("pipe", "not a regular file");
    expect_refusal("loop", "Too many levels");
    char name[300];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    expect_refusal(name, "File name too long");
    cr_assert(scratch_count() == 4, "%d entries, 4 expected: something was left behind", scratch_count());
    cr_assert(holds("file", old_text));
}

Test(file, a_folder_without_write_support_is_refused_even_to_root) {
    ag_error error = {0};
    cr_assert(!nn_file_save("/proc/self/model", new_text, strlen(new_text), &error));
    cr_assert(error.status == AG_STATUS_OUTPUT && strstr(error.text, "/proc/self/model"), "%s", error.text);
}

// RLIMIT_FSIZE makes write fail as on a full disk, for root too.
Test(file, a_full_disk_leaves_the_old_file_whole) {
    cr_assert(save_text("a", old_text, NULL));
    char *big = calloc(1, 100000);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t most = 0; most < 100000; most = most * 3 + 1) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){most, RLIM_INFINITY});
        ag_error error = {0};
        bool saved = nn_file_save(scratch_path("a"), big, 100000, &error);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
        cr_assert(!saved, "saved 100000 bytes where %ld fit", (long)most);
        cr_assert(error.status == AG_STATUS_OUTPUT && strstr(error.text, "File too large"), "%s", error.text);
        cr_assert(holds("a", old_text), "the old file is gone after %ld bytes", (long)most);
        cr_assert(scratch_count() == 1, "a temporary file is left after %ld bytes", (long)most);
    }
    free(big);
}

// What a save of new_text over old_text does, call by call.
static int count_calls(void) {
    cr_assert(save_text("a", old_text, NULL));
    fault_arm(FAULT_NONE, 0, 0);
    bool saved = save_text("a", new_text, NULL);
    int n = fault_disarm();
    cr_assert(saved && n >= 9, "a save makes %d calls", n);
    return n;
}

// The content is on the disk before it gets the name, and the name before the save is reported.
Test(file, data_and_folder_are_flushed_around_the_renaming) {
    count_calls();
    cr_assert(strstr(fault_calls(), "write fsync close renameat fsync close "), "%s", fault_calls());
}

Test(file, whichever_call_fails_one_of_the_two_contents_is_there_whole) {
    const int n = count_calls(), codes[] = {EIO, ENOSPC, EDQUOT};
    int refused = 0;
    for (int at = 0; at < n; at++) {
        int code = codes[at % 3];
        cr_assert(save_text("a", old_text, NULL));
        ag_error error = {0};
        fault_arm(FAULT_ERROR, at, code);
        bool saved = save_text("a", new_text, &error);
        fault_disarm();
        cr_assert(saved || (error.status == AG_STATUS_OUTPUT && strstr(error.text, strerror(code))),
                  "call %d: status %d, \"%s\"", at, error.status, error.text);
        cr_assert(saved ? holds("a", new_text) : holds("a", old_text) || holds("a", new_text), "call %d", at);
        cr_assert(scratch_count() == 1, "call %d of %d left a temporary file", at, n);
        refused += !saved;
    }
    cr_assert(refused == n - 1,
              "%d of %d failing calls were noticed; only the closing of the folder may pass", refused, n);
}

static void save_and_die(fault_kind kind, int at) {
    pid_t child = fork();
    if (child == 0) {
        fault_arm(kind, at, 0);
        save_text("a", new_text, NULL);
        _exit(0);
    }
    int status;
    cr_assert(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    cr_assert(WEXITSTATUS(status) == 77, "the process lived on past call %d", at);
}

Test(file, a_kill_at_any_call_leaves_one_of_the_two_contents_whole) {
    const int n = count_calls();
    int old = 0, new = 0;
    for (int at = 0; at < n; at++)
        for (fault_kind kind = FAULT_EXIT; kind <= FAULT_EXIT_AFTER; kind++) {
            cr_assert(save_text("a", old_text, NULL));
            save_and_die(kind, at);
            old += holds("a", old_text);
            new += holds("a", new_text);
            cr_assert(holds("a", old_text) || holds("a", new_text), "killed at call %d", at);
        }
    cr_assert(old + new == 2 * n &&old > 0 && new > 0, "old %d, new %d of %d", old, new, 2 * n);
    ag_error error = {0};
    cr_assert(save_text("a", new_text, &error), "after the leftovers of dead writers: %s", error.text);
}

Test(file, interrupted_and_partial_calls_are_carried_on) {
    uint8_t *loaded = NULL;
    size_t n = 0;
    fault_arm(FAULT_TRICKLE, 0, 0);
    bool ok = save_text("a", new_text, NULL) &&
              nn_file_load(scratch_path("a"), 1000, AG_STATUS_DATA, &loaded, &n, NULL);
    fault_disarm();
    cr_assert(ok && n == strlen(new_text) && memcmp(loaded, new_text, n) == 0);
    free(loaded);
}

static void expect_unread(const char *name, int64_t limit, const char *rule) {
    ag_error error = {0};
    uint8_t *bytes = (uint8_t *)name;
    size_t n = 77;
    cr_assert(!nn_file_load(scratch_path(name), limit, AG_STATUS_MODEL, &bytes, &n, &error), "'%s' was read",
              name);
    cr_assert(error.status == AG_STATUS_MODEL && strstr(error.text, name) && strstr(error.text, rule),
              "'%s': %s", name, error.text);
    cr_assert(bytes == (const uint8_t *)name && n == 77, "'%s': outputs were touched", name);
}

Test(file, what_cannot_be_read_is_named_with_the_reason) {
    cr_assert(save_text("file", old_text, NULL));
    cr_assert(mkfifo(scratch_path("pipe"), 0600) == 0);
    cr_assert(mkdir(scratch_path("folder"), 0700) == 0);
    expect_unread("missing", 100, "No such file or directory");
    expect_unread("folder", 100, "not a regular file");
    expect_unread("pipe", 100, "not a regular file");
    expect_unread("file", (int64_t)strlen(old_text) - 1, "15 bytes; at most 14");
}

Test(file, whichever_call_of_a_load_fails_the_load_fails) {
    cr_assert(save_text("a", old_text, NULL));
    for (int at = 0; at < 2; at++) {
        uint8_t *bytes;
        size_t n;
        ag_error error = {0};
        fault_arm(FAULT_ERROR, at, EIO);
        bool loaded = nn_file_load(scratch_path("a"), 100, AG_STATUS_DATA, &bytes, &n, &error);
        fault_disarm();
        cr_assert(!loaded && strstr(error.text, strerror(EIO)), "call %d: %s", at, error.text);
    }
}
