// SPDX-License-Identifier: MIT
// Reverse mode on the tape: what is recorded and what is not,
// fan-out, intermediate nodes, zeros, vector-Jacobian products.
#include <criterion/criterion.h>
#include <string.h>

#include "tests/autograd/run.h"
#include "tests/support/approx.h"
#include "tests/support/values.h"

#define N 5

typedef struct line {
    ag_tape *tape;
    ag_node *x, *y;
    ag_feed feeds[2];
} line;

static void line_open(line *l) {
    l->tape = ag_tape_create("line", AG_F64);
    l->x = ag_input(l->tape, "x", AG_SHAPE(N));
    l->y = ag_input(l->tape, "y", AG_SHAPE(N));
    l->feeds[0] = (ag_feed){l->x, values_tensor(AG_F64, AG_SHAPE(N), VALUES_ANY, 1)};
    l->feeds[1] = (ag_feed){l->y, values_tensor(AG_F64, AG_SHAPE(N), VALUES_ANY, 2)};
}

static void line_close(line *l) {
    ag_tensor_free((ag_tensor *)l->feeds[0].value);
    ag_tensor_free((ag_tensor *)l->feeds[1].value);
    ag_tape_free(l->tape);
}

static void expect_equal(const char *what, const line *l, ag_node *node, ag_node *expected) {
    ag_tensor *value = run_evaluate(what, node, 2, l->feeds),
              *wanted = run_evaluate(what, expected, 2, l->feeds);
    const char *bad = approx_tensor_difference(value, wanted->data, 1e-14, 1);
    cr_expect(ag_shape_equal(value->shape, wanted->shape) && bad == NULL, "%s: %s", what,
              bad ? bad : "another shape");
    ag_tensor_free(value);
    ag_tensor_free(wanted);
}

static void gradient_of(line *l, ag_node *loss, int n, ag_node *const *wrt, ag_node **out) {
    cr_assert(ag_gradient(l->tape, loss, n, wrt, out), "%s", ag_tape_error(l->tape)->text);
}

// u is used four times, once through a node that uses it twice: the contributions add up.
Test(gradient, contributions_of_all_uses_add_up) {
    line l;
    line_open(&l);
    ag_node *u = ag_scale(l.x, 3), *gradient;
    ag_node *loss = ag_sum(ag_add(ag_mul(u, u), ag_mul(u, ag_sub(l.y, u))));  // u y
    gradient_of(&l, loss, 1, &l.x, &gradient);
    expect_equal("d sum(3 x y) / dx", &l, gradient, ag_scale(l.y, 3));
    line_close(&l);
}

Test(gradient, may_be_taken_for_any_node_on_the_way_and_for_the_loss_itself) {
    line l;
    line_open(&l);
    ag_node *u = ag_tanh(l.x), *v = ag_mul(u, l.y), *loss = ag_sum(ag_square(v));
    ag_node *wrt[4] = {loss, v, u, l.x}, *out[4];
    gradient_of(&l, loss, 4, wrt, out);
    expect_equal("the loss", &l, out[0], ag_scalar(l.tape, 1));
    expect_equal("v", &l, out[1], ag_scale(v, 2));
    expect_equal("u", &l, out[2], ag_mul(ag_scale(v, 2), l.y));
    expect_equal("x", &l, out[3],
                 ag_mul(ag_mul(ag_scale(v, 2), l.y), ag_add_scalar(ag_neg(ag_square(u)), 1)));
    line_close(&l);
}

// A node in between alone: nothing before it needs an adjoint.
Test(gradient, records_nothing_before_the_nodes_asked_for) {
    line l;
    line_open(&l);
    ag_node *u = ag_tanh(ag_exp(ag_sigmoid(l.x))), *loss = ag_sum(ag_square(u)), *gradient;
    int before = ag_tape_count(l.tape);
    gradient_of(&l, loss, 1, &u, &gradient);
    for (int i = before; i < ag_tape_count(l.tape); i++) {
        const char *op = ag_node_op(ag_tape_at(l.tape, i));
        cr_expect(strcmp(op, "tanh_gradient") && strcmp(op, "sigmoid_gradient"), "%s is recorded for nobody",
                  op);
    }
    expect_equal("u", &l, gradient, ag_scale(u, 2));
    line_close(&l);
}

// Only x is asked for: nothing is recorded for the branch of y, whose adjoints would be thrown away.
Test(gradient, records_nothing_beside_the_path) {
    line l;
    line_open(&l);
    ag_node *loss = ag_sum(ag_mul(ag_tanh(l.x), ag_sigmoid(l.y))), *gradient;
    int before = ag_tape_count(l.tape);
    gradient_of(&l, loss, 1, &l.x, &gradient);
    int added = ag_tape_count(l.tape) - before;
    cr_expect_eq(run_count_op(l.tape, "sigmoid_gradient"), 0, "the branch of y is differentiated");
    cr_expect_eq(run_count_op(l.tape, "tanh_gradient"), 1);
    cr_expect(added <= 6, "%d nodes are recorded for a path of three", added);
    line_close(&l);
}

Test(gradient, is_zero_where_the_loss_does_not_depend) {
    line l;
    line_open(&l);
    ag_node *loss = ag_sum(ag_square(l.x)), *later = ag_tanh(l.x), *wrt[3] = {l.y, later, l.x}, *out[3];
    gradient_of(&l, loss, 3, wrt, out);
    expect_equal("an input beside the loss", &l, out[0], ag_fill(l.tape, AG_SHAPE(N), 0));
    expect_equal("a node after the loss", &l, out[1], ag_fill(l.tape, AG_SHAPE(N), 0));
    expect_equal("the input", &l, out[2], ag_scale(l.x, 2));
    line_close(&l);
}

Test(gradient, of_one_node_twice_in_the_list_is_given_twice) {
    line l;
    line_open(&l);
    ag_node *loss = ag_sum(ag_square(l.x)), *wrt[2] = {l.x, l.x}, *out[2];
    gradient_of(&l, loss, 2, wrt, out);
    expect_equal("first", &l, out[0], ag_scale(l.x, 2));
    expect_equal("second", &l, out[1], ag_scale(l.x, 2));
    line_close(&l);
}

Test(gradient, of_several_losses_on_one_tape_are_independent) {
    line l;
    line_open(&l);
    ag_node *u = ag_exp(l.x), *first, *second;
    gradient_of(&l, ag_sum(u), 1, &l.x, &first);
    gradient_of(&l, ag_sum(ag_mul(u, l.y)), 1, &l.x, &second);
    expect_equal("the first loss", &l, first, u);
    expect_equal("the second loss", &l, second, ag_mul(u, l.y));
    line_close(&l);
}

Test(gradient, with_a_seed_is_the_vector_jacobian_product) {
    line l;
    line_open(&l);
    ag_node *out;
    cr_assert(ag_vjp(l.tape, ag_square(l.x), l.y, 1, &l.x, &out), "%s", ag_tape_error(l.tape)->text);
    expect_equal("y d x^2", &l, out, ag_mul(ag_scale(l.x, 2), l.y));
    cr_assert(!ag_vjp(l.tape, l.x, ag_scalar(l.tape, 1), 1, &l.x, &out),
              "a seed of another shape is accepted");
    cr_expect(strstr(ag_tape_error(l.tape)->text, "[5]") && strstr(ag_tape_error(l.tape)->text, "[]"), "%s",
              ag_tape_error(l.tape)->text);
    line_close(&l);
}

// Gradients of equal operands and at the corners, as ops.h states them.
Test(gradient, at_corners_is_what_the_catalogue_says) {
    ag_tape *tape = ag_tape_create("corners", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE()), *y = ag_input(tape, "y", AG_SHAPE());
    ag_feed feeds[2] = {{x, values_constant(AG_F64, AG_SHAPE(), 0)},
                        {y, values_constant(AG_F64, AG_SHAPE(), 0)}};
    const struct {
        const char *what;
        ag_node *node;
        double gradient;
    } corners[] = {
        {"relu at 0", ag_relu(x), 0},
        {"leaky_relu at 0", ag_leaky_relu(x, 0.25), 0.25},
        {"abs at 0", ag_abs(x), 0},
        {"clamp at its low end", ag_clamp(x, 0, 1), 1},
        {"clamp at its high end", ag_clamp(x, -1, 0), 1},
        {"minimum of equals", ag_minimum(x, y), 0.5},
        {"maximum of equals", ag_maximum(y, x), 0.5},
    };
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++) {
        ag_node *gradient;
        cr_assert(ag_gradient(tape, corners[i].node, 1, &x, &gradient));
        ag_tensor *value = run_evaluate(corners[i].what, gradient, 2, feeds);
        cr_expect(ag_tensor_get(value, 0) == corners[i].gradient, "%s: %g, expected %g", corners[i].what,
                  ag_tensor_get(value, 0), corners[i].gradient);
        ag_tensor_free(value);
    }
    ag_tensor_free((ag_tensor *)feeds[0].value);
    ag_tensor_free((ag_tensor *)feeds[1].value);
    ag_tape_free(tape);
}
