// SPDX-License-Identifier: MIT
// Plain evaluation: every value in memory of its own, in recording order. Slow, simple, the oracle of the
// planner.
#include <stdlib.h>
#include <string.h>

#include "autograd/kernel.h"
#include "autograd/memory.h"
#include "autograd/plan.h"
#include "autograd/tape_private.h"
#include "autograd/threads.h"

typedef struct evaluation {
    const ag_tape *tape;
    int n;             // nodes up to the wanted one
    bool *needed;      // by node
    void **values;     // by node
    void **allocated;  // by node: what to free
    ag_clock clock;
} evaluation;

static bool evaluation_open(evaluation *e, const ag_node *node, ag_clock clock) {
    const size_t n = (size_t)node->index + 1;
    *e = (evaluation){.tape = node->tape, .n = (int)n, .clock = clock};
    e->needed = calloc(n, sizeof *e->needed);
    e->values = calloc(n, sizeof *e->values);
    e->allocated = calloc(n, sizeof *e->allocated);
    if (!e->needed || !e->values || !e->allocated) return false;
    e->needed[node->index] = true;
    for (int i = node->index; i >= 0; i--) {
        const ag_node *at = node->tape->nodes[i];
        for (int k = 0; k < at->n_inputs && e->needed[i]; k++) e->needed[at->input[k]->index] = true;
    }
    return true;
}

static void evaluation_close(evaluation *e) {
    for (int i = 0; i < e->n && e->allocated; i++) free(e->allocated[i]);
    free(e->allocated);
    free(e->values);
    free(e->needed);
}

static void *find_feed(const ag_node *node, int n_feeds, const ag_feed *feeds, ag_error *error) {
    for (int i = 0; i < n_feeds; i++) {
        if (feeds[i].input != node) continue;
        const ag_tensor *value = feeds[i].value;
        if (ag_shape_equal(value->shape, node->shape) && value->dtype == node->tape->dtype)
            return value->data;
        ag_fail(error, AG_STATUS_CONTRACT, "evaluate: input %s is %s %s, fed %s %s", node->label,
                ag_dtype_name(node->tape->dtype), AG_TEXT(node->shape), ag_dtype_name(value->dtype),
                AG_TEXT(value->shape));
        return NULL;
    }
    ag_fail(error, AG_STATUS_CONTRACT, "evaluate: input %s was not fed", node->label);
    return NULL;
}

static void *source_value(const ag_node *node, int n_feeds, const ag_feed *feeds, ag_error *error) {
    if (node->constant) return (void *)node->constant;
    if (!node->parameter) return find_feed(node, n_feeds, feeds, error);
    return ag_parameter_set_seal(node->parameter->set, error) ? ag_parameter_values(node->parameter) : NULL;
}

static void *compute(const evaluation *e, const ag_node *node, ag_error *error) {
    if (node->op->prepare && !node->op->prepare(node, error)) return NULL;
    const void *in[AG_MAX_INPUTS];
    for (int k = 0; k < node->n_inputs; k++) in[k] = e->values[node->input[k]->index];
    void *out = ag_memory_create(ag_node_bytes(node));
    const int workers = ag_threads_get();
    void *scratch = ag_memory_create(node->op->scratch ? node->op->scratch(node, workers) : 0);
    if (!out || !scratch) {
        free(out);
        free(scratch);
        ag_fail(error, AG_STATUS_MEMORY, "evaluate: no memory for %s", node->label);
        return NULL;
    }
    node->op->forward(&(ag_call){.node = node,
                                 .in = in,
                                 .out = out,
                                 .scratch = scratch,
                                 .workers = workers,
                                 .clock = &e->clock,
                                 .kernels = ag_kernels_get(node->tape->dtype)});
    free(scratch);
    return out;
}

static bool evaluate_node(evaluation *e, int i, int n_feeds, const ag_feed *feeds, ag_error *error) {
    const ag_node *node = e->tape->nodes[i];
    if (node->op->traits & AG_OP_SOURCE)
        e->values[i] = source_value(node, n_feeds, feeds, error);
    else if (node->op->traits & AG_OP_VIEW)
        e->values[i] = e->values[node->input[0]->index];
    else
        e->values[i] = e->allocated[i] = compute(e, node, error);
    return e->values[i] != NULL;
}

ag_tensor *ag_evaluate(ag_node *node, int n_feeds, const ag_feed *feeds, ag_clock clock, ag_error *error) {
    if (!node) return ag_fail(error, AG_STATUS_CONTRACT, "evaluate: the node is NULL"), NULL;
    if (!ag_tape_is_sound(node->tape, error)) return NULL;
    if (node->op->traits & AG_OP_EFFECT)
        return ag_fail(error, AG_STATUS_CONTRACT, "evaluate: %s is an effect and has no value", node->label),
               NULL;
    evaluation e;
    ag_tensor *result = NULL;
    bool ok = evaluation_open(&e, node, clock) ||
              ag_fail(error, AG_STATUS_MEMORY, "evaluate %s: out of memory", node->label);
    for (int i = 0; i < e.n && ok; i++) ok = !e.needed[i] || evaluate_node(&e, i, n_feeds, feeds, error);
    if (ok) result = ag_tensor_create(node->tape->dtype, node->shape);
    if (result)
        memcpy(result->data, e.values[node->index], (size_t)ag_node_bytes(node));
    else if (ok)
        ag_fail(error, AG_STATUS_MEMORY, "evaluate %s: out of memory", node->label);
    evaluation_close(&e);
    return result;
}
