// SPDX-License-Identifier: MIT
// The parallel loop, on OpenMP; no other file knows it.
#include "autograd/threads.h"

#include <omp.h>
#include <stdatomic.h>
#include <stdbool.h>

#define MAX_THREADS 1024

static atomic_int chosen;  // 0: not yet; then what OpenMP says, asked for once

static int bounded(int count) { return count < 0 ? 0 : count > MAX_THREADS ? MAX_THREADS : count; }

void ag_threads_set(int count) { atomic_store(&chosen, bounded(count)); }

int ag_threads_get(void) {
    int count = atomic_load(&chosen);
    if (count > 0) return count;
    const int all = bounded(omp_get_max_threads());
    return atomic_compare_exchange_strong(&chosen, &count, all) ? all : count;
}

// What one thread begins with: the tasks [first, end), in order or backwards.
typedef struct share {
    _Alignas(64) atomic_int_least64_t taken;
    int64_t first, end;
} share;

typedef struct team {
    bool backwards;
    share share[MAX_THREADS];
} team;

static void divide(team *t, bool backwards, int threads, int64_t n) {
    t->backwards = backwards;
    for (int i = 0; i < threads; i++) {
        share *s = &t->share[i];
        atomic_init(&s->taken, 0);
        s->first = n * i / threads, s->end = n * (i + 1) / threads;
    }
}

static bool take(const team *t, share *s, int64_t *task) {
    const int64_t i = atomic_fetch_add_explicit(&s->taken, 1, memory_order_relaxed);
    *task = t->backwards ? s->end - 1 - i : s->first + i;
    return i < s->end - s->first;
}

static void run(bool backwards, int workers, int64_t n, void (*body)(void *context, int64_t i, int worker),
                void *context) {
    const int all = ag_threads_get(), threads = workers < all ? workers : all;
    if (n < 2 || threads == 1 || omp_in_parallel()) {
        for (int64_t i = 0; i < n; i++) body(context, backwards ? n - 1 - i : i, 0);
        return;
    }
    team t;
    divide(&t, backwards, threads, n);
    // The full team, even for fewer tasks: a team of another size makes OpenMP end and start threads.
#pragma omp parallel num_threads(threads)
    for (int k = 0, worker = omp_get_thread_num(); k < threads; k++) {
        share *from = &t.share[(worker + k) % threads];
        for (int64_t i; take(&t, from, &i);) body(context, i, worker);
    }
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

void ag_parallel_for_workers(int workers, int64_t n, void (*body)(void *context, int64_t i, int worker),
                             void *context) {
    run(false, workers, n, body, context);
}

void ag_parallel_for(int64_t n, void (*body)(void *context, int64_t i), void *context) {
    run(false, MAX_THREADS, n, run_body, &(loop){body, context});
}

void ag_parallel_for_backwards(int64_t n, void (*body)(void *context, int64_t i), void *context) {
    run(true, MAX_THREADS, n, run_body, &(loop){body, context});
}
