// SPDX-License-Identifier: MIT
// The tape's own fields, for the files of this room that walk it.
#pragma once

#include "autograd/gradient.h"
#include "autograd/op.h"

#define AG_MAX_SCOPES 16
#define AG_SCOPE_TEXT 256

// The nodes of one recorded gradient, and what freezing saved in it.
typedef struct ag_saving {
    int first, end;
    double flops;
} ag_saving;

struct ag_tape {
    char *name;
    ag_dtype dtype;
    int n_nodes, capacity;
    ag_node **nodes;
    ag_node failed;  // what ops return after an error
    ag_error error;
    int freeze_depth;
    char scope[AG_SCOPE_TEXT];  // "generator/dense/"
    size_t scope_length[AG_MAX_SCOPES];
    int n_scopes;
    bool trial;  // nodes are recorded to be counted and taken back: errors are nobody's
    int n_savings, savings_capacity;
    ag_saving *savings;
};

// Whether the tape carries no error; passes it on where it does.
bool ag_tape_is_sound(const ag_tape *tape, ag_error *error);

// What freezing saved in the gradients of which `needed` (by node) marks a node; NULL: in all.
double ag_tape_savings(const ag_tape *tape, const bool *needed);

// Takes back the nodes from index `count` on.
void ag_tape_truncate(ag_tape *tape, int count);

// Labels of the nodes recorded in between name the node whose gradient they carry:
// "gradient/generator/conv2d/..", cut where it is too long.
void ag_tape_scope_enter(ag_tape *tape, const ag_node *node, char out_saved[AG_SCOPE_TEXT]);
void ag_tape_scope_leave(ag_tape *tape, const char saved[AG_SCOPE_TEXT]);

void ag_node_free(ag_node *node);

// FLOPs of one evaluation; 0 for views and sources.
double ag_node_flops(const ag_node *node);
