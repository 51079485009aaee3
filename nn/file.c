// SPDX-License-Identifier: MIT
// Atomic replacement by temporary file, fsync and rename, and checked reading of whole files. Every name is
// resolved against one descriptor of the folder, so that the temporary and the final file cannot end up in
// two places.
#include "nn/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/given.h"

#define TEMPORARY_TRIES 1000  // names taken by writers that were killed earlier under the same process id

struct nn_file {
    char *path;          // as the caller gave it, for messages
    char *target;        // links resolved
    const char *name;    // last part of target
    char temporary[64];  // in the same folder; empty when there is none to remove
    int folder;          // descriptor
    int descriptor;      // of the temporary
    bool failed;         // a write failed: the content has a hole
};

static bool fail_write(const nn_file *file, ag_error *error) {
    return ag_fail(error, AG_STATUS_OUTPUT, "cannot write '%s': %s", file->path, strerror(errno));
}

// Close without losing the errno that a message is about to quote.
static void close_quietly(int descriptor) {
    int saved = errno;
    if (descriptor >= 0) close(descriptor);
    errno = saved;
}

static void remove_temporary(nn_file *file) {
    int saved = errno;
    if (file->temporary[0]) unlinkat(file->folder, file->temporary, 0);
    file->temporary[0] = '\0';
    errno = saved;
}

// Splits target into folder and name, and opens the folder.
static bool open_folder(nn_file *file) {
    char *slash = strrchr(file->target, '/');
    file->name = slash ? slash + 1 : file->target;
    if (!slash) {
        file->folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return file->folder >= 0;
    }
    *slash = '\0';
    file->folder = open(slash == file->target ? "/" : file->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    return file->folder >= 0;
}

static bool open_temporary(nn_file *file) {
    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        char name[sizeof file->temporary];
        snprintf(name, sizeof name, ".tmp-%ld-%d", (long)getpid(), i);
        file->descriptor = openat(file->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->descriptor >= 0) memcpy(file->temporary, name, sizeof name);
        if (file->descriptor >= 0 || errno != EEXIST) break;
    }
    return file->descriptor >= 0;
}

// Renaming over a device would destroy it, and a model's permissions are the user's choice.
static bool respect_existing(nn_file *file, ag_error *error) {
    struct stat old;
    if (fstatat(file->folder, file->name, &old, 0) != 0) return errno == ENOENT || fail_write(file, error);
    if (!S_ISREG(old.st_mode))
        return ag_fail(error, AG_STATUS_OUTPUT, "cannot write '%s': it exists and is not a regular file",
                       file->path);
    return fchmod(file->descriptor, old.st_mode & 0777) == 0 || fail_write(file, error);
}

static bool prepare(nn_file *file, const char *path, ag_error *error) {
    file->path = strdup(path);
    file->target = realpath(path, NULL);
    if (!file->target) file->target = strdup(path);
    if (!file->path || !file->target)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory to write '%s'", path);
    if (!open_folder(file) || !open_temporary(file)) return fail_write(file, error);
    return respect_existing(file, error);
}

nn_file *nn_file_create(const char *path, ag_error *error) {
    if (!NN_GIVEN(path, "path", error)) return NULL;
    nn_file *file = calloc(1, sizeof *file);
    if (!file) {
        ag_fail(error, AG_STATUS_MEMORY, "no memory to write '%s'", path);
        return NULL;
    }
    file->folder = file->descriptor = -1;
    if (prepare(file, path, error)) return file;
    nn_file_free(file);
    return NULL;
}

bool nn_file_write(nn_file *file, const void *bytes, size_t n, ag_error *error) {
    if (!NN_GIVEN(file, "file", error) || (n > 0 && !NN_GIVEN(bytes, "bytes", error))) return false;
    const uint8_t *at = bytes;
    while (n > 0 && !file->failed) {
        ssize_t written = write(file->descriptor, at, n < INT_MAX ? n : INT_MAX);
        if (written < 0 && errno == EINTR) continue;
        if (written == 0) errno = ENOSPC;
        if (written <= 0) {
            file->failed = true;
            return fail_write(file, error);
        }
        at += written;
        n -= (size_t)written;
    }
    return !file->failed ||
           ag_fail(error, AG_STATUS_OUTPUT, "cannot write '%s' after a failed write", file->path);
}

// An interrupted fsync is asked again. One that failed never is: the kernel may have dropped the pages and
// would then report success (Rebello et al., ATC 2020).
static bool flush(int descriptor) {
    int result;
    do result = fsync(descriptor);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

// Some file systems cannot flush a folder and say EINVAL; for them the rename is all there is.
static bool flush_folder(int folder) { return flush(folder) || errno == EINVAL; }

// On Linux an interrupted close has closed the descriptor.
static bool close_checked(int *descriptor) {
    int result = close(*descriptor);
    *descriptor = -1;
    return result == 0 || errno == EINTR;
}

bool nn_file_commit(nn_file *file, ag_error *error) {
    if (!NN_GIVEN(file, "file", error)) return false;
    if (!nn_file_write(file, NULL, 0, error)) return false;
    file->failed = true;  // a commit happens once, whatever its outcome
    if (!flush(file->descriptor) || !close_checked(&file->descriptor)) return fail_write(file, error);
    if (renameat(file->folder, file->temporary, file->folder, file->name) != 0)
        return fail_write(file, error);
    file->temporary[0] = '\0';
    return flush_folder(file->folder) || fail_write(file, error);
}

void nn_file_free(nn_file *file) {
    if (!file) return;
    remove_temporary(file);
    close_quietly(file->descriptor);
    close_quietly(file->folder);
    free(file->path);
    free(file->target);
    free(file);
}

bool nn_file_save(const char *path, const void *bytes, size_t n, ag_error *error) {
    nn_file *file = nn_file_create(path, error);
    bool ok = file && nn_file_write(file, bytes, n, error) && nn_file_commit(file, error);
    nn_file_free(file);
    return ok;
}

// O_NONBLOCK keeps a named pipe from blocking the open; the check that follows refuses it.
int nn_file_open(const char *path, ag_status status, int64_t *size, ag_error *error) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat info;
    if (descriptor < 0 || fstat(descriptor, &info) != 0) {
        ag_fail(error, status, "cannot read '%s': %s", path, strerror(errno));
    } else if (!S_ISREG(info.st_mode)) {
        ag_fail(error, status, "cannot read '%s': it is not a regular file", path);
    } else {
        *size = info.st_size;
        return descriptor;
    }
    close_quietly(descriptor);
    return -1;
}

ssize_t nn_file_read(int descriptor, void *bytes, size_t n) {
    size_t got = 0;
    while (got < n) {
        size_t left = n - got;
        ssize_t step = read(descriptor, (uint8_t *)bytes + got, left < INT_MAX ? left : INT_MAX);
        if (step < 0 && errno == EINTR) continue;
        if (step < 0) return -1;
        if (step == 0) break;
        got += (size_t)step;
    }
    return (ssize_t)got;
}

// One byte more than the size is asked for, into the place of the NUL: a file that grew gives it, one that
// shrank gives too few.
static uint8_t *load_open(int descriptor, const char *path, int64_t size, ag_status status, ag_error *error) {
    uint8_t *bytes = size < 0 ? NULL : malloc((size_t)size + 1);
    if (!bytes) {
        ag_fail(error, AG_STATUS_MEMORY, "no memory for the %lld bytes of '%s'", (long long)size, path);
        return NULL;
    }
    ssize_t got = nn_file_read(descriptor, bytes, (size_t)size + 1);
    bytes[size] = '\0';
    if (got == size) return bytes;
    if (got < 0) ag_fail(error, status, "cannot read '%s': %s", path, strerror(errno));
    ag_fail(error, status, "'%s' changed its size from %lld bytes while it was read", path, (long long)size);
    free(bytes);
    return NULL;
}

bool nn_file_load(const char *path, int64_t limit, ag_status status, uint8_t **bytes, size_t *n,
                  ag_error *error) {
    if (!NN_GIVEN(path, "path", error) || !NN_GIVEN(bytes, "bytes", error) || !NN_GIVEN(n, "n", error))
        return false;
    int64_t size = 0;
    int descriptor = nn_file_open(path, status, &size, error);
    if (descriptor < 0) return false;
    uint8_t *loaded = NULL;
    if (size > limit)
        ag_fail(error, status, "'%s' has %lld bytes; at most %lld are read", path, (long long)size,
                (long long)limit);
    else
        loaded = load_open(descriptor, path, size, status, error);
    close_quietly(descriptor);
    if (!loaded) return false;
    *bytes = loaded;
    *n = (size_t)size;
    return true;
}
