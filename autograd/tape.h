// SPDX-License-Identifier: MIT
// The tape: an append-only list of nodes in evaluation order. Recording checks arguments and infers shapes;
// it computes nothing. Gradients (gradient.h) are more nodes on the same tape; programs (program.h) run a
// tape.
//
// Errors stick: the first broken rule is kept, every later op returns the tape's error node, and compiling
// fails with that first message, so that a page of graph code needs one check at its end.
#pragma once

#include "autograd/parameter.h"

typedef struct ag_tape ag_tape;
typedef struct ag_node ag_node;
typedef struct ag_op ag_op;

// All values of a tape have one element type. The caller frees it after the programs compiled from it. NULL:
// no memory.
AG_API ag_tape *ag_tape_create(const char *name, ag_dtype dtype);
AG_API void ag_tape_free(ag_tape *tape);

AG_API const char *ag_tape_name(const ag_tape *tape);
AG_API ag_dtype ag_tape_dtype(const ag_tape *tape);
AG_API const ag_error *ag_tape_error(const ag_tape *tape);  // status AG_OK while all is well
AG_API int ag_tape_count(const ag_tape *tape);
AG_API ag_node *ag_tape_at(const ag_tape *tape, int i);  // in [0, count), in recording order

AG_API ag_shape ag_node_shape(const ag_node *node);
AG_API ag_tape *ag_node_tape(const ag_node *node);
AG_API const char *ag_node_op(const ag_node *node);     // the op's name
AG_API const char *ag_node_label(const ag_node *node);  // scopes (or set), name: "generator/dense/kernel"
AG_API bool ag_node_failed(const ag_node *node);        // NULL or an error node

// Nodes recorded between push and pop carry the name in their label: "generator/dense". Nestable.
AG_API void ag_scope_push(ag_tape *tape, const char *name);
AG_API void ag_scope_pop(ag_tape *tape);

// The parameter's value before the step. Outside a frozen scope and with `trainable` set it is
// differentiable; otherwise it is a constant: gradients flow through the ops that use it to their other
// inputs, and its own is never recorded.
AG_API ag_node *ag_read(ag_tape *tape, ag_parameter *parameter);

// Frozen-subgraph mode: between freeze and thaw, parameters read on the tape are constants. Nestable.
AG_API void ag_freeze(ag_tape *tape);
AG_API void ag_thaw(ag_tape *tape);

// A value fed before each run (ag_program_feed). Gradients may be taken with respect to it.
AG_API ag_node *ag_input(ag_tape *tape, const char *name, ag_shape shape);

// A constant: a copy of the tensor's values, one number, or one number everywhere.
AG_API ag_node *ag_constant(ag_tape *tape, const ag_tensor *tensor);
AG_API ag_node *ag_scalar(ag_tape *tape, double value);
AG_API ag_node *ag_fill(ag_tape *tape, ag_shape shape, double value);
