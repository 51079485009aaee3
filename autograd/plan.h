// SPDX-License-Identifier: MIT
// The plan of a program (private): which nodes run, in which order, and where each value lies.
#pragma once

#include "autograd/program.h"

typedef enum ag_place_kind {
    AG_PLACE_NONE,       // pruned, or an effect
    AG_PLACE_PARAMETER,  // in its parameter set
    AG_PLACE_INPUT,      // in the program's own memory, fed from outside
    AG_PLACE_CONSTANT,   // in the node
    AG_PLACE_OUTPUT,     // in the program's own memory
    AG_PLACE_ARENA,      // in the workspace, for as long as it is read
} ag_place_kind;

// Where a node's value lies.
typedef struct ag_place {
    ag_place_kind kind;
    int root;        // node whose bytes these are: itself, or a view's source
    int buffer;      // arena: index into ag_plan.buffers
    int64_t offset;  // inputs and outputs: bytes into the program's own memory
    bool inplace;    // written over an input
} ag_place;

// A range of the arena, live from the step that writes it to the last that reads it.
typedef struct ag_buffer {
    int first, last;
    int64_t bytes, offset;
} ag_buffer;

typedef struct ag_plan_step {
    int node;     // index on the tape
    int scratch;  // buffer, or -1
} ag_plan_step;

// A parameter's value before the step, kept for an effect that reads it after another effect has written it.
typedef struct ag_snapshot {
    int node;    // the read
    int buffer;  // its copy, from before the first effect to the last
} ag_snapshot;

typedef struct ag_plan {
    int n_nodes;            // tape length when planned
    const ag_node **nodes;  // by index: the tape's, or what a rewrite put in their place
    int n_made, made_capacity;
    ag_node **made;         // by rewrites, the plan's own
    ag_place *places;       // by node
    bool *wanted, *needed;  // by node: as recorded; after the rewrites
    int n_steps, n_effects;
    ag_plan_step *steps;  // values, then the n_effects effects, each in tape order but for ag_plan_order
    int n_snapshots;
    ag_snapshot *snapshots;
    int n_buffers;
    ag_buffer *buffers;
    int64_t arena_bytes;  // of the workspace
    int64_t own_bytes;    // of the program: inputs and outputs
    int n_inplace;
    int workers;  // threads that the scratch buffers have room for
} ag_plan;

// Whose values the outputs and the effects need, by plan->nodes.
void ag_plan_mark_needed(ag_plan *plan, int n_outputs, ag_node *const *outputs);

// Exchanges neighbouring steps where that leaves more of the arena free. last_read: by root node, the last
// step that reads its bytes; kept true.
void ag_plan_order(ag_plan *plan, int *last_read);

bool ag_plan_create(ag_plan *plan, const ag_tape *tape, int n_outputs, ag_node *const *outputs,
                    ag_error *error);
void ag_plan_free(ag_plan *plan);

// The snapshot that stands for the value of `node` in effects; NULL when its own memory does.
const ag_snapshot *ag_plan_find_snapshot(const ag_plan *plan, int node);

int64_t ag_node_bytes(const ag_node *node);
