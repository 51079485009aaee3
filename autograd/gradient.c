// SPDX-License-Identifier: MIT
// The reverse walk. An adjoint is recorded only for a node that depends on some wrt and that the loss depends
// on.
#include "autograd/gradient.h"

#include <stdio.h>
#include <stdlib.h>

#include "autograd/ops.h"
#include "autograd/tape_private.h"

typedef struct walk {
    ag_tape *tape;
    ag_node *y, *seed;
    bool *active;       // on a path from a wrt to y, by index up to y's
    ag_node **adjoint;  // gradient that has reached the node so far
    bool strict;        // an op without a gradient is an error, not a dead end
} walk;

double ag_node_flops(const ag_node *node) {
    if (node->op->traits & (AG_OP_VIEW | AG_OP_SOURCE)) return 0;
    return node->op->flops ? node->op->flops(node) : (double)ag_shape_size(node->shape);
}

static bool passes_gradient(const ag_node *node) {
    return !(node->op->traits & (AG_OP_BLOCK | AG_OP_EFFECT));
}

// active := nodes that depend on one marked already (the wrts), then only those that y depends on.
static void mark_active(walk *w) {
    const int last = w->y->index;
    bool *needed = w->active + last + 1;
    for (int i = 0; i <= last; i++) {
        const ag_node *node = w->tape->nodes[i];
        for (int k = 0; k < node->n_inputs && !w->active[i] && passes_gradient(node); k++)
            w->active[i] = w->active[node->input[k]->index];
    }
    needed[last] = true;
    for (int i = last; i >= 0; i--) {
        w->active[i] = w->active[i] && needed[i];
        const ag_node *node = w->tape->nodes[i];
        for (int k = 0; k < node->n_inputs && w->active[i]; k++) needed[node->input[k]->index] = true;
    }
}

static bool add_adjoint(walk *w, ag_node *node, int k, ag_node *gradient) {
    ag_node *input = node->input[k];
    if (!ag_shape_equal(gradient->shape, input->shape)) {
        ag_tape_fail(w->tape, "%s (%s): the gradient for input %d has shape %s, the input %s", node->op->name,
                     node->label, k, AG_TEXT(gradient->shape), AG_TEXT(input->shape));
        return false;
    }
    ag_node **sum = &w->adjoint[input->index];
    *sum = *sum ? ag_add(*sum, gradient) : gradient;
    return !ag_node_failed(*sum);
}

static bool propagate(walk *w, ag_node *node) {
    for (int k = 0; k < node->n_inputs; k++) {
        if (!w->active[node->input[k]->index]) continue;
        if (!node->op->vjp) {
            if (!w->strict) continue;
            ag_tape_fail(w->tape, "gradient: %s (%s) has no gradient", node->op->name, node->label);
            return false;
        }
        ag_node *gradient = node->op->vjp(node, w->adjoint[node->index], k);
        if (!gradient) continue;
        if (ag_node_failed(gradient) || !add_adjoint(w, node, k, gradient)) return false;
    }
    return true;
}

// Records the adjoints; w->adjoint then holds them by index.
static bool walk_back(walk *w) {
    mark_active(w);
    if (!w->active[w->y->index]) return true;
    w->adjoint[w->y->index] = w->seed;
    for (int i = w->y->index; i >= 0; i--) {
        ag_node *node = w->tape->nodes[i];
        if (!w->active[i] || !w->adjoint[i] || !passes_gradient(node)) continue;
        char scope[AG_SCOPE_TEXT];
        ag_tape_scope_enter(w->tape, node, scope);
        const bool ok = propagate(w, node);
        ag_tape_scope_leave(w->tape, scope);
        if (!ok) return false;
    }
    return true;
}

static bool walk_open(walk *w, ag_tape *tape, ag_node *y, ag_node *seed, bool strict) {
    const size_t n = (size_t)y->index + 1;
    *w = (walk){.tape = tape, .y = y, .seed = seed, .strict = strict};
    w->active = calloc(2 * n, sizeof *w->active);
    w->adjoint = calloc(n, sizeof *w->adjoint);
    if (w->active && w->adjoint) return true;
    return ag_fail(&tape->error, AG_STATUS_MEMORY, "tape %s: no memory for a gradient", tape->name);
}

static void walk_close(walk *w) {
    free(w->active);
    free(w->adjoint);
}

static void mark_wrt(walk *w, int n_wrt, ag_node *const *wrt) {
    for (int i = 0; i < n_wrt; i++) {
        if (wrt[i]->index <= w->y->index) w->active[wrt[i]->index] = true;
    }
}

static double flops_from(const ag_tape *tape, int first) {
    double sum = 0;
    for (int i = first; i < tape->n_nodes; i++) sum += ag_node_flops(tape->nodes[i]);
    return sum;
}

// Marks the frozen parameters that y may depend on; whether there are any.
static bool mark_frozen(walk *w) {
    bool any = false;
    for (int i = 0; i <= w->y->index; i++) {
        const ag_node *node = w->tape->nodes[i];
        if (node->frozen && node->parameter->kind == AG_PARAMETER) w->active[i] = any = true;
    }
    return any;
}

// FLOPs of the gradient were every frozen parameter trainable: recorded, counted and taken back, with
// whatever went wrong. -1 when nothing is frozen or the trial failed.
static double unfrozen_flops(ag_tape *tape, ag_node *y, ag_node *seed, int n_wrt, ag_node *const *wrt) {
    walk w;
    const int mark = tape->n_nodes;
    double flops = -1;
    tape->trial = true;
    if (walk_open(&w, tape, y, seed, false)) {
        mark_wrt(&w, n_wrt, wrt);
        if (mark_frozen(&w) && walk_back(&w)) flops = flops_from(tape, mark);
    }
    walk_close(&w);
    ag_tape_truncate(tape, mark);
    tape->trial = false;
    tape->error = (ag_error){0};
    return flops;
}

static bool add_saving(ag_tape *tape, int first, double flops) {
    if (tape->n_savings == tape->savings_capacity) {
        const int capacity = tape->savings_capacity ? 2 * tape->savings_capacity : 4;
        ag_saving *grown = realloc(tape->savings, (size_t)capacity * sizeof *grown);
        if (!grown)
            return ag_fail(&tape->error, AG_STATUS_MEMORY, "tape %s: no memory for a gradient", tape->name);
        tape->savings = grown;
        tape->savings_capacity = capacity;
    }
    tape->savings[tape->n_savings++] = (ag_saving){first, tape->n_nodes, flops};
    return true;
}

double ag_tape_savings(const ag_tape *tape, const bool *needed) {
    double sum = 0;
    for (int i = 0; i < tape->n_savings; i++) {
        bool counts = needed == NULL;
        for (int k = tape->savings[i].first; k < tape->savings[i].end && !counts; k++) counts = needed[k];
        if (counts) sum += tape->savings[i].flops;
    }
    return sum;
}

double ag_tape_frozen_flops(const ag_tape *tape) { return ag_tape_savings(tape, NULL); }

// Whether a gradient can use the node; told when not.
static bool check_value(ag_tape *tape, const ag_node *node, const char *what) {
    if (!node)
        ag_tape_fail(tape, "gradient: %s is NULL", what);
    else if (node->tape != tape)
        ag_tape_fail(tape, "gradient: %s (%s) lies on another tape, %s", what, node->label, node->tape->name);
    else if (ag_node_failed(node) || (node->op->traits & AG_OP_EFFECT))
        ag_tape_fail(tape, "gradient: %s (%s) has no value", what, node->label);
    else
        return true;
    return false;
}

static bool check_wrt(ag_tape *tape, ag_node *y, int n_wrt, ag_node *const *wrt) {
    for (int i = 0; i < n_wrt; i++) {
        if (!check_value(tape, wrt[i], "what it is taken for")) return false;
        if (wrt[i]->frozen) {
            ag_tape_fail(tape, "gradient of %s: parameter %s was read frozen or is not trainable", y->label,
                         wrt[i]->label);
            return false;
        }
    }
    return true;
}

static bool collect(walk *w, int n_wrt, ag_node *const *wrt, ag_node **out) {
    for (int i = 0; i < n_wrt; i++) {
        ag_node *gradient = wrt[i]->index <= w->y->index ? w->adjoint[wrt[i]->index] : NULL;
        out[i] = gradient ? gradient : ag_fill(w->tape, wrt[i]->shape, 0);
        if (ag_node_failed(out[i])) return false;
    }
    return true;
}

bool ag_vjp(ag_tape *tape, ag_node *y, ag_node *seed, int n_wrt, ag_node *const *wrt, ag_node **out) {
    if (tape->error.status != AG_OK) return false;
    if (!check_value(tape, y, "the value") || !check_value(tape, seed, "its seed")) return false;
    if (!ag_shape_equal(y->shape, seed->shape)) {
        ag_tape_fail(tape, "gradient of %s: the seed has shape %s, the value %s", y->label,
                     AG_TEXT(seed->shape), AG_TEXT(y->shape));
        return false;
    }
    if (!check_wrt(tape, y, n_wrt, wrt)) return false;
    const double unfrozen = unfrozen_flops(tape, y, seed, n_wrt, wrt);
    walk w;
    const int mark = tape->n_nodes;
    bool ok = walk_open(&w, tape, y, seed, true);
    if (ok) {
        mark_wrt(&w, n_wrt, wrt);
        ok = walk_back(&w) && collect(&w, n_wrt, wrt, out);
    }
    walk_close(&w);
    return ok && (unfrozen < 0 || add_saving(tape, mark, unfrozen - flops_from(tape, mark)));
}

bool ag_gradient(ag_tape *tape, ag_node *loss, int n_wrt, ag_node *const *wrt, ag_node **out) {
    if (tape->error.status != AG_OK) return false;
    if (!check_value(tape, loss, "the loss")) return false;
    if (ag_shape_size(loss->shape) != 1) {
        ag_tape_fail(tape, "gradient of %s: the loss must be a scalar, its shape is %s", loss->label,
                     AG_TEXT(loss->shape));
        return false;
    }
    return ag_vjp(tape, loss, ag_fill(tape, loss->shape, 1), n_wrt, wrt, out);
}
