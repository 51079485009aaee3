// SPDX-License-Identifier: MIT
// The environment as text, put together once.
#include "autograd/environment.h"

#include <pthread.h>
#include <stdio.h>

#include "autograd/blas.h"
#include "autograd/kernel.h"
#include "autograd/rewrite.h"

static char text[128];

static void fill(void) {
    snprintf(text, sizeof text, "bobbin %s, %s, Winograd %s, OpenBLAS %s", BOBBIN_VERSION,
             ag_kernels_get(AG_F32)->isa, ag_winograd(), ag_blas_core());
}

const char *ag_environment(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
    return text;
}

bool ag_environment_check(ag_error *error) { return ag_rewrite_check(error); }
