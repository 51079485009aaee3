// SPDX-License-Identifier: MIT
// A program's plan as numbers and as text.
#include "autograd/program_private.h"
#include "autograd/tape_private.h"

static double step_bytes(const ag_node *node) {
    double bytes = (double)ag_node_bytes(node);
    for (int k = 0; k < node->n_inputs; k++) bytes += (double)ag_node_bytes(node->input[k]);
    return bytes;
}

// A buffer is never differentiated; only a parameter can be frozen.
static bool is_frozen(const ag_node *node) { return node->frozen && node->parameter->kind == AG_PARAMETER; }

ag_program_stats ag_program_get_stats(const ag_program *p) {
    ag_program_stats stats = {.n_nodes = p->plan.n_nodes,
                              .n_computed = p->plan.n_steps,
                              .n_inplace = p->plan.n_inplace,
                              .arena_bytes = p->plan.arena_bytes,
                              .frozen_flops = p->frozen_flops};
    for (int i = 0; i < p->plan.n_nodes; i++) {
        const ag_node *node = p->plan.nodes[i];
        stats.n_pruned += !p->plan.wanted[i];
        stats.n_fused += p->plan.wanted[i] && !p->plan.needed[i];
        stats.n_frozen += is_frozen(node) && p->plan.needed[i];
        stats.n_aliased += (node->op->traits & AG_OP_VIEW) && p->plan.needed[i];
    }
    for (int s = 0; s < p->plan.n_steps; s++) {
        stats.flops += ag_node_flops(p->calls[s].node);
        stats.bytes += step_bytes(p->calls[s].node);
        stats.values_bytes += ag_node_bytes(p->calls[s].node);
    }
    return stats;
}

static const char *state(const ag_program *p, int i) {
    const ag_node *node = p->plan.nodes[i];
    if (!p->plan.wanted[i]) return "pruned";
    if (!p->plan.needed[i]) return "fused";
    if (is_frozen(node)) return "frozen";
    if (node->op->traits & AG_OP_SOURCE) return "source";
    if (node->op->traits & AG_OP_VIEW) return "aliased";
    if (node->op->traits & AG_OP_EFFECT) return "effect";
    return p->plan.places[i].inplace ? "in place" : "computed";
}

static void describe_place(const ag_program *p, int i, FILE *stream) {
    static const char *const names[] = {[AG_PLACE_PARAMETER] = "parameter",
                                        [AG_PLACE_INPUT] = "input",
                                        [AG_PLACE_CONSTANT] = "constant",
                                        [AG_PLACE_OUTPUT] = "output"};
    const ag_place *place = &p->plan.places[i];
    if (!p->plan.needed[i] || place->kind == AG_PLACE_NONE) return;
    if (place->kind == AG_PLACE_ARENA)
        fprintf(stream, "arena+%lld", (long long)p->plan.buffers[place->buffer].offset);
    else
        fprintf(stream, "%s", names[place->kind]);
}

void ag_program_describe(const ag_program *p, FILE *stream) {
    fprintf(stream, "%-9s %-56s %-22s %12s %12s  %s\n", "state", "node", "shape", "FLOPs", "bytes", "place");
    for (int i = 0; i < p->plan.n_nodes; i++) {
        // What a rewrite made, or what it took away.
        const ag_node *node = p->plan.needed[i] ? p->plan.nodes[i] : p->tape->nodes[i];
        const bool runs = p->plan.needed[i] && !(node->op->traits & (AG_OP_SOURCE | AG_OP_VIEW));
        fprintf(stream, "%-9s %-56s %-22s %12.0f %12.0f  ", state(p, i), node->label, AG_TEXT(node->shape),
                runs ? ag_node_flops(node) : 0, runs ? step_bytes(node) : 0);
        describe_place(p, i, stream);
        fputc('\n', stream);
    }
    const ag_program_stats s = ag_program_get_stats(p);
    fprintf(stream,
            "tape %s: %d nodes: %d computed (%d in place), %d aliased, %d frozen reads, %d fused, %d pruned\n"
            "%.4g FLOP and %.4g bytes a run; arena %lld bytes for %lld bytes of values; freezing saved %.4g "
            "FLOP\n",
            p->tape->name, s.n_nodes, s.n_computed, s.n_inplace, s.n_aliased, s.n_frozen, s.n_fused,
            s.n_pruned, s.flops, s.bytes, (long long)s.arena_bytes, (long long)s.values_bytes,
            s.frozen_flops);
}
