// SPDX-License-Identifier: MIT
// Recording: nodes are appended, checked and labelled; nothing is computed.
#include "autograd/tape_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/element.h"
#include "autograd/memory.h"
#include "autograd/ops/source.h"

static const ag_op error_op = {.name = "error"};

ag_tape *ag_tape_create(const char *name, ag_dtype dtype) {
    ag_tape *tape = calloc(1, sizeof *tape);
    if (!tape) return NULL;
    tape->dtype = dtype;
    tape->failed = (ag_node){.op = &error_op, .tape = tape, .index = -1, .label = "error"};
    tape->name = strdup(name);
    if (tape->name) return tape;
    free(tape);
    return NULL;
}

void ag_node_free(ag_node *node) {
    if (!node) return;
    free((void *)node->attributes);
    free((void *)node->constant);
    free((char *)node->label);
    free(node);
}

void ag_tape_truncate(ag_tape *tape, int count) {
    while (tape->n_nodes > count) ag_node_free(tape->nodes[--tape->n_nodes]);
}

void ag_tape_free(ag_tape *tape) {
    if (!tape) return;
    ag_tape_truncate(tape, 0);
    free(tape->nodes);
    free(tape->savings);
    free(tape->name);
    free(tape);
}

const char *ag_tape_name(const ag_tape *tape) { return tape->name; }
ag_dtype ag_tape_dtype(const ag_tape *tape) { return tape->dtype; }
const ag_error *ag_tape_error(const ag_tape *tape) { return &tape->error; }
int ag_tape_count(const ag_tape *tape) { return tape->n_nodes; }
ag_node *ag_tape_at(const ag_tape *tape, int i) { return tape->nodes[i]; }

ag_shape ag_node_shape(const ag_node *node) { return node->shape; }
ag_tape *ag_node_tape(const ag_node *node) { return node->tape; }
const char *ag_node_op(const ag_node *node) { return node->op->name; }
const char *ag_node_label(const ag_node *node) { return node->label; }
bool ag_node_failed(const ag_node *node) { return !node || node->op == &error_op; }

bool ag_tape_is_sound(const ag_tape *tape, ag_error *error) {
    if (tape->error.status == AG_OK) return true;
    if (error && error->status == AG_OK) *error = tape->error;
    return false;
}

ag_node *ag_tape_fail_at(ag_tape *tape, const char *file, int line, const char *format, ...) {
    if (tape->error.status != AG_OK) return &tape->failed;
    if (tape->trial) {
        tape->error.status = AG_STATUS_CONTRACT;
        return &tape->failed;
    }
    char text[sizeof tape->error.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ag_fail_at(&tape->error, AG_STATUS_CONTRACT, file, line, "tape %s: %s", tape->name, text);
    return &tape->failed;
}

bool ag_node_fail_at(ag_node *node, const char *file, int line, const char *format, ...) {
    char text[sizeof node->tape->error.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ag_tape_fail_at(node->tape, file, line, "%s (%s): %s", node->op->name, node->label, text);
    return false;
}

// ---- scopes and freezing ----

void ag_scope_push(ag_tape *tape, const char *name) {
    const size_t used = strlen(tape->scope);
    if (tape->n_scopes == AG_MAX_SCOPES || used + strlen(name) + 2 > sizeof tape->scope) {
        ag_tape_fail(tape, "scope %s%s: scopes nest too deep or their names are too long", tape->scope, name);
        return;
    }
    tape->scope_length[tape->n_scopes++] = used;
    snprintf(tape->scope + used, sizeof tape->scope - used, "%s/", name);
}

void ag_scope_pop(ag_tape *tape) {
    if (tape->n_scopes == 0)
        ag_tape_fail(tape, "scope: pop without a push");
    else
        tape->scope[tape->scope_length[--tape->n_scopes]] = '\0';
}

void ag_tape_scope_enter(ag_tape *tape, const ag_node *node, char out_saved[AG_SCOPE_TEXT]) {
    const char *slash = strrchr(node->label, '/');
    const int length = slash ? (int)(slash + 1 - node->label) : 0;
    memcpy(out_saved, tape->scope, sizeof tape->scope);
    snprintf(tape->scope, sizeof tape->scope, "gradient/%.*s", length, node->label);
}

void ag_tape_scope_leave(ag_tape *tape, const char saved[AG_SCOPE_TEXT]) {
    memcpy(tape->scope, saved, sizeof tape->scope);
}

void ag_freeze(ag_tape *tape) { tape->freeze_depth++; }

void ag_thaw(ag_tape *tape) {
    if (tape->freeze_depth == 0)
        ag_tape_fail(tape, "thaw: without a freeze");
    else
        tape->freeze_depth--;
}

// ---- recording ----

static bool tape_grow(ag_tape *tape) {
    if (tape->n_nodes < tape->capacity) return true;
    const int capacity = tape->capacity ? 2 * tape->capacity : 64;
    ag_node **grown = realloc(tape->nodes, (size_t)capacity * sizeof *grown);
    if (!grown) return false;
    tape->nodes = grown;
    tape->capacity = capacity;
    return true;
}

static ag_node *out_of_memory(ag_tape *tape, const char *what) {
    ag_fail(&tape->error, AG_STATUS_MEMORY, "tape %s: no memory to record %s", tape->name, what);
    return &tape->failed;
}

// A node with its label and attributes, not yet on the tape; NULL when memory runs out.
static ag_node *node_create(ag_tape *tape, const ag_op *op, const char *scope, const char *name,
                            const void *attributes, size_t bytes) {
    ag_node *node = calloc(1, sizeof *node);
    void *copy = bytes ? malloc(bytes) : NULL;
    const size_t label_size = strlen(scope) + strlen(name) + 1;
    char *label = malloc(label_size);
    if (!node || !label || (bytes && !copy)) {
        free(node);
        free(copy);
        free(label);
        return NULL;
    }
    if (bytes) memcpy(copy, attributes, bytes);
    snprintf(label, label_size, "%s%s", scope, name);
    *node = (ag_node){.op = op, .tape = tape, .index = tape->n_nodes, .attributes = copy, .label = label};
    return node;
}

static ag_node *tape_append(ag_tape *tape, ag_node *node) { return tape->nodes[tape->n_nodes++] = node; }

// The first input that cannot be used, told; NULL when all can.
static ag_node *check_inputs(ag_tape *tape, const ag_op *op, int n_inputs, ag_node *const *inputs) {
    if (n_inputs > AG_MAX_INPUTS)
        return ag_tape_fail(tape, "%s: %d inputs, at most %d", op->name, n_inputs, AG_MAX_INPUTS);
    for (int i = 0; i < n_inputs; i++) {
        if (!inputs[i]) return ag_tape_fail(tape, "%s: input %d is NULL", op->name, i);
        if (inputs[i]->tape != tape)
            return ag_tape_fail(tape, "%s: input %d (%s) lies on another tape, %s", op->name, i,
                                inputs[i]->label, inputs[i]->tape->name);
        if (inputs[i]->op->traits & AG_OP_EFFECT)
            return ag_tape_fail(tape, "%s: input %d (%s) is an effect and has no value", op->name, i,
                                inputs[i]->label);
    }
    return NULL;
}

static bool infer(ag_node *node) {
    if (!node->op->infer(node)) return false;
    if (node->op->traits & AG_OP_EFFECT) return true;
    return ag_shape_size(node->shape) > 0 ||
           ag_node_fail(node, "the result's shape %s has a dimension below 1 or is too large",
                        AG_TEXT(node->shape));
}

ag_node *ag_apply(const ag_op *op, ag_tape *tape, int n_inputs, ag_node *const *inputs,
                  const void *attributes, size_t attributes_bytes) {
    if (tape->error.status != AG_OK) return &tape->failed;
    ag_node *refused = check_inputs(tape, op, n_inputs, inputs);
    if (refused) return refused;
    ag_node *node =
        tape_grow(tape) ? node_create(tape, op, tape->scope, op->name, attributes, attributes_bytes) : NULL;
    if (!node) return out_of_memory(tape, op->name);
    node->n_inputs = n_inputs;
    for (int i = 0; i < n_inputs; i++) node->input[i] = inputs[i];
    if (infer(node)) return tape_append(tape, node);
    ag_node_free(node);
    return &tape->failed;
}

ag_node *ag_apply_inputs(const ag_op *op, int n_inputs, ag_node *const *inputs, const void *attributes,
                         size_t attributes_bytes) {
    // Without an input there is no tape to carry the error; NULL is an error node to every op.
    for (int i = 0; i < n_inputs; i++) {
        if (inputs[i]) return ag_apply(op, inputs[i]->tape, n_inputs, inputs, attributes, attributes_bytes);
    }
    ag_fail(NULL, AG_STATUS_CONTRACT, "%s: no input, so no tape to record on", op->name);
    return NULL;
}

// Whether an effect on the tape writes the parameter already.
static bool is_written(const ag_tape *tape, const ag_parameter *parameter) {
    for (int i = 0; i < tape->n_nodes; i++) {
        for (int k = 0; k < tape->nodes[i]->n_writes; k++) {
            if (tape->nodes[i]->writes[k] == parameter) return true;
        }
    }
    return false;
}

// The error node, told, when an effect cannot write these parameters; NULL when it can.
static ag_node *check_writes(ag_tape *tape, const ag_op *op, int n_writes, ag_parameter *const *writes) {
    if (n_writes < 1 || n_writes > AG_MAX_WRITES)
        return ag_tape_fail(tape, "%s: writes %d parameters, 1 to %d", op->name, n_writes, AG_MAX_WRITES);
    for (int i = 0; i < n_writes; i++) {
        if (!writes[i]) return ag_tape_fail(tape, "%s: parameter %d is NULL", op->name, i);
        bool twice = is_written(tape, writes[i]);
        for (int k = 0; k < i; k++) twice = twice || writes[k] == writes[i];
        if (twice)
            return ag_tape_fail(tape, "%s: parameter %s/%s is written twice; once per tape is the rule",
                                op->name, ag_parameter_set_name(writes[i]->set), writes[i]->name);
        if (ag_parameter_set_dtype(writes[i]->set) != tape->dtype)
            return ag_tape_fail(tape, "%s: parameter %s/%s is %s, the tape %s", op->name,
                                ag_parameter_set_name(writes[i]->set), writes[i]->name,
                                ag_dtype_name(ag_parameter_set_dtype(writes[i]->set)),
                                ag_dtype_name(tape->dtype));
    }
    return NULL;
}

ag_node *ag_apply_effect(const ag_op *op, ag_tape *tape, int n_inputs, ag_node *const *inputs, int n_writes,
                         ag_parameter *const *writes, const void *attributes, size_t attributes_bytes) {
    if (tape->error.status != AG_OK) return &tape->failed;
    const ag_node *refused = check_writes(tape, op, n_writes, writes);
    if (refused) return &tape->failed;
    ag_node *node = ag_apply(op, tape, n_inputs, inputs, attributes, attributes_bytes);
    if (ag_node_failed(node)) return node;
    node->n_writes = n_writes;
    for (int i = 0; i < n_writes; i++) node->writes[i] = writes[i];
    return node;
}

// ---- sources ----

static ag_node *append_source(ag_tape *tape, const ag_op *op, const char *scope, const char *name,
                              ag_shape shape) {
    if (tape->error.status != AG_OK) return &tape->failed;
    if (ag_shape_size(shape) < 0)
        return ag_tape_fail(tape, "%s %s: shape %s has a dimension below 1 or is too large", op->name, name,
                            AG_TEXT(shape));
    ag_node *node = tape_grow(tape) ? node_create(tape, op, scope, name, NULL, 0) : NULL;
    if (!node) return out_of_memory(tape, name);
    node->shape = shape;
    return tape_append(tape, node);
}

static ag_node *find_read(const ag_tape *tape, const ag_parameter *parameter, bool frozen) {
    for (int i = 0; i < tape->n_nodes; i++) {
        if (tape->nodes[i]->parameter == parameter && tape->nodes[i]->frozen == frozen) return tape->nodes[i];
    }
    return NULL;
}

ag_node *ag_read(ag_tape *tape, ag_parameter *parameter) {
    if (tape->error.status != AG_OK) return &tape->failed;
    if (!parameter) return ag_tape_fail(tape, "read: the parameter is NULL");
    if (ag_parameter_set_dtype(parameter->set) != tape->dtype)
        return ag_tape_fail(tape, "read: parameter %s/%s is %s, the tape %s",
                            ag_parameter_set_name(parameter->set), parameter->name,
                            ag_dtype_name(ag_parameter_set_dtype(parameter->set)),
                            ag_dtype_name(tape->dtype));
    const bool frozen = tape->freeze_depth > 0 || !parameter->trainable || parameter->kind != AG_PARAMETER;
    ag_node *node = find_read(tape, parameter, frozen);
    if (node) return node;
    // Its set and name say where it is from, wherever it is read: "generator/dense/kernel".
    const char *set = ag_parameter_set_name(parameter->set);
    const size_t size = strlen(set) + 2;
    char *scope = malloc(size);
    if (!scope) return out_of_memory(tape, parameter->name);
    snprintf(scope, size, "%s/", set);
    node = append_source(tape, &ag_op_parameter, scope, parameter->name, parameter->shape);
    free(scope);
    if (ag_node_failed(node)) return node;
    node->parameter = parameter;
    node->frozen = frozen;
    return node;
}

ag_node *ag_input(ag_tape *tape, const char *name, ag_shape shape) {
    return append_source(tape, &ag_op_input, tape->scope, name, shape);
}

// Its values, still zero, are at *out_values.
static ag_node *append_constant(ag_tape *tape, ag_shape shape, void **out_values) {
    ag_node *node = append_source(tape, &ag_op_constant, tape->scope, "constant", shape);
    if (ag_node_failed(node)) return node;
    node->constant = *out_values = ag_memory_create(ag_shape_bytes(shape, tape->dtype));
    if (node->constant) return node;
    ag_tape_truncate(tape, tape->n_nodes - 1);
    return out_of_memory(tape, "constant");
}

ag_node *ag_constant(ag_tape *tape, const ag_tensor *tensor) {
    if (!tensor) return ag_tape_fail(tape, "constant: the tensor is NULL");
    void *values;
    ag_node *node = append_constant(tape, tensor->shape, &values);
    if (ag_node_failed(node)) return node;
    for (int64_t i = 0, n = ag_shape_size(tensor->shape); i < n; i++)
        ag_store(values, i, tape->dtype, ag_tensor_get(tensor, i));
    return node;
}

ag_node *ag_fill(ag_tape *tape, ag_shape shape, double value) {
    void *values;
    ag_node *node = append_constant(tape, shape, &values);
    if (ag_node_failed(node)) return node;
    for (int64_t i = 0, n = ag_shape_size(shape); i < n; i++) ag_store(values, i, tape->dtype, value);
    return node;
}

ag_node *ag_scalar(ag_tape *tape, double value) { return ag_fill(tape, AG_SHAPE(), value); }
