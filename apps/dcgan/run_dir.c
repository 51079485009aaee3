// SPDX-License-Identifier: MIT
// Making, numbering and locking run folders.
#include "apps/dcgan/run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/file.h"

#define RUNS "runs"
#define LONGEST_NAME 64    // of the files that a run makes
#define TEMPORARY ".tmp-"  // how nn/file.c names what is not whole yet

static bool fail_errno(const char *verb, const char *path, ag_error *error) {
    return ag_fail(error, AG_STATUS_OUTPUT, "cannot %s the folder '%s': %s", verb, path, strerror(errno));
}

static bool set_path(run_dir *run, const char *path, size_t length, ag_error *error) {
    if (length + LONGEST_NAME >= sizeof run->path)
        return ag_fail(error, AG_STATUS_USAGE, "'%s': a path of %zu bytes, at most %zu", path, length,
                       sizeof run->path - LONGEST_NAME - 1);
    while (length > 1 && path[length - 1] == '/') length--;
    memcpy(run->path, path, length);
    run->path[length] = '\0';
    return true;
}

// ---- making ----

static bool make_one(const char *path) { return mkdir(path, 0777) == 0 || errno == EEXIST; }

// The folder and those above it.
static bool make_all(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        const bool ok = make_one(path);
        *slash = '/';
        if (!ok) return false;
    }
    return make_one(path);
}

static long highest_number(void) {
    DIR *folder = opendir(RUNS);
    long highest = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char *end;
        const long number = strtol(entry->d_name, &end, 10);
        if (!*end && number > highest && number < LONG_MAX) highest = number;
    }
    if (folder) closedir(folder);
    return highest;
}

// mkdir decides who gets a number when two start at once.
static bool make_numbered(run_dir *run, ag_error *error) {
    if (!make_one(RUNS)) return fail_errno("make", RUNS, error);
    long number = highest_number();
    do snprintf(run->path, sizeof run->path, RUNS "/%04ld", ++number);
    while (mkdir(run->path, 0777) != 0 && errno == EEXIST);
    return access(run->path, W_OK) == 0 || fail_errno("write", run->path, error);
}

// ---- locking ----

// The process that a temporary file is of; 0 when the name is not one.
static pid_t writer_of(const char *name) {
    int pid, number, end = 0;
    if (sscanf(name, TEMPORARY "%d-%d%n", &pid, &number, &end) != 2 || name[end] || pid < 1) return 0;
    return pid;
}

// What killed processes left half written. The lock keeps trainings away, not a picture that a living process
// draws into the folder.
static void remove_leftovers(const run_dir *run) {
    DIR *folder = opendir(run->path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        const pid_t writer = writer_of(entry->d_name);
        const bool dead = writer == getpid() || (writer > 0 && kill(writer, 0) != 0 && errno == ESRCH);
        if (dead) unlinkat(run->lock, entry->d_name, 0);
    }
    if (folder) closedir(folder);
}

// The lock lies on the folder itself, so that it leaves no file and ends with the process.
static bool lock(run_dir *run, ag_status status, ag_error *error) {
    run->lock = open(run->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->lock < 0)
        return ag_fail(error, status, "cannot open the folder '%s': %s", run->path, strerror(errno));
    if (flock(run->lock, LOCK_EX | LOCK_NB) == 0) {
        remove_leftovers(run);
        return true;
    }
    if (errno != EWOULDBLOCK) return fail_errno("lock", run->path, error);
    return ag_fail(error, AG_STATUS_OUTPUT,
                   "'%s' is in use: another training writes to it, and a folder belongs to one at a time",
                   run->path);
}

static bool is_content(const char *name) {
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strncmp(name, TEMPORARY, sizeof TEMPORARY - 1) != 0;
}

static bool check_empty(const run_dir *run, ag_error *error) {
    char model[PATH_MAX], word[PATH_SHELL];
    DIR *folder = opendir(run->path);
    if (!folder) return fail_errno("read", run->path, error);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(folder));) n += is_content(entry->d_name);
    closedir(folder);
    if (n == 0) return true;
    if (access(run_dir_file(run, RUN_MODEL, model), F_OK) == 0)
        return ag_fail(error, AG_STATUS_OUTPUT,
                       "'%s' holds a run, which is never overwritten; go on with it by: dcgan resume %s",
                       run->path, path_quote(run->path, word));
    return ag_fail(error, AG_STATUS_OUTPUT, "'%s' is not empty, and a run starts in a new or empty folder",
                   run->path);
}

bool run_dir_create(run_dir *run, const char *path, ag_error *error) {
    *run = (run_dir){.model = RUN_MODEL, .lock = -1};
    if (!path) {
        if (!make_numbered(run, error)) return false;
    } else if (!set_path(run, path, strlen(path), error)) {
        return false;
    } else if (!make_all(run->path)) {
        return fail_errno("make", run->path, error);
    }
    return lock(run, AG_STATUS_OUTPUT, error) && check_empty(run, error);
}

bool run_dir_open(run_dir *run, const char *path, ag_error *error) {
    *run = (run_dir){.model = RUN_MODEL, .lock = -1};
    if (path_is_folder(path))
        return set_path(run, path, strlen(path), error) && lock(run, AG_STATUS_MODEL, error);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (access(path, F_OK) != 0)
        return ag_fail(error, AG_STATUS_MODEL, "cannot open '%s': %s", path, strerror(errno));
    snprintf(run->model, sizeof run->model, "%s", name);
    const size_t length = slash == path ? 1 : slash ? (size_t)(slash - path) : 1;
    return set_path(run, slash ? path : ".", length, error) && lock(run, AG_STATUS_MODEL, error);
}

void run_dir_close(run_dir *run) {
    if (run->lock >= 0) close(run->lock);
    run->lock = -1;
}

bool run_dir_check_writable(const run_dir *run, ag_error *error) {
    const char *const names[] = {run->model, RUN_CONFIG};
    char path[PATH_MAX];
    bool ok = true;
    // The model's name may be a link that leads elsewhere.
    for (int i = 0; i < 2 && ok; i++) {
        nn_file *file = nn_file_create(run_dir_file(run, names[i], path), error);
        ok = file != NULL;
        nn_file_free(file);
    }
    return ok;
}

// ---- names ----

// set_path left room for every name that a run has.
char *run_dir_file(const run_dir *run, const char *name, char text[PATH_MAX]) {
    return path_join(run->path, name, text);
}

char *run_dir_model(const char *path, char text[PATH_MAX]) {
    if (path_is_folder(path)) return path_join(path, RUN_MODEL, text);
    snprintf(text, PATH_MAX, "%s", path);
    return text;
}

const char *run_dir_mark(const char *folder) {
    static const char *const marks[] = {RUN_MODEL, RUN_CONFIG};
    char path[PATH_MAX];
    for (int i = 0; i < 2; i++) {
        if (access(path_join(folder, marks[i], path), F_OK) == 0) return marks[i];
    }
    return NULL;
}
