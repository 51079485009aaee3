// SPDX-License-Identifier: MIT
// Checks of the ops that bring values onto the tape, and of the one that stops gradients.
#include <criterion/criterion.h>
#include <string.h>

#include "tests/autograd/op_case.h"
#include "tests/autograd/run.h"
#include "tests/support/approx.h"

static const ag_shape shapes[] = {{0, {0}}, {1, {1}}, {2, {3, 5}}, {6, {1, 2, 1, 3, 1, 2}}};

// The node's value is `expected` both ways.
static void expect_values(const char *what, ag_node *node, int n_feeds, const ag_feed *feeds,
                          const ag_tensor *expected) {
    ag_error error = {0};
    ag_tensor *plain = run_evaluate(what, node, n_feeds, feeds);
    ag_tensor *planned = run_program(node, n_feeds, feeds, (ag_clock){1, 1}, &error);
    cr_assert(planned != NULL, "%s: %s", what, error.text);
    for (int64_t i = 0; i < ag_shape_size(expected->shape); i++) {
        double wanted = ag_tensor_get(expected, i);
        cr_expect(ag_tensor_get(plain, i) == wanted, "%s, evaluated: entry %lld is %.17g, expected %.17g",
                  what, (long long)i, ag_tensor_get(plain, i), wanted);
        cr_expect(ag_tensor_get(planned, i) == wanted, "%s, planned: entry %lld is %.17g, expected %.17g",
                  what, (long long)i, ag_tensor_get(planned, i), wanted);
    }
    ag_tensor_free(plain);
    ag_tensor_free(planned);
}

void op_check_input(void) {
    for (int i = 0; i < COUNT(shapes); i++)
        for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
            ag_tape *tape = ag_tape_create("input", dtype);
            ag_node *x = ag_input(tape, "x", shapes[i]);
            ag_feed feed = {x, values_tensor(dtype, shapes[i], VALUES_ANY, 1)};
            expect_values("an input", x, 1, &feed, feed.value);
            ag_tensor_free((ag_tensor *)feed.value);
            ag_tape_free(tape);
        }
}

static void check_one_number(ag_dtype dtype, ag_shape shape) {
    ag_tape *tape = ag_tape_create("constant", dtype);
    ag_tensor *filled = values_constant(dtype, shape, 0.1),
              *scalar = values_constant(dtype, AG_SHAPE(), -3.7);
    expect_values("ag_fill", ag_fill(tape, shape, 0.1), 0, NULL, filled);
    expect_values("ag_scalar", ag_scalar(tape, -3.7), 0, NULL, scalar);
    ag_tensor_free(filled);
    ag_tensor_free(scalar);
    ag_tape_free(tape);
}

void op_check_constant(void) {
    for (int i = 0; i < COUNT(shapes); i++)
        for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
            check_one_number(dtype, shapes[i]);
            ag_tape *tape = ag_tape_create("constant", dtype);
            ag_tensor *values = values_tensor(dtype, shapes[i], VALUES_ANY, 2),
                      *copy = ag_tensor_copy(values);
            ag_node *node = ag_constant(tape, values);
            ag_tensor_set(values, 0, 99);  // the tape holds a copy
            expect_values("ag_constant", node, 0, NULL, copy);
            ag_tensor_free(values);
            ag_tensor_free(copy);
            ag_tape_free(tape);
        }
}

void op_check_read(void) {
    for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
        ag_parameter_set *set = ag_parameter_set_create("set", dtype);
        ag_parameter *first = ag_parameter_add(set, "first", AG_SHAPE(3), AG_PARAMETER, NULL);
        ag_parameter *second = ag_parameter_add(set, "second", AG_SHAPE(2, 2), AG_BUFFER, NULL);
        cr_assert(first && second && ag_parameter_set_seal(set, NULL));
        ag_tape *tape = ag_tape_create("read", dtype);
        ag_node *a = ag_read(tape, first), *b = ag_read(tape, second);
        ag_tensor *wanted[2] = {values_tensor(dtype, AG_SHAPE(3), VALUES_ANY, 3),
                                values_tensor(dtype, AG_SHAPE(2, 2), VALUES_ANY, 4)};
        // Values written after the recording are the ones that a run sees.
        memcpy(ag_parameter_values(first), wanted[0]->data, 3 * ag_dtype_bytes(dtype));
        memcpy(ag_parameter_values(second), wanted[1]->data, 4 * ag_dtype_bytes(dtype));
        expect_values("a parameter", a, 0, NULL, wanted[0]);
        expect_values("a buffer", b, 0, NULL, wanted[1]);
        ag_tensor_free(wanted[0]);
        ag_tensor_free(wanted[1]);
        ag_tape_free(tape);
        ag_parameter_set_free(set);
    }
}

// y = sum(stop(x) x): the value is that of x^2, the gradient that of a constant times x.
void op_check_stop_gradient(void) {
    ag_tape *tape = ag_tape_create("stop", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(2, 3)), *stopped = ag_stop_gradient(x), *gradients[2];
    ag_feed feed = {x, values_tensor(AG_F64, AG_SHAPE(2, 3), VALUES_ANY, 5)};
    expect_values("stop_gradient", stopped, 1, &feed, feed.value);
    cr_assert(ag_gradient(tape, ag_sum(ag_mul(stopped, x)), 1, &x, &gradients[0]));
    expect_values("the gradient beside stop_gradient", gradients[0], 1, &feed, feed.value);
    cr_assert(ag_gradient(tape, ag_sum(ag_square(ag_stop_gradient(x))), 1, &x, &gradients[1]));
    ag_tensor *zeros = values_constant(AG_F64, AG_SHAPE(2, 3), 0);
    expect_values("the gradient behind stop_gradient", gradients[1], 1, &feed, zeros);
    ag_tensor_free(zeros);
    ag_tensor_free((ag_tensor *)feed.value);
    ag_tape_free(tape);
}
