// SPDX-License-Identifier: MIT
// Checks of the ops that draw random numbers: the stream of random.h at the clock, whatever the lane, the
// threads and the way of running; not differentiable.
#include <criterion/criterion.h>
#include <string.h>

#include "tests/autograd/op_case.h"
#include "tests/autograd/run.h"

#define PURPOSE (AG_PURPOSE_USER + 7)

typedef ag_node *(*draw)(ag_tape *tape, ag_shape shape, uint32_t purpose, uint32_t lane);
typedef void (*fill)(ag_stream stream, uint64_t first, int64_t n, ag_dtype dtype, void *out);

static void check_stream(const char *what, draw node_of, fill expected, ag_dtype dtype, ag_shape shape,
                         uint32_t lane) {
    ag_clock clock = {0x123456789abcdefu, 42};
    ag_error error = {0};
    ag_tape *tape = ag_tape_create("random", dtype);
    ag_node *node = node_of(tape, shape, PURPOSE, lane);
    ag_tensor *wanted = ag_tensor_create(dtype, shape);
    size_t bytes = (size_t)ag_shape_size(shape) * ag_dtype_bytes(dtype);
    expected((ag_stream){clock.seed, PURPOSE, clock.step}, (uint64_t)lane << 40, ag_shape_size(shape), dtype,
             wanted->data);
    for (int threads = 1; threads <= 3; threads++) {
        ag_threads_set(threads);
        ag_tensor *plain = ag_evaluate(node, 0, NULL, clock, &error);
        ag_tensor *planned = run_program(node, 0, NULL, clock, &error);
        cr_assert(plain && planned, "%s: %s", what, error.text);
        cr_expect(memcmp(plain->data, wanted->data, bytes) == 0,
                  "%s, lane %u, %d threads: evaluation is not the stream's values", what, lane, threads);
        cr_expect(memcmp(planned->data, wanted->data, bytes) == 0,
                  "%s, lane %u, %d threads: the program's are not the stream's values", what, lane, threads);
        ag_tensor_free(plain);
        ag_tensor_free(planned);
    }
    ag_threads_set(0);
    ag_tensor_free(wanted);
    ag_tape_free(tape);
}

// Another step, seed, purpose and lane give other values.
static void check_clock(const char *what, draw node_of) {
    ag_tape *tape = ag_tape_create("random", AG_F64);
    ag_node *node[3] = {node_of(tape, AG_SHAPE(4), PURPOSE, 0), node_of(tape, AG_SHAPE(4), PURPOSE, 1),
                        node_of(tape, AG_SHAPE(4), PURPOSE + 1, 0)};
    ag_clock clock[3] = {{1, 1}, {1, 2}, {2, 1}};
    ag_tensor *value[5];
    for (int i = 0; i < 3; i++) value[i] = ag_evaluate(node[i], 0, NULL, clock[0], NULL);
    for (int i = 3; i < 5; i++) value[i] = ag_evaluate(node[0], 0, NULL, clock[i - 2], NULL);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++)
            cr_expect(memcmp(value[i]->data, value[k]->data, 4 * sizeof(double)) != 0,
                      "%s: draws %d and %d of lane, purpose, step and seed are equal", what, k, i);
    for (int i = 0; i < 5; i++) ag_tensor_free(value[i]);
    ag_tape_free(tape);
}

// d sum(r x) / dx = r: the gradient passes beside the random numbers.
static void check_gradient(const char *what, draw node_of) {
    ag_tape *tape = ag_tape_create("random", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(5)), *r = node_of(tape, AG_SHAPE(5), PURPOSE, 0), *gradient;
    cr_assert(ag_gradient(tape, ag_sum(ag_mul(r, x)), 1, &x, &gradient), "%s: %s", what,
              ag_tape_error(tape)->text);
    ag_feed feed = {x, values_tensor(AG_F64, AG_SHAPE(5), VALUES_ANY, 1)};
    ag_tensor *value = run_evaluate(what, gradient, 1, &feed), *wanted = run_evaluate(what, r, 0, NULL);
    cr_expect(memcmp(value->data, wanted->data, 5 * sizeof(double)) == 0, "%s: wrong gradient", what);
    ag_tensor_free(value);
    ag_tensor_free(wanted);
    ag_tensor_free((ag_tensor *)feed.value);
    ag_tape_free(tape);
}

static void check_random(const char *what, draw node_of, fill expected) {
    static const ag_shape shapes[] = {{0, {0}}, {1, {1}}, {2, {3, 5}}, {2, {113, 301}}};
    for (int i = 0; i < COUNT(shapes); i++)
        for (uint32_t lane = 0; lane < 3; lane++)
            for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++)
                check_stream(what, node_of, expected, dtype, shapes[i], lane);
    check_clock(what, node_of);
    check_gradient(what, node_of);
}

void op_check_random_normal(void) { check_random("random_normal", ag_random_normal, ag_random_normal_fill); }

void op_check_random_uniform(void) {
    check_random("random_uniform", ag_random_uniform, ag_random_uniform_fill);
}
