// SPDX-License-Identifier: MIT
// Running the rewrites, and the graph that they see.
#include "autograd/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/memory.h"
#include "autograd/plan.h"
#include "autograd/tape_private.h"

struct ag_graph {
    ag_plan *plan;
    int n_outputs;
    ag_node *const *outputs;
    bool changed, failed;  // failed: out of memory
};

#define AG_REWRITE(name) extern const ag_rewrite ag_rewrite_##name;
#include "autograd/rewrite_list.def"
#undef AG_REWRITE

static const ag_rewrite *const rewrites[] = {
#define AG_REWRITE(name) &ag_rewrite_##name,
#include "autograd/rewrite_list.def"
#undef AG_REWRITE
    NULL,
};

// ---- the graph

const ag_node *ag_graph_input(const ag_graph *graph, const ag_node *node, int k) {
    return graph->plan->nodes[node->input[k]->index];
}

const ag_node *ag_graph_reader(const ag_graph *graph, const ag_node *node, int i) {
    for (int at = node->index + 1; at < graph->plan->n_nodes; at++) {
        const ag_node *other = graph->plan->nodes[at];
        for (int k = 0; k < other->n_inputs && graph->plan->needed[at]; k++)
            if (other->input[k]->index == node->index && i-- == 0) return other;
    }
    return NULL;
}

bool ag_graph_is_output(const ag_graph *graph, const ag_node *node) {
    for (int i = 0; i < graph->n_outputs; i++)
        if (graph->outputs[i]->index == node->index) return true;
    return false;
}

bool ag_graph_is_private(const ag_graph *graph, const ag_node *node) {
    return ag_graph_reader(graph, node, 0) && !ag_graph_reader(graph, node, 1) &&
           !ag_graph_is_output(graph, node);
}

static ag_node *copy_node(const ag_node *old, const char *label, const void *attributes,
                          size_t attributes_bytes) {
    ag_node *node = malloc(sizeof *node);
    if (!node) return NULL;
    *node = *old;
    node->constant = NULL;
    node->label = strdup(label);
    void *copy = malloc(attributes_bytes + 1);
    node->attributes = copy;
    if (copy && attributes_bytes > 0) memcpy(copy, attributes, attributes_bytes);
    if (node->label && copy) return node;
    ag_node_free(node);
    return NULL;
}

static bool keep(ag_plan *plan, ag_node *made) {
    if (plan->n_made == plan->made_capacity) {
        const int capacity = 2 * plan->made_capacity + 16;
        ag_node **grown = realloc(plan->made, (size_t)capacity * sizeof *grown);
        if (!grown) return false;
        plan->made = grown, plan->made_capacity = capacity;
    }
    plan->made[plan->n_made++] = made;
    return true;
}

ag_node *ag_graph_replace(ag_graph *graph, const ag_node *old, const ag_node *named, const ag_op *op,
                          int n_inputs, const ag_node *const *inputs, const void *attributes,
                          size_t attributes_bytes) {
    ag_plan *plan = graph->plan;
    ag_node *node = copy_node(old, named->label, attributes, attributes_bytes);
    if (!node || !keep(plan, node)) {
        ag_node_free(node);
        graph->failed = true;
        return NULL;
    }
    node->op = op;
    node->n_inputs = n_inputs;
    for (int k = 0; k < n_inputs; k++) node->input[k] = (ag_node *)inputs[k];
    plan->nodes[node->index] = node;
    graph->changed = true;
    return node;
}

// ---- running

// Words with a comma between any two; NULL when there are none.
static const char *wish(void) {
    const char *words = getenv("AG_REWRITES");
    return words && *words ? words : NULL;
}

static const char *next_word(const char *word, size_t length) {
    return word[length] ? word + length + 1 : NULL;
}

// "none" or "-NAME"
static bool switches_off(const char *word, size_t length, const char *name) {
    if (length == strlen("none") && memcmp(word, "none", length) == 0) return true;
    return length == 1 + strlen(name) && word[0] == '-' && memcmp(word + 1, name, length - 1) == 0;
}

static bool is_on(const char *name) {
    size_t length;
    for (const char *word = wish(); word; word = next_word(word, length)) {
        length = strcspn(word, ",");
        if (switches_off(word, length, name)) return false;
    }
    return true;
}

static bool is_known(const char *word, size_t length) {
    bool known = false;
    for (int i = 0; rewrites[i] && !known; i++) known = switches_off(word, length, rewrites[i]->name);
    return known;
}

static bool refuse(const char *word, size_t length, ag_error *error) {
    char names[512] = "none";
    for (int i = 0; rewrites[i]; i++) {
        const size_t end = strlen(names);
        snprintf(names + end, sizeof names - end, ", -%s", rewrites[i]->name);
    }
    return ag_fail(error, AG_STATUS_USAGE, "AG_REWRITES=%s: \"%.*s\" is none of the words %s", wish(),
                   (int)length, word, names);
}

bool ag_rewrite_check(ag_error *error) {
    size_t length;
    for (const char *word = wish(); word; word = next_word(word, length)) {
        length = strcspn(word, ",");
        if (!is_known(word, length)) return refuse(word, length, error);
    }
    return true;
}

static void run(ag_graph *graph, const ag_rewrite *rewrite) {
    for (int i = 0; i < graph->plan->n_nodes && !graph->failed; i++) {
        if (!graph->plan->needed[i]) continue;
        graph->changed = false;
        rewrite->apply(graph, graph->plan->nodes[i]);
        if (graph->changed) ag_plan_mark_needed(graph->plan, graph->n_outputs, graph->outputs);
    }
}

bool ag_rewrite_run(ag_plan *plan, int n_outputs, ag_node *const *outputs) {
    ag_graph graph = {plan, n_outputs, outputs, false, false};
    for (int i = 0; rewrites[i] && !graph.failed; i++)
        if (is_on(rewrites[i]->name)) run(&graph, rewrites[i]);
    return !graph.failed;
}
