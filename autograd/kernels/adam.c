// SPDX-License-Identifier: MIT
// Adam's step (Kingma and Ba 2015, algorithm 1) with Keras's or PyTorch's epsilon, and AdamW's decay.
#include "autograd/kernels/vector_math.h"

typedef struct adam_constants {
    real beta1, rest1, beta2, rest2, rate, epsilon, root_scale, keep;
} adam_constants;

// Never inlined, so that body and tail are one piece of code and give the same bits.
static __attribute__((noinline)) void run(int64_t vectors, const adam_constants *k, real *w, real *m, real *v,
                                          const real *g) {
    for (int64_t i = 0; i < vectors * LANES; i += LANES) {
        const vec slope = v_load(g + i);
        const vec mean = v_set(k->beta1) * v_load(m + i) + v_set(k->rest1) * slope;
        const vec square = v_set(k->beta2) * v_load(v + i) + v_set(k->rest2) * (slope * slope);
        const vec root = v_set(k->root_scale) * v_sqrt(square) + v_set(k->epsilon);
        v_store(m + i, mean);
        v_store(v + i, square);
        v_store(w + i, v_set(k->keep) * v_load(w + i) - v_set(k->rate) * mean / root);
    }
}

void KERNEL(adam)(const ag_adam_step *step) {
    const adam_constants k = {(real)step->beta1,       (real)(1 - step->beta1), (real)step->beta2,
                              (real)(1 - step->beta2), (real)step->rate,        (real)step->epsilon,
                              (real)step->root_scale,  (real)(1 - step->decay)};
    const int64_t whole = step->n / LANES, done = whole * LANES;
    const size_t rest = (size_t)(step->n - done) * sizeof(real);
    real *w = step->w, *m = step->m, *v = step->v;
    run(whole, &k, w, m, v, step->g);
    if (rest == 0) return;
    real tail[4][LANES] = {{0}};
    memcpy(tail[0], w + done, rest), memcpy(tail[1], m + done, rest), memcpy(tail[2], v + done, rest);
    memcpy(tail[3], (const real *)step->g + done, rest);
    run(1, &k, tail[0], tail[1], tail[2], tail[3]);
    memcpy(w + done, tail[0], rest), memcpy(m + done, tail[1], rest), memcpy(v + done, tail[2], rest);
}
