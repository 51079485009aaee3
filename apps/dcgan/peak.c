// SPDX-License-Identifier: MIT
// The loop of multiply-adds. The build lets the compiler fuse products and sums here, as in the kernels.
#include "apps/dcgan/peak.h"

#include <string.h>

#include "apps/dcgan/live.h"
#include "autograd/threads.h"

#define TURNS 3000000
#define CHAINS 12  // more than latency times throughput of any multiply-add, and still in registers

// Chains that do not wait for each other, in variables of their own so that they stay in registers. They end
// near x = 0.999 x + 1e-3, far from overflow and from denormals.
#define LOOP(name, target, bytes)                                                                           \
    target static void name(void *context, int64_t task) {                                                  \
        typedef float vec __attribute__((vector_size(bytes)));                                              \
        const vec s = (vec){0} + 0.999f, t = (vec){0} + 1e-3f;                                              \
        vec a = s, b = a * s, c = b * s, d = c * s, e = d * s, f = e * s, g = f * s, h = g * s, i = h * s,  \
            j = i * s, k = j * s, l = k * s;                                                                \
        (void)context, (void)task;                                                                          \
        for (int turn = 0; turn < TURNS; turn++) {                                                          \
            a = a * s + t, b = b * s + t, c = c * s + t, d = d * s + t, e = e * s + t, f = f * s + t;       \
            g = g * s + t, h = h * s + t, i = i * s + t, j = j * s + t, k = k * s + t, l = l * s + t;       \
            __asm__ volatile(""                                                                             \
                             : VECTOR(a), VECTOR(b), VECTOR(c), VECTOR(d), VECTOR(e), VECTOR(f), VECTOR(g), \
                               VECTOR(h), VECTOR(i), VECTOR(j), VECTOR(k), VECTOR(l));                      \
        }                                                                                                   \
    }

#ifdef __x86_64__
#define VECTOR(v) "+x"(v)
#define TARGET(isa) __attribute__((target(isa)))
LOOP(loop_avx2, TARGET("avx2,fma"), 32)
LOOP(loop_avx512, TARGET("avx512f"), 64)
#else
#define VECTOR(v) "+w"(v)
#endif
LOOP(loop_baseline, , 16)

typedef struct variant {
    const char *isa;
    int floats;  // of a vector
    void (*loop)(void *context, int64_t task);
} variant;

static const variant variants[] = {
#ifdef __x86_64__
    {"avx512", 16, loop_avx512},
    {"avx2", 8, loop_avx2},
#endif
    {"", 4, loop_baseline},
};

double peak_flops(const char *isa) {
    const variant *v = variants;
    while (strncmp(isa, v->isa, strlen(v->isa)) != 0) v++;
    const int threads = ag_threads_get();
    const double started = live_clock();
    ag_parallel_for(threads, v->loop, NULL);
    return 2.0 * CHAINS * TURNS * v->floats * threads / (live_clock() - started);
}
