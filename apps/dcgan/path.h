// SPDX-License-Identifier: MIT
// Paths: put together, looked at, and written as a shell reads them back.
#pragma once

#include <limits.h>
#include <stdbool.h>

#define PATH_SHELL (4 * PATH_MAX + 5)  // every byte a quote

// FOLDER/name with one slash between, cut off at PATH_MAX, into text; returns text.
char *path_join(const char *folder, const char *name, char text[PATH_MAX]);

bool path_is_folder(const char *path);

// In quotes where a shell needs them, and never like an option, into text; returns text.
char *path_quote(const char *path, char text[PATH_SHELL]);
