// SPDX-License-Identifier: MIT
// XXH3's 128-bit variant behind the room's own names; the only file that includes xxhash.h.
#include "nn/digest.h"

#include <stdio.h>
#include <xxhash.h>

#include "nn/given.h"

static XXH3_state_t *state_of(const nn_digest *digest) { return (XXH3_state_t *)digest; }

nn_digest *nn_digest_create(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state) XXH3_128bits_reset(state);
    return (nn_digest *)state;
}

void nn_digest_free(nn_digest *digest) { XXH3_freeState(state_of(digest)); }

void nn_digest_append(nn_digest *digest, const void *bytes, size_t n) {
    if (!NN_GIVEN(digest, "digest", NULL) || (n > 0 && !NN_GIVEN(bytes, "bytes", NULL))) return;
    if (n > 0) XXH3_128bits_update(state_of(digest), bytes, n);
}

char *nn_digest_format(const nn_digest *digest, char *text) {
    if (!NN_GIVEN(digest, "digest", NULL) || !NN_GIVEN(text, "text", NULL)) return NULL;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_of(digest)));
    for (size_t i = 0; i < sizeof canonical.digest; i++)
        snprintf(text + 2 * i, 3, "%02x", canonical.digest[i]);
    return text;
}
