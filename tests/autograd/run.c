// SPDX-License-Identifier: MIT
// Running graphs in tests.
#include "tests/autograd/run.h"

#include <criterion/criterion.h>
#include <string.h>

static bool feed_all(ag_program *program, int n, const ag_feed *feeds, ag_error *error) {
    for (int i = 0; i < n; i++)
        if (!ag_program_feed(program, feeds[i].input, feeds[i].value->data, feeds[i].value->shape, error))
            return false;
    return true;
}

static ag_tensor *copy_output(const ag_program *program, const ag_node *node, ag_error *error) {
    const void *values = ag_program_output(program, node, error);
    if (!values) return NULL;
    ag_dtype dtype = ag_tape_dtype(ag_node_tape(node));
    ag_tensor *tensor = ag_tensor_create(dtype, ag_node_shape(node));
    memcpy(tensor->data, values, (size_t)ag_shape_size(tensor->shape) * ag_dtype_bytes(dtype));
    return tensor;
}

ag_tensor *run_program(ag_node *node, int n_feeds, const ag_feed *feeds, ag_clock clock, ag_error *error) {
    ag_program *program = ag_program_compile(ag_node_tape(node), 1, &node, NULL, error);
    if (!program) return NULL;
    ag_program_poison(program, true);
    ag_tensor *value = NULL;
    if (feed_all(program, n_feeds, feeds, error) && ag_program_run(program, clock, error))
        value = copy_output(program, node, error);
    ag_program_free(program);
    return value;
}

ag_tensor *run_evaluate(const char *what, ag_node *node, int n_feeds, const ag_feed *feeds) {
    ag_error error = {0};
    ag_tensor *value = ag_evaluate(node, n_feeds, feeds, (ag_clock){1, 1}, &error);
    cr_assert(value != NULL, "%s: %s", what, error.text);
    return value;
}

ag_program *run_compile(const char *what, ag_tape *tape, int n, ag_node *const *outputs) {
    ag_error error = {0};
    ag_program *program = ag_program_compile(tape, n, outputs, NULL, &error);
    cr_assert(program != NULL, "%s does not compile: %s", what, error.text);
    return program;
}

void run_step(const char *what, ag_program *program, int n_feeds, const ag_feed *feeds, ag_clock clock) {
    ag_error error = {0};
    cr_assert(feed_all(program, n_feeds, feeds, &error), "%s cannot be fed: %s", what, error.text);
    cr_assert(ag_program_run(program, clock, &error), "%s does not run: %s", what, error.text);
}

ag_tensor *run_output(const char *what, const ag_program *program, const ag_node *node) {
    ag_error error = {0};
    ag_tensor *value = copy_output(program, node, &error);
    cr_assert(value != NULL, "%s: %s", what, error.text);
    return value;
}

int run_count_op(const ag_tape *tape, const char *op) {
    int count = 0;
    for (int i = 0; i < ag_tape_count(tape); i++) count += strcmp(ag_node_op(ag_tape_at(tape, i)), op) == 0;
    return count;
}
