// SPDX-License-Identifier: MIT
// random_normal and random_uniform: values of the run's own stream, drawn anew at each replay.
#include "autograd/kernel.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/threads.h"

#define DRAWS 2048    // of a task: about as much work as AG_CHUNK elements of a loop without logarithms
#define LANE_BITS 40  // room for the largest tensor
#define LANES (UINT32_C(1) << (64 - LANE_BITS))

typedef struct draw {
    ag_shape shape;
    uint32_t purpose, lane;
} draw;

static bool infer(ag_node *node) {
    const draw *d = node->attributes;
    node->shape = d->shape;
    return d->lane < LANES || ag_node_fail(node, "lane %u is not below 2^%d", d->lane, 64 - LANE_BITS);
}

typedef void (*fill_function)(ag_stream stream, uint64_t first, int64_t n, ag_dtype dtype, void *out);

typedef struct job {
    const ag_call *call;
    fill_function fill;
    int64_t n;
} job;

static void fill_chunk(void *context, int64_t i) {
    const job *j = context;
    const draw *d = j->call->node->attributes;
    const ag_dtype dtype = j->call->kernels->dtype;
    const ag_stream stream = {j->call->clock->seed, d->purpose, j->call->clock->step};
    const int64_t first = i * DRAWS;
    j->fill(stream, ((uint64_t)d->lane << LANE_BITS) + (uint64_t)first, ag_min(DRAWS, j->n - first), dtype,
            ag_at(j->call->out, first, dtype));
}

static void fill_all(const ag_call *call, fill_function fill) {
    job j = {call, fill, ag_shape_size(call->node->shape)};
    ag_parallel_for(ag_ceil_div(j.n, DRAWS), fill_chunk, &j);
}

static void normal_forward(const ag_call *call) { fill_all(call, ag_random_normal_fill); }
static void uniform_forward(const ag_call *call) { fill_all(call, ag_random_uniform_fill); }

static const ag_op random_normal = {
    .name = "random_normal", .traits = AG_OP_BLOCK, .infer = infer, .forward = normal_forward};
static const ag_op random_uniform = {
    .name = "random_uniform", .traits = AG_OP_BLOCK, .infer = infer, .forward = uniform_forward};

ag_node *ag_random_normal(ag_tape *tape, ag_shape shape, uint32_t purpose, uint32_t lane) {
    const draw attributes = {shape, purpose, lane};
    return ag_apply(&random_normal, tape, 0, NULL, &attributes, sizeof attributes);
}

ag_node *ag_random_uniform(ag_tape *tape, ag_shape shape, uint32_t purpose, uint32_t lane) {
    const draw attributes = {shape, purpose, lane};
    return ag_apply(&random_uniform, tape, 0, NULL, &attributes, sizeof attributes);
}

const ag_op *const ag_ops_random[] = {&random_normal, &random_uniform, NULL};
