// SPDX-License-Identifier: MIT
// The pointwise functions: a loop over whole vectors per row of pointwise.def, and one driver that feeds it.
#include "autograd/kernels/vector_math.h"

typedef struct operands {
    const real *in[3];
    int64_t step[3];  // from vector to vector: LANES, or 0 for one value (in points at LANES copies of it)
} operands;

typedef void pointwise_loop(int64_t vectors, const operands *from, real *out, double p, double q);

// The rest of n / LANES goes through the same loop, on a padded copy: callers cut arrays where they like and
// get the same bits. out may be an input.
static void run(const ag_pointwise_call *call, int arity, pointwise_loop *loop) {
    const int64_t whole = call->n / LANES, rest = call->n % LANES;
    real one[3][LANES] = {{0}}, padded[3][LANES] = {{0}}, last[LANES];
    operands body = {{one[0], one[1], one[2]}, {0}};
    operands tail = body;
    for (int k = 0; k < arity; k++) {
        const real *in = call->in[k];
        if (call->step[k]) {
            body.in[k] = in, body.step[k] = LANES;
            memcpy(padded[k], in + whole * LANES, (size_t)rest * sizeof *in);
            tail.in[k] = padded[k];
        } else if (call->n > 0) {
            v_store(one[k], v_set(*in));
        }
    }
    real *out = call->out;
    loop(whole, &body, out, call->p, call->q);
    if (rest == 0) return;
    loop(1, &tail, last, call->p, call->q);
    memcpy(out + whole * LANES, last, (size_t)rest * sizeof *out);
}

// Never inlined, so that body and tail are one piece of code.
#define AG_POINTWISE(name, arity, expression)                                                           \
    static __attribute__((noinline)) void name##_loop(int64_t vectors, const operands *from, real *out, \
                                                      double p, double q) {                             \
        (void)p, (void)q;                                                                               \
        const operands s = *from;                                                                       \
        for (int64_t i = 0; i < vectors; i++) {                                                         \
            const vec a = v_load(s.in[0] + i * s.step[0]), b = v_load(s.in[1] + i * s.step[1]);         \
            const vec c = v_load(s.in[2] + i * s.step[2]);                                              \
            (void)b, (void)c;                                                                           \
            v_store(out + i * LANES, expression);                                                       \
        }                                                                                               \
    }                                                                                                   \
    void KERNEL(name)(const ag_pointwise_call *call) { run(call, arity, name##_loop); }
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE
