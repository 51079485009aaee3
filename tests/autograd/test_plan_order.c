// SPDX-License-Identifier: MIT
// The order of a plan's steps: neighbours are exchanged where that leaves more of the arena free.
#include <criterion/criterion.h>

#include "tests/autograd/run.h"

// The step after `first` whose value has the shape.
static int find_step(const ag_program *program, ag_shape shape, int first) {
    for (int s = first; s < ag_program_step_count(program); s++) {
        if (ag_shape_equal(ag_program_step_node(program, s)->shape, shape)) return s;
    }
    cr_assert(false, "no step has the shape");
    return -1;
}

// The gradient of the second layer's weights is the last to read the first layer's values, which need not
// outlive it: it runs before the gradient of those values, recorded before it.
Test(plan_order, of_two_gradients_the_one_that_frees_more_runs_first) {
    ag_tape *tape = ag_tape_create("layers", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(8, 5)), *gradients[2];
    ag_node *weights[] = {ag_input(tape, "w1", AG_SHAPE(5, 300)), ag_input(tape, "w2", AG_SHAPE(300, 4))};
    ag_node *y = ag_matmul(ag_matmul(x, weights[0], false, false), weights[1], false, false);
    cr_assert(ag_gradient(tape, ag_mean(ag_square(y)), 2, weights, gradients));
    ag_program *program = run_compile("layers", tape, 2, gradients);
    const int values = find_step(program, AG_SHAPE(8, 300), 0);
    const int of_weights = find_step(program, AG_SHAPE(300, 4), values + 1),
              of_values = find_step(program, AG_SHAPE(8, 300), values + 1);
    cr_expect(of_weights < of_values, "the gradient of the weights is step %d, that of the values %d",
              of_weights, of_values);
    const int64_t arena = ag_program_get_stats(program).arena_bytes, one = 8 * 300 * 8;
    cr_expect(arena < 2 * one, "both the values and their gradient are kept: %lld bytes", (long long)arena);
    ag_program_free(program);
    ag_tape_free(tape);
}
