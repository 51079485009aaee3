// SPDX-License-Identifier: MIT
// A folder of its own for a test that works with files: made by scratch_create, removed with all that is in
// it by scratch_remove. Give them to Criterion as .init and .fini. Anything that fails here fails the test.
#pragma once

#include <stddef.h>
#include <stdint.h>

void scratch_create(void);
void scratch_remove(void);

// FOLDER/name, or the folder for "". The text lives until the eighth call from now.
const char *scratch_path(const char *name);

// Writes a file in the folder; reads one whole, for the caller to free.
void scratch_write(const char *name, const void *bytes, size_t n);
uint8_t *scratch_read(const char *name, size_t *n);

// Entries in the folder, without . and .. but with hidden ones.
int scratch_count(void);
