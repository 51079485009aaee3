// SPDX-License-Identifier: MIT
// The one file that sees OpenBLAS, pinned to one thread, so that its sums do not depend on the processors.
//
// OpenBLAS starts its threads when it is loaded, before any code of this library; pinned before the first
// product, they never get work and sleep. They look for work for some milliseconds before that: a program
// that minds sets OPENBLAS_NUM_THREADS=1 in the environment it is started with.
//
// Every product that runs takes a buffer from a pool of OpenBLAS's, which maps a new one where all are taken,
// and where that fails tries again without end (driver/others/memory.c). So the pool is filled before the
// first product, and no more products run at once than it has buffers.
#include "autograd/blas.h"

#include <cblas.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>

#include "autograd/threads.h"

#define BUFFER_BYTES (INT64_C(128) << 20)  // its BUFFER_SIZE on x86-64
#define MAX_BUFFERS 32                     // the pool has room for 50 in the smallest build of OpenBLAS

// The pool's own functions, exported, in no header.
void *blas_memory_alloc(int unused);
void blas_memory_free(void *buffer);

static pthread_mutex_t filling = PTHREAD_MUTEX_INITIALIZER;
static int n_buffers;  // that the pool has, under `filling`
static sem_t idle;     // those that no product holds

static void start(void) {
    openblas_set_num_threads(1);
    sem_init(&idle, 0, 0);
}

static void hold(void) {
    int failed;
    do failed = sem_wait(&idle);  // by a signal
    while (failed);
}

// Whether the system would grant n more buffers now.
static bool is_room(int n) {
    void *probe[MAX_BUFFERS];
    int n_mapped = 0;
    for (bool granted = true; granted && n_mapped < n; n_mapped += granted) {
        probe[n_mapped] =
            mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        granted = probe[n_mapped] != MAP_FAILED;
    }
    for (int i = 0; i < n_mapped; i++) munmap(probe[i], BUFFER_BYTES);
    return n_mapped == n;
}

// The pool maps a buffer where all it has are taken, so they are taken together.
static void fill(int wanted) {
    void *buffer[MAX_BUFFERS];
    for (int i = 0; i < n_buffers; i++) hold();
    for (int i = 0; i < wanted; i++) buffer[i] = blas_memory_alloc(0);
    for (int i = 0; i < wanted; i++) blas_memory_free(buffer[i]);
    for (n_buffers = 0; n_buffers < wanted; n_buffers++) sem_post(&idle);
}

bool ag_blas_reserve(int64_t products, ag_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
    const int threads = ag_threads_get(), most = threads < MAX_BUFFERS ? threads : MAX_BUFFERS;
    const int wanted = products < most ? (int)products : most;
    pthread_mutex_lock(&filling);
    const int missing = wanted - n_buffers;
    const bool ok = missing <= 0 || is_room(missing);
    if (ok && missing > 0) fill(wanted);
    pthread_mutex_unlock(&filling);
    return ok ||
           ag_fail(
               error, AG_STATUS_MEMORY,
               "matmul: no address space for %lld bytes, which OpenBLAS takes for %d more products at once "
               "(%lld each; threads: %d): raise the limit (ulimit -v) or use fewer threads",
               (long long)(missing * BUFFER_BYTES), missing, (long long)BUFFER_BYTES, threads);
}

const char *ag_blas_core(void) { return openblas_get_corename(); }

static CBLAS_TRANSPOSE transposition(bool transpose) { return transpose ? CblasTrans : CblasNoTrans; }

void ag_blas_gemm(const ag_gemm *g) {
    const CBLAS_TRANSPOSE ta = transposition(g->transpose_a), tb = transposition(g->transpose_b);
    const blasint m = (blasint)g->m, n = (blasint)g->n, k = (blasint)g->k;
    const blasint lda = (blasint)g->lda, ldb = (blasint)g->ldb, ldc = (blasint)g->ldc;
    hold();
    if (g->dtype == AG_F32)
        cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, lda, g->b, ldb, 0, g->c, ldc);
    else
        cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, lda, g->b, ldb, 0, g->c, ldc);
    sem_post(&idle);
}
