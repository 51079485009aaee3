// SPDX-License-Identifier: MIT
// The environment as text, put together once for each precision.
#include "autograd/environment.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/blas.h"
#include "autograd/kernel.h"
#include "autograd/rewrite.h"

#define BF16_PRODUCTS "bf16 products by "

static char plain[128], bf16[128];

// A table without Winograd's form, like the scalar one, has no use for AG_WINOGRAD.
static const char *winograd(void) { return ag_kernels_get(AG_F32)->winograd[0].run ? ag_winograd() : "0"; }

static void fill(char text[128], const char *products) {
    snprintf(text, 128, "bobbin %s, %s, %sWinograd %s, OpenBLAS %s", BOBBIN_VERSION,
             ag_kernels_get(AG_F64)->isa, products, winograd(), ag_blas_core());
}

static void fill_plain(void) { fill(plain, ""); }

// Called while the precision is bf16.
static void fill_bf16(void) {
    char products[48];
    snprintf(products, sizeof products, BF16_PRODUCTS "%s, ", ag_kernels_get(AG_F32)->isa);
    fill(bf16, products);
}

const char *ag_environment(void) {
    static pthread_once_t plain_once = PTHREAD_ONCE_INIT, bf16_once = PTHREAD_ONCE_INIT;
    const bool rounds = ag_precision_get() == AG_PRECISION_BF16;
    pthread_once(rounds ? &bf16_once : &plain_once, rounds ? fill_bf16 : fill_plain);
    return rounds ? bf16 : plain;
}

ag_precision ag_environment_precision(const char *text) {
    return strstr(text, ", " BF16_PRODUCTS) ? AG_PRECISION_BF16 : AG_PRECISION_F32;
}

// The words that a variable may hold, between spaces.
static bool check_word(const char *name, const char *words, ag_error *error) {
    const char *value = getenv(name);
    char padded[64];
    if (!value || !*value) return true;
    snprintf(padded, sizeof padded, " %s ", value);
    return (!strchr(value, ' ') && strstr(words, padded)) ||
           ag_fail(error, AG_STATUS_USAGE, "%s=%s: it must be one of%.*s", name, value,
                   (int)strlen(words) - 1, words);
}

bool ag_environment_check(ag_error *error) {
    return check_word("AG_ISA", ag_isa_words, error) && check_word("AG_WINOGRAD", ag_winograd_words, error) &&
           check_word("AG_BF16", " emulate ", error) && ag_rewrite_check(error);
}
