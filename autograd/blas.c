// SPDX-License-Identifier: MIT
// The one file that sees OpenBLAS, pinned to one thread, so that its sums do not depend on the processors.
//
// OpenBLAS starts its threads when it is loaded, before any code of this library; pinned at the first
// product, they never get work and sleep. They look for work for some milliseconds before that: a program
// that minds sets OPENBLAS_NUM_THREADS=1 in the environment it is started with.
#include "autograd/blas.h"

#include <cblas.h>
#include <pthread.h>

static void pin(void) { openblas_set_num_threads(1); }

const char *ag_blas_core(void) { return openblas_get_corename(); }

static CBLAS_TRANSPOSE transposition(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

void ag_blas_gemm(const ag_gemm *g) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, pin);
    const CBLAS_TRANSPOSE ta = transposition(g->transpose_a), tb = transposition(g->transpose_b);
    const blasint m = (blasint)g->m, n = (blasint)g->n, k = (blasint)g->k;
    const blasint lda = (blasint)g->lda, ldb = (blasint)g->ldb, ldc = (blasint)g->ldc;
    if (g->dtype == AG_F32)
        cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, lda, g->b, ldb, 0, g->c, ldc);
    else
        cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, lda, g->b, ldb, 0, g->c, ldc);
}
