// SPDX-License-Identifier: MIT
// CONTRACT of an op: what a file in ops/ provides. A node points at its op's static descriptor; there is no
// op enum and no central switch. To add an op: copy the smallest sibling in ops/, add its name to op_names in
// meson.build, its prototype to ops.h and its row to tests/autograd/op_cases*.c.
#pragma once

#include "autograd/tape.h"

#define AG_MAX_INPUTS 8
#define AG_MAX_WRITES 4

struct ag_kernels;

// Where a run stands; read at replay by random ops. The trainer sets it before each run.
typedef struct ag_clock {
    uint64_t seed, step;
} ag_clock;

// One evaluation of a node.
typedef struct ag_call {
    const ag_node *node;
    const void *const *in;  // values of the inputs
    void *out;              // value to write; for effects NULL
    void *scratch;          // op->scratch(node, workers) bytes, 64-byte aligned, contents undefined
    int workers;            // threads that scratch has room for
    const ag_clock *clock;
    const struct ag_kernels *kernels;  // of the tape's element type
} ag_call;

typedef enum ag_op_trait {
    AG_OP_VIEW = 1,     // the value is input 0's bytes under another shape; forward is never called
    AG_OP_INPLACE = 2,  // forward may write over any input of the same size whose last reader it is
    AG_OP_EFFECT =
        4,  // writes the parameters in node->writes instead of a value; runs after every read of the program
    AG_OP_SOURCE =
        8,  // the value lies elsewhere (a parameter, an input, a constant); forward is never called
    AG_OP_BLOCK = 16,  // no gradient passes (stop_gradient, random numbers)
} ag_op_trait;

struct ag_op {
    const char *name;
    unsigned traits;
    // Checks the inputs and attributes and sets node->shape; false after ag_node_fail.
    bool (*infer)(ag_node *node);
    // Computes the value from the inputs' values; calls kernels, allocates nothing.
    void (*forward)(const ag_call *call);
    // The gradient that reaches input `input` when `dy` reaches the node: nodes on the same tape, so that it
    // can be differentiated again. NULL result: identically zero. NULL function: the op has no gradient,
    // refused by ag_gradient.
    ag_node *(*vjp)(ag_node *node, ag_node *dy, int input);
    double (*flops)(const ag_node *node);  // NULL: one per output element
    // Bytes of scratch when up to `workers` threads take part; NULL: none.
    int64_t (*scratch)(const ag_node *node, int workers);
    // Takes what forward needs and the plan does not give, for the process and for good; called when a
    // program is compiled. False, with *error filled, when it cannot be had. NULL: nothing.
    bool (*prepare)(const ag_node *node, ag_error *error);
};

struct ag_node {
    const ag_op *op;
    ag_tape *tape;
    int index;  // position on the tape
    ag_shape shape;
    int n_inputs;
    ag_node *input[AG_MAX_INPUTS];
    const void *attributes;   // the op's own struct, copied into the tape
    bool frozen;              // a parameter read as a constant
    ag_parameter *parameter;  // read nodes: the parameter; others NULL
    const void *constant;     // constant nodes: the values
    int n_writes;             // effects: the parameters that forward changes
    ag_parameter *writes[AG_MAX_WRITES];
    char *label;
};

// Appends a node; the one way to record. `attributes` (size bytes, may be NULL) is copied. Returns the tape's
// error node when an input failed, lies on another tape, or infer refuses.
AG_API ag_node *ag_apply(const ag_op *op, ag_tape *tape, int n_inputs, ag_node *const *inputs,
                         const void *attributes, size_t attributes_bytes);

// The same, on input 0's tape, with the inputs listed.
#define AG_APPLY(op, attributes_pointer, ...)                                          \
    ag_apply_inputs(op, (int)(sizeof((ag_node *[]){__VA_ARGS__}) / sizeof(ag_node *)), \
                    (ag_node *[]){__VA_ARGS__}, attributes_pointer, sizeof *(attributes_pointer))
AG_API ag_node *ag_apply_inputs(const ag_op *op, int n_inputs, ag_node *const *inputs, const void *attributes,
                                size_t attributes_bytes);

// Appends an effect that writes up to 4 parameters; a second effect on one parameter in one tape is an error.
AG_API ag_node *ag_apply_effect(const ag_op *op, ag_tape *tape, int n_inputs, ag_node *const *inputs,
                                int n_writes, ag_parameter *const *writes, const void *attributes,
                                size_t attributes_bytes);

// Records a broken rule on the node's tape, as "OP (LABEL): sentence"; false.
#define ag_node_fail(node, ...) ag_node_fail_at(node, __FILE__, __LINE__, __VA_ARGS__)
AG_API bool ag_node_fail_at(ag_node *node, const char *file, int line, const char *format, ...)
    AG_PRINTF(4, 5);

// The tape's error node, after recording a broken rule.
#define ag_tape_fail(tape, ...) ag_tape_fail_at(tape, __FILE__, __LINE__, __VA_ARGS__)
AG_API ag_node *ag_tape_fail_at(ag_tape *tape, const char *file, int line, const char *format, ...)
    AG_PRINTF(4, 5);

// Formatted shape in a buffer that lives for the full expression: "got " AG_TEXT(shape).
#define AG_TEXT(shape) ag_shape_format(shape, (char[AG_SHAPE_TEXT]){0})
