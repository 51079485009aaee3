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
//
// Its kernels for AVX-512 take products of up to a million multiplications past the pool, and call malloc
// for those of two matrices neither of which is transposed (0.3.21, sgemm_small_kernel_nn_skylakex.c and
// dgemm's). So there one of the two is handed over as transposed: a row or a column as it lies, which takes
// no longer ([128,2048] by [2048,1] 0.011 instead of 0.014 ms), otherwise a copy of the smaller one. With the
// copy [100,100] by [100,100] takes 0.0106 instead of 0.0082 ms, [64,100] by [100,33] 0.0041 instead of
// 0.0019, [512,10] by [10,10] 0.0022 instead of 0.0009; by the tile of kernels/matmul.c, of no use where b is
// narrow, 0.0111, 0.0038 and 0.0039.
#include "autograd/blas.h"

#include <cblas.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/mman.h>

#include "autograd/element.h"
#include "autograd/threads.h"

#define BUFFER_BYTES (INT64_C(128) << 20)  // its BUFFER_SIZE on x86-64
#define MAX_BUFFERS 32                     // the pool has room for 50 in the smallest build of OpenBLAS
#define SMALL 1e6                          // multiplications at most of a small product
#define COPY_BYTES 65536                   // of a matrix, copied at once

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

// c = op(a) op(b) + beta c
static void multiply(const ag_gemm *g, int beta) {
    const CBLAS_TRANSPOSE ta = transposition(g->transpose_a), tb = transposition(g->transpose_b);
    const blasint m = (blasint)g->m, n = (blasint)g->n, k = (blasint)g->k;
    const blasint lda = (blasint)g->lda, ldb = (blasint)g->ldb, ldc = (blasint)g->ldc;
    if (g->dtype == AG_F32)
        cblas_sgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, lda, g->b, ldb, (float)beta, g->c, ldc);
    else
        cblas_dgemm(CblasRowMajor, ta, tb, m, n, k, 1, g->a, lda, g->b, ldb, beta, g->c, ldc);
}

static bool may_allocate(const ag_gemm *g) {
    return !g->transpose_a && !g->transpose_b && (double)g->m * (double)g->n * (double)g->k <= SMALL;
}

// Whether the transpose of a matrix lies in memory as the matrix does, and then its *ld.
static bool turn(int64_t rows, int64_t columns, int64_t *ld) {
    const bool is_row = rows == 1, is_column = columns == 1 && *ld == 1;
    if (is_row)
        *ld = 1;
    else if (is_column)
        *ld = rows;
    return is_row || is_column;
}

// to[columns][rows] = from[rows][columns], the rows of the latter ld elements apart.
static inline void transpose(int64_t rows, int64_t columns, const char *from, int64_t ld, char *to,
                             int64_t bytes) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            memcpy(to + (c * rows + r) * bytes, from + (r * ld + c) * bytes, (size_t)bytes);
}

static void copy_transposed(ag_dtype dtype, int64_t rows, int64_t columns, const void *from, int64_t ld,
                            void *to) {
    if (dtype == AG_F32)
        transpose(rows, columns, from, ld, to, sizeof(float));
    else
        transpose(rows, columns, from, ld, to, sizeof(double));
}

// The smaller of a and b copied, some of its columns or rows at a time.
static void multiply_copied(const ag_gemm *g) {
    _Alignas(64) char copy[COPY_BYTES];
    const bool copy_a = g->m <= g->n;
    const int64_t side = copy_a ? g->m : g->n, most = COPY_BYTES / (int64_t)ag_dtype_bytes(g->dtype) / side;
    for (int64_t first = 0; first < g->k; first += most) {
        ag_gemm part = *g;
        part.k = g->k - first < most ? g->k - first : most;
        part.a = ag_const_at(g->a, first, g->dtype);
        part.b = ag_const_at(g->b, first * g->ldb, g->dtype);
        if (copy_a) {
            copy_transposed(g->dtype, part.m, part.k, part.a, part.lda, copy);
            part.transpose_a = true, part.a = copy, part.lda = part.m;
        } else {
            copy_transposed(g->dtype, part.k, part.n, part.b, part.ldb, copy);
            part.transpose_b = true, part.b = copy, part.ldb = part.k;
        }
        multiply(&part, first > 0);
    }
}

static void multiply_transposed(const ag_gemm *g) {
    ag_gemm turned = *g;
    turned.transpose_a = turn(g->m, g->k, &turned.lda);
    turned.transpose_b = !turned.transpose_a && turn(g->k, g->n, &turned.ldb);
    if (turned.transpose_a || turned.transpose_b)
        multiply(&turned, 0);
    else
        multiply_copied(g);
}

void ag_blas_gemm(const ag_gemm *g) {
    hold();
    if (may_allocate(g))
        multiply_transposed(g);
    else
        multiply(g, 0);
    sem_post(&idle);
}
