// SPDX-License-Identifier: MIT
// The order of a plan's steps is the tape's, but for neighbours that read a value both: first comes the one
// that leaves more of the arena free. The gradient of a layer's weights, which is the last to read the
// layer's input, so goes before the gradient of that input.
#include "autograd/plan.h"

typedef struct order {
    ag_plan *plan;
    int *last_read;  // by root node: the last step that reads its bytes
} order;

static const ag_node *node_at(const order *o, int s) { return o->plan->nodes[o->plan->steps[s].node]; }

// The node whose bytes input k of step s is.
static int root_at(const order *o, int s, int k) {
    return o->plan->places[node_at(o, s)->input[k]->index].root;
}

// Whether one of the first `n` inputs of step s is of the root.
static bool reads(const order *o, int s, int n, int root) {
    for (int k = 0; k < n; k++) {
        if (root_at(o, s, k) == root) return true;
    }
    return false;
}

static bool share_an_input(const order *o, int s) {
    for (int k = 0; k < node_at(o, s)->n_inputs; k++) {
        if (reads(o, s + 1, node_at(o, s + 1)->n_inputs, root_at(o, s, k))) return true;
    }
    return false;
}

// Bytes of the arena that step s leaves free, less those it takes, if it runs before its neighbour.
static int64_t bytes_freed(const order *o, int s, int neighbour) {
    const int last = s > neighbour ? s : neighbour, n_other = node_at(o, neighbour)->n_inputs;
    int64_t bytes = -ag_node_bytes(node_at(o, s));
    for (int k = 0; k < node_at(o, s)->n_inputs; k++) {
        const int root = root_at(o, s, k);
        if (o->plan->places[root].kind == AG_PLACE_ARENA && o->last_read[root] <= last &&
            !reads(o, s, k, root) && !reads(o, neighbour, n_other, root))
            bytes += ag_node_bytes(o->plan->nodes[root]);
    }
    return bytes;
}

static void exchange(const order *o, int s) {
    ag_plan_step *step = &o->plan->steps[s];
    const ag_plan_step first = step[0];
    step[0] = step[1], step[1] = first;
    for (int i = s; i <= s + 1; i++)
        for (int k = 0; k < node_at(o, i)->n_inputs; k++) {
            int *last = &o->last_read[root_at(o, i, k)];
            if (*last <= s + 1) *last = i;
        }
}

void ag_plan_order(ag_plan *plan, int *last_read) {
    const order o = {plan, last_read};
    for (int s = 0; s + 1 < plan->n_steps - plan->n_effects; s++) {
        const int made = plan->places[plan->steps[s].node].root;
        if (share_an_input(&o, s) && !reads(&o, s + 1, node_at(&o, s + 1)->n_inputs, made) &&
            bytes_freed(&o, s + 1, s) > bytes_freed(&o, s, s + 1))
            exchange(&o, s);
    }
}
