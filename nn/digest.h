// SPDX-License-Identifier: MIT
// Checksums: 128 bits of XXH3 over a sequence of bytes, as hexadecimal text. They find damage and tell data
// sets apart; they are no defence against a forger.
#pragma once

#include <stddef.h>

#include "autograd/export.h"

#define NN_DIGEST_DIGITS 32
#define NN_DIGEST_TEXT (NN_DIGEST_DIGITS + 1)

typedef struct nn_digest nn_digest;

// Of no bytes yet. NULL when memory runs out. The caller frees it.
AG_API nn_digest *nn_digest_create(void);
AG_API void nn_digest_free(nn_digest *digest);  // NULL is fine

// The digest of all appended bytes does not depend on how they were cut into pieces.
AG_API void nn_digest_append(nn_digest *digest, const void *bytes, size_t n);

// Lower-case digits, most significant first, into text (NN_DIGEST_TEXT bytes); returns text.
AG_API char *nn_digest_format(const nn_digest *digest, char *text);
