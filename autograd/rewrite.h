// SPDX-License-Identifier: MIT
// CONTRACT of a rewrite (private): what a file in rewrites/ provides. A rewrite replaces nodes of a finished
// recording by cheaper ones with the same values; the tape stays as it is, and no gradient is taken of what a
// rewrite made. To add one: copy a sibling in rewrites/ and add its name to rewrite_names in meson.build.
//
// AG_REWRITES=none in the environment switches all off, AG_REWRITES=-NAME,-NAME those; asked for whenever a
// program is compiled, which another word makes fail.
#pragma once

#include "autograd/op.h"

// A recording on its way to a plan.
typedef struct ag_graph ag_graph;

typedef struct ag_rewrite {
    const char *name;
    // Looks at one node, whose value somebody reads, and may replace it; called for every node in tape order.
    void (*apply)(ag_graph *graph, const ag_node *node);
} ag_rewrite;

// What stands for input k of the node.
const ag_node *ag_graph_input(const ag_graph *graph, const ag_node *node, int k);

// Nodes with a value that somebody reads, of which this one is an input, once per input; for i from 0, NULL
// past the last.
const ag_node *ag_graph_reader(const ag_graph *graph, const ag_node *node, int i);

// Whether the value is read by one input and nothing else, so that it need not exist when that one does
// without.
bool ag_graph_is_private(const ag_graph *graph, const ag_node *node);

// Whether somebody outside the program reads it.
bool ag_graph_is_output(const ag_graph *graph, const ag_node *node);

// Puts a node of this op, with the same shape and index and with the label of `named`, in the place of `old`.
// Attributes are copied. Where all readers of `old` are replaced too, the caller may give the result another
// shape; NULL when memory ran out.
ag_node *ag_graph_replace(ag_graph *graph, const ag_node *old, const ag_node *named, const ag_op *op,
                          int n_inputs, const ag_node *const *inputs, const void *attributes,
                          size_t attributes_bytes);

// False, with *error filled, when AG_REWRITES has a word that is none of these.
bool ag_rewrite_check(ag_error *error);

struct ag_plan;

// Runs them all over a plan's nodes; false when memory runs out.
bool ag_rewrite_run(struct ag_plan *plan, int n_outputs, ag_node *const *outputs);
