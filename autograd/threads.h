// SPDX-License-Identifier: MIT
// Threads: one parallel loop over tasks. Callers cut work by shape, never by the number of threads, and
// combine sums in index order, so that results do not depend on the number of threads.
#pragma once

#include <stdint.h>

#include "autograd/export.h"

// Number of threads, at most 1024 (more is taken as 1024); 0 or less means one for each processor that this
// process may use, or OMP_NUM_THREADS. Process-wide. Convolutions of a program use at most as many as there
// were when it was compiled.
AG_API void ag_threads_set(int count);
AG_API int ag_threads_get(void);

// body(context, i) for i in [0, n), each once, on any thread. A thread begins with a share of its own, the
// same for the same n, from its first task to its last, and then takes what others have left: where tasks
// are images in order, it finds in its caches what it made of them in the loop before.
AG_API void ag_parallel_for(int64_t n, void (*body)(void *context, int64_t i), void *context);

// The same, from the last task of a share to the first.
AG_API void ag_parallel_for_backwards(int64_t n, void (*body)(void *context, int64_t i), void *context);

// The same by at most `workers` threads; `worker` is the number of the thread that runs body, below
// `workers`, and no two with one number run at once: for memory of a thread's own.
AG_API void ag_parallel_for_workers(int workers, int64_t n,
                                    void (*body)(void *context, int64_t i, int worker), void *context);
