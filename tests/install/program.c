// SPDX-License-Identifier: MIT
// A user's program, built against the installed library: the gradient of sum(x^2) is 2 x.
#include <autograd/autograd.h>

static const float *gradient_at(ag_program *program, ag_node *x, const float *values, ag_node *dx) {
    if (!ag_program_feed(program, x, values, AG_SHAPE(3), NULL)) return NULL;
    if (!ag_program_run(program, (ag_clock){0}, NULL)) return NULL;
    return ag_program_output(program, dx, NULL);
}

int main(void) {
    ag_tape *tape = ag_tape_create("squares", AG_F32);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(3)), *dx = NULL;
    ag_gradient(tape, ag_sum(ag_square(x)), 1, &x, &dx);

    ag_program *program = ag_program_compile(tape, 1, &dx, NULL, NULL);
    const float *gradient = program ? gradient_at(program, x, (float[]){1, 2, -3}, dx) : NULL;
    bool right = gradient && gradient[0] == 2 && gradient[1] == 4 && gradient[2] == -6;
    ag_program_free(program);
    ag_tape_free(tape);
    return right ? 0 : 1;
}
