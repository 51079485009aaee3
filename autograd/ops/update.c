// SPDX-License-Identifier: MIT
// Checks and chunks of optimizer updates.
#include "autograd/ops/update.h"

#include <math.h>

#include "autograd/ops/array.h"
#include "autograd/threads.h"

bool ag_is_decay_rate(double beta) { return beta >= 0 && beta < 1; }
bool ag_is_amount(double value) { return value >= 0 && isfinite(value); }

static ag_node *refuse_parameter(const ag_op *op, const ag_node *gradient, const ag_parameter *p,
                                 bool is_state) {
    ag_tape *tape = gradient->tape;
    if (!p) return ag_tape_fail(tape, "%s: the %s is NULL", op->name, is_state ? "state" : "parameter");
    if (!is_state && (p->kind != AG_PARAMETER || !p->trainable))
        return ag_tape_fail(tape, "%s: parameter %s/%s is not trainable", op->name,
                            ag_parameter_set_name(p->set), p->name);
    if (is_state && p->kind != AG_BUFFER)
        return ag_tape_fail(tape, "%s: the state %s/%s is a parameter and must be a buffer", op->name,
                            ag_parameter_set_name(p->set), p->name);
    if (!ag_shape_equal(p->shape, gradient->shape))
        return ag_tape_fail(tape, "%s: %s/%s is %s and the gradient %s: the shapes must be equal", op->name,
                            ag_parameter_set_name(p->set), p->name, AG_TEXT(p->shape),
                            AG_TEXT(gradient->shape));
    return NULL;
}

static ag_node *refuse(const ag_op *op, int n_inputs, ag_node *const *inputs, int n_writes,
                       ag_parameter *const *writes) {
    for (int i = 0; i < n_inputs; i++) {
        if (i > 0 && ag_shape_size(inputs[i]->shape) != 1)
            return ag_tape_fail(inputs[i]->tape, "%s: %s is %s and must be a scalar", op->name,
                                inputs[i]->label, AG_TEXT(inputs[i]->shape));
    }
    for (int i = 0; i < n_writes; i++) {
        ag_node *refused = refuse_parameter(op, inputs[0], writes[i], i > 0);
        if (refused) return refused;
    }
    return NULL;
}

ag_node *ag_update_record(const ag_op *op, int n_inputs, ag_node *const *inputs, int n_writes,
                          ag_parameter *const *writes, const void *attributes, size_t attributes_bytes) {
    for (int i = 0; i < n_inputs; i++)
        if (ag_node_failed(inputs[i])) return inputs[i];
    ag_node *refused = refuse(op, n_inputs, inputs, n_writes, writes);
    if (refused) return refused;
    return ag_apply_effect(op, inputs[0]->tape, n_inputs, inputs, n_writes, writes, attributes,
                           attributes_bytes);
}

bool ag_update_infer(ag_node *node) {
    node->shape = AG_SHAPE();
    return true;
}

int64_t ag_update_scratch(const ag_node *node, int workers) {
    (void)workers;
    return ag_shape_bytes(node->input[0]->shape, ag_tape_dtype(node->tape));
}

typedef struct job {
    const ag_call *call;
    void (*body)(const ag_update_chunk *chunk, const void *context);
    const void *context;
    int64_t n;
} job;

static void run_chunk(void *context, int64_t i) {
    const job *j = context;
    const ag_call *call = j->call;
    const ag_node *node = call->node;
    const ag_dtype dtype = call->kernels->dtype;
    const int64_t first = i * AG_CHUNK;
    ag_update_chunk chunk = {.kernels = call->kernels,
                             .n = ag_chunk_length(j->n, i),
                             .gradient = ag_const_at(call->in[0], first, dtype)};
    if (call->scratch) chunk.scratch = ag_at(call->scratch, first, dtype);
    for (int k = 0; k < node->n_writes; k++)
        chunk.values[k] = ag_at(ag_parameter_values(node->writes[k]), first, dtype);
    j->body(&chunk, j->context);
}

void ag_update_run(const ag_call *call, void (*body)(const ag_update_chunk *chunk, const void *context),
                   const void *context) {
    job j = {call, body, context, ag_shape_size(call->node->input[0]->shape)};
    ag_parallel_for(ag_chunk_count(j.n), run_chunk, &j);
}

void ag_update_apply(const ag_update_chunk *chunk, ag_pointwise function, void *out, const void *a,
                     const void *b, double p, double q) {
    const ag_pointwise_call call = {.n = chunk->n, .in = {a, b}, .step = {1, 1}, .out = out, .p = p, .q = q};
    chunk->kernels->pointwise[function](&call);
}
