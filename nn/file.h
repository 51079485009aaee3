// SPDX-License-Identifier: MIT
// Whole files: read in one piece under a limit, and replaced in one piece, so that a crash, a full disk or a
// power cut leaves the old file or the new one, never a part of either.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "autograd/check.h"

// The new content of a file, on its way: a temporary file in the same folder.
typedef struct nn_file nn_file;

// Starts to replace `path`, or to create it. A symbolic link is followed; anything else there that is not a
// regular file (a folder, a device) is refused. An existing file's permissions are kept. NULL with
// AG_STATUS_OUTPUT when the folder cannot be written. The caller frees the result.
AG_API nn_file *nn_file_create(const char *path, ag_error *error);

// Appends n bytes. After a failure the file can only be freed: commit refuses it.
AG_API bool nn_file_write(nn_file *file, const void *bytes, size_t n, ag_error *error);

// Puts the written bytes in the place of `path`: fsync, close, rename, fsync of the folder. On failure the
// old file is as it was; only when the last step fails is the new file already there, whole, but not yet safe
// from a power cut.
AG_API bool nn_file_commit(nn_file *file, ag_error *error);

// Without a successful commit the temporary file is removed and nothing has happened. NULL is fine.
AG_API void nn_file_free(nn_file *file);

// Create, write, commit in one call.
AG_API bool nn_file_save(const char *path, const void *bytes, size_t n, ag_error *error);

// The whole content of a regular file of at most `limit` bytes, and a NUL behind it that *n does not count.
// The caller frees *bytes. False, with `status` in *error, when the file is missing, no regular file, larger,
// or changes its size while it is read.
AG_API bool nn_file_load(const char *path, int64_t limit, ag_status status, uint8_t **bytes, size_t *n,
                         ag_error *error);

// A descriptor for reading a regular file, and the file's size; -1 with `status` in *error. The caller closes
// it.
int nn_file_open(const char *path, ag_status status, int64_t *size, ag_error *error);

// Reads n bytes, fewer only at the end of the file; -1 with errno set on failure.
ssize_t nn_file_read(int descriptor, void *bytes, size_t n);
