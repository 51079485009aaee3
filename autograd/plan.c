// SPDX-License-Identifier: MIT
// Planning: need, order, lifetimes, in-place reuse, then places in the arena, largest value first, each at
// the lowest offset that is free during its life (Pisarchyk and Lee 2020, greedy by size).
#include "autograd/plan.h"

#include <stdlib.h>
#include <string.h>

#include "autograd/environment.h"
#include "autograd/memory.h"
#include "autograd/rewrite.h"
#include "autograd/tape_private.h"
#include "autograd/threads.h"

typedef struct planner {
    ag_plan *plan;
    int *last_read;  // by root node: the last step that reads its bytes; -1 for none
} planner;

int64_t ag_node_bytes(const ag_node *node) {
    if (node->op->traits & AG_OP_EFFECT) return 0;
    return ag_shape_bytes(node->shape, node->tape->dtype);
}

static bool has_trait(const ag_node *node, ag_op_trait trait) { return (node->op->traits & trait) != 0; }

void ag_plan_mark_needed(ag_plan *plan, int n_outputs, ag_node *const *outputs) {
    memset(plan->needed, 0, (size_t)plan->n_nodes * sizeof *plan->needed);
    for (int i = 0; i < n_outputs; i++) plan->needed[outputs[i]->index] = true;
    for (int i = plan->n_nodes - 1; i >= 0; i--) {
        const ag_node *node = plan->nodes[i];
        plan->needed[i] = plan->needed[i] || has_trait(node, AG_OP_EFFECT);
        for (int k = 0; k < node->n_inputs && plan->needed[i]; k++)
            plan->needed[node->input[k]->index] = true;
    }
}

static void list_steps(ag_plan *plan) {
    for (int effects = 0; effects <= 1; effects++) {
        for (int i = 0; i < plan->n_nodes; i++) {
            const ag_node *node = plan->nodes[i];
            if (!plan->needed[i] || has_trait(node, AG_OP_VIEW) || has_trait(node, AG_OP_SOURCE)) continue;
            if (has_trait(node, AG_OP_EFFECT) != (effects == 1)) continue;
            plan->steps[plan->n_steps++] = (ag_plan_step){.node = i, .scratch = -1};
            plan->n_effects += effects;
        }
    }
}

static int64_t claim_own(ag_plan *plan, const ag_node *node) {
    const int64_t offset = plan->own_bytes;
    plan->own_bytes += ag_memory_round(ag_node_bytes(node));
    return offset;
}

static ag_place source_place(ag_plan *plan, const ag_node *node) {
    if (node->parameter) return (ag_place){.kind = AG_PLACE_PARAMETER};
    if (node->constant) return (ag_place){.kind = AG_PLACE_CONSTANT};
    return (ag_place){.kind = AG_PLACE_INPUT, .offset = claim_own(plan, node)};
}

// Everything but the places in the arena.
static void place_roots(ag_plan *plan, int n_outputs, ag_node *const *outputs) {
    for (int i = 0; i < plan->n_nodes; i++) {
        const ag_node *node = plan->nodes[i];
        ag_place *place = &plan->places[i];
        if (has_trait(node, AG_OP_SOURCE))
            *place = source_place(plan, node);
        else if (plan->needed[i] && !has_trait(node, AG_OP_EFFECT))
            place->kind = AG_PLACE_ARENA;
        place->root = i;
        if (has_trait(node, AG_OP_VIEW) && plan->needed[i]) *place = plan->places[node->input[0]->index];
    }
    for (int i = 0; i < n_outputs; i++) {
        ag_place *root = &plan->places[plan->places[outputs[i]->index].root];
        if (root->kind == AG_PLACE_ARENA)
            *root = (ag_place){
                .kind = AG_PLACE_OUTPUT, .root = root->root, .offset = claim_own(plan, outputs[i])};
    }
    for (int i = 0; i < plan->n_nodes; i++) {
        if (plan->needed[i]) plan->places[i] = plan->places[plan->places[i].root];
    }
}

static void find_last_reads(const planner *p) {
    for (int i = 0; i < p->plan->n_nodes; i++) p->last_read[i] = -1;
    for (int s = 0; s < p->plan->n_steps; s++) {
        const ag_node *node = p->plan->nodes[p->plan->steps[s].node];
        for (int k = 0; k < node->n_inputs; k++)
            p->last_read[p->plan->places[node->input[k]->index].root] = s;
    }
}

static int add_buffer(ag_plan *plan, int first, int last, int64_t bytes) {
    plan->buffers[plan->n_buffers] =
        (ag_buffer){.first = first, .last = last, .bytes = ag_memory_round(bytes)};
    return plan->n_buffers++;
}

// An input whose bytes step s may take over: in the arena, of the same size, read by nobody later; NULL when
// there is none.
static ag_place *find_reusable(const planner *p, const ag_node *node, int s) {
    if (!has_trait(node, AG_OP_INPLACE)) return NULL;
    for (int k = 0; k < node->n_inputs; k++) {
        ag_place *root = &p->plan->places[p->plan->places[node->input[k]->index].root];
        if (root->kind == AG_PLACE_ARENA && p->last_read[root->root] == s &&
            ag_node_bytes(node->input[k]) == ag_node_bytes(node))
            return root;
    }
    return NULL;
}

static void place_step(const planner *p, int s) {
    ag_plan *plan = p->plan;
    ag_plan_step *step = &plan->steps[s];
    const ag_node *node = p->plan->nodes[step->node];
    ag_place *place = &plan->places[step->node];
    const int64_t scratch = node->op->scratch ? node->op->scratch(node, plan->workers) : 0;
    if (scratch > 0) step->scratch = add_buffer(plan, s, s, scratch);
    if (place->kind != AG_PLACE_ARENA) return;
    const int last = p->last_read[step->node] < s ? s : p->last_read[step->node];
    const ag_place *reused = find_reusable(p, node, s);
    place->inplace = reused != NULL;
    plan->n_inplace += place->inplace;
    place->buffer = reused ? reused->buffer : add_buffer(plan, s, last, ag_node_bytes(node));
    if (reused) plan->buffers[place->buffer].last = last;
}

const ag_snapshot *ag_plan_find_snapshot(const ag_plan *plan, int node) {
    for (int i = 0; i < plan->n_snapshots; i++) {
        if (plan->snapshots[i].node == plan->places[node].root) return &plan->snapshots[i];
    }
    return NULL;
}

// Whether an effect before step s writes the parameter.
static bool is_written_before(const planner *p, int s, const ag_parameter *parameter) {
    for (int e = p->plan->n_steps - p->plan->n_effects; e < s; e++) {
        const ag_node *effect = p->plan->nodes[p->plan->steps[e].node];
        for (int k = 0; k < effect->n_writes; k++) {
            if (effect->writes[k] == parameter) return true;
        }
    }
    return false;
}

// Effects run one after the other, yet each sees the parameters as they were before the first.
static void place_snapshots(const planner *p) {
    ag_plan *plan = p->plan;
    const int first = plan->n_steps - plan->n_effects;
    for (int s = first; s < plan->n_steps; s++) {
        const ag_node *effect = p->plan->nodes[plan->steps[s].node];
        for (int k = 0; k < effect->n_inputs; k++) {
            const int root = plan->places[effect->input[k]->index].root;
            const ag_node *read = p->plan->nodes[root];
            if (!read->parameter || !is_written_before(p, s, read->parameter) ||
                ag_plan_find_snapshot(plan, root))
                continue;
            const int buffer = add_buffer(plan, first - 1, plan->n_steps - 1, ag_node_bytes(read));
            plan->snapshots[plan->n_snapshots++] = (ag_snapshot){.node = root, .buffer = buffer};
        }
    }
}

static void place_values(const planner *p) {
    find_last_reads(p);
    ag_plan_order(p->plan, p->last_read);
    for (int s = 0; s < p->plan->n_steps; s++) place_step(p, s);
    for (int i = 0; i < p->plan->n_nodes; i++) {
        ag_place *place = &p->plan->places[i];
        if (place->kind == AG_PLACE_ARENA) place->buffer = p->plan->places[place->root].buffer;
    }
    place_snapshots(p);
}

static int larger_first(const void *a, const void *b) {
    const ag_buffer *x = *(ag_buffer *const *)a, *y = *(ag_buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x < y ? -1 : 1;
}

static bool overlap_in_time(const ag_buffer *a, const ag_buffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

// Puts buffer order[n] at the lowest offset that is free during its life, and into its place among
// order[0..n), which ascend by offset.
static void place_buffer(ag_buffer **order, int n) {
    ag_buffer *buffer = order[n];
    int64_t offset = 0;
    for (int i = 0; i < n; i++) {
        if (!overlap_in_time(order[i], buffer)) continue;
        if (order[i]->offset >= offset + buffer->bytes) break;
        const int64_t end = order[i]->offset + order[i]->bytes;
        if (end > offset) offset = end;
    }
    buffer->offset = offset;
    for (; n > 0 && order[n - 1]->offset > offset; n--) order[n] = order[n - 1];
    order[n] = buffer;
}

static bool place_buffers(ag_plan *plan) {
    ag_buffer **order = malloc(sizeof *order * (size_t)(plan->n_buffers + 1));
    if (!order) return false;
    for (int i = 0; i < plan->n_buffers; i++) order[i] = &plan->buffers[i];
    qsort(order, (size_t)plan->n_buffers, sizeof *order, larger_first);
    for (int i = 0; i < plan->n_buffers; i++) place_buffer(order, i);
    for (int i = 0; i < plan->n_buffers; i++) {
        const int64_t end = plan->buffers[i].offset + plan->buffers[i].bytes;
        if (end > plan->arena_bytes) plan->arena_bytes = end;
    }
    free(order);
    return true;
}

static bool plan_allocate(ag_plan *plan, int n_nodes) {
    const size_t n = (size_t)n_nodes + 1;
    *plan = (ag_plan){.n_nodes = n_nodes};
    plan->nodes = calloc(n, sizeof *plan->nodes);
    plan->wanted = calloc(n, sizeof *plan->wanted);
    plan->places = calloc(n, sizeof *plan->places);
    plan->needed = calloc(n, sizeof *plan->needed);
    plan->steps = calloc(n, sizeof *plan->steps);
    plan->snapshots = calloc(n, sizeof *plan->snapshots);
    plan->buffers = calloc(3 * n, sizeof *plan->buffers);  // a value, scratch and a snapshot of each node
    return plan->nodes && plan->wanted && plan->places && plan->needed && plan->steps && plan->snapshots &&
           plan->buffers;
}

// The nodes to compute, after the rewrites.
static bool choose_nodes(ag_plan *plan, const ag_tape *tape, int n_outputs, ag_node *const *outputs) {
    for (int i = 0; i < plan->n_nodes; i++) plan->nodes[i] = tape->nodes[i];
    ag_plan_mark_needed(plan, n_outputs, outputs);
    memcpy(plan->wanted, plan->needed, (size_t)plan->n_nodes * sizeof *plan->wanted);
    return ag_rewrite_run(plan, n_outputs, outputs);
}

bool ag_plan_create(ag_plan *plan, const ag_tape *tape, int n_outputs, ag_node *const *outputs,
                    ag_error *error) {
    if (!ag_environment_check(error)) return false;
    planner p = {.plan = plan, .last_read = calloc((size_t)tape->n_nodes + 1, sizeof *p.last_read)};
    bool ok =
        plan_allocate(plan, tape->n_nodes) && p.last_read && choose_nodes(plan, tape, n_outputs, outputs);
    plan->workers = ag_threads_get();
    if (ok) {
        list_steps(plan);
        place_roots(plan, n_outputs, outputs);
        place_values(&p);
        ok = place_buffers(plan);
    }
    free(p.last_read);
    if (ok) return true;
    ag_plan_free(plan);
    return ag_fail(error, AG_STATUS_MEMORY, "tape %s: no memory to plan a program", tape->name);
}

void ag_plan_free(ag_plan *plan) {
    for (int i = 0; i < plan->n_made; i++) ag_node_free(plan->made[i]);
    free(plan->made);
    free(plan->nodes);
    free(plan->wanted);
    free(plan->places);
    free(plan->needed);
    free(plan->steps);
    free(plan->snapshots);
    free(plan->buffers);
    *plan = (ag_plan){0};
}
