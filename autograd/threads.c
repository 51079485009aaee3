// SPDX-License-Identifier: MIT
// The parallel loop, on OpenMP; no other file knows it.
#include "autograd/threads.h"

#include <omp.h>
#include <stdatomic.h>

#define MAX_THREADS 1024

static atomic_int chosen;  // 0: not yet; then what OpenMP says, asked for once

static int bounded(int count) { return count < 0 ? 0 : count > MAX_THREADS ? MAX_THREADS : count; }

void ag_threads_set(int count) { atomic_store(&chosen, bounded(count)); }

int ag_threads_get(void) {
    int count = atomic_load(&chosen);
    if (count > 0) return count;
    const int all = bounded(omp_get_max_threads());
    return atomic_compare_exchange_strong(&chosen, &count, all) || count == 0 ? all : count;
}

void ag_parallel_for_workers(int workers, int64_t n, void (*body)(void *context, int64_t i, int worker),
                             void *context) {
    const int all = ag_threads_get(), threads = workers < all ? workers : all;
    if (n < 2 || threads == 1 || omp_in_parallel()) {
        for (int64_t i = 0; i < n; i++) body(context, i, 0);
        return;
    }
    // The full team, even for fewer tasks: a team of another size makes OpenMP end and start threads.
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
    for (int64_t i = 0; i < n; i++) body(context, i, omp_get_thread_num());
}

typedef struct loop {
    void (*body)(void *context, int64_t i);
    void *context;
} loop;

static void run_body(void *context, int64_t i, int worker) {
    const loop *l = context;
    (void)worker;
    l->body(l->context, i);
}

void ag_parallel_for(int64_t n, void (*body)(void *context, int64_t i), void *context) {
    ag_parallel_for_workers(MAX_THREADS, n, run_body, &(loop){body, context});
}
