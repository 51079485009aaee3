// SPDX-License-Identifier: MIT
// The environment as text, put together once for each precision.
#include "autograd/environment.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/blas.h"
#include "autograd/kernel.h"
#include "autograd/precision.h"
#include "autograd/rewrite.h"

static char texts[2][128];

static void fill(void) {
    for (int bf16 = 0; bf16 < 2; bf16++)
        snprintf(texts[bf16], sizeof texts[bf16], "bobbin %s, %s, %sWinograd %s, OpenBLAS %s", BOBBIN_VERSION,
                 ag_kernels_get(AG_F64)->isa, bf16 ? "bf16 products, " : "", ag_winograd(), ag_blas_core());
}

const char *ag_environment(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return texts[ag_precision_get() == AG_PRECISION_BF16];
}

// The words that a variable may hold, between spaces.
static bool check_word(const char *name, const char *words, ag_error *error) {
    const char *value = getenv(name);
    char padded[64];
    if (!value || !*value) return true;
    snprintf(padded, sizeof padded, " %s ", value);
    return strstr(words, padded) != NULL ||
           ag_fail(error, AG_STATUS_USAGE, "%s=%s: it must be one of%s", name, value, words);
}

bool ag_environment_check(ag_error *error) {
    return check_word("AG_ISA", " scalar baseline avx2 avx512 ", error) &&
           check_word("AG_WINOGRAD", " 0 2 4 all ", error) && check_word("AG_BF16", " emulate ", error) &&
           ag_rewrite_check(error);
}
