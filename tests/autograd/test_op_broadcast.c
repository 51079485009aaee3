// SPDX-License-Identifier: MIT
// Binary ops broadcast as NumPy does: all combinations of ranks up to 6, forward and gradient, and what is
// refused.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/autograd/op_case.h"
#include "tests/autograd/run.h"
#include "tests/support/approx.h"

static double add(double a, double b) { return a + b; }
static double sub(double a, double b) { return a - b; }
static double mul(double a, double b) { return a * b; }
static double quotient(double a, double b) { return a / b; }
static double smaller(double a, double b) { return a < b ? a : b; }
static double larger(double a, double b) { return a > b ? a : b; }

static const struct {
    const char *name;
    ag_node *(*build)(ag_node *a, ag_node *b);
    double (*formula)(double a, double b);
} ops[6] = {{"add", ag_add, add},
            {"sub", ag_sub, sub},
            {"mul", ag_mul, mul},
            {"div", ag_div, quotient},
            {"minimum", ag_minimum, smaller},
            {"maximum", ag_maximum, larger}};

// The last `rank` of six dimensions, each replaced by 1 with probability 1/3.
static ag_shape draw_shape(int rank, uint64_t *state) {
    static const int64_t full[AG_MAX_RANK] = {2, 3, 2, 3, 2, 3};
    ag_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++)
        shape.dim[i] = values_below(state, 3) == 0 ? 1 : full[AG_MAX_RANK - rank + i];
    return shape;
}

// NumPy's rule, written out once more: aligned at the last axis, the larger of the two dimensions.
static ag_shape joint_shape(ag_shape a, ag_shape b) {
    ag_shape out = a.rank > b.rank ? a : b;
    for (int back = 1; back <= a.rank && back <= b.rank; back++) {
        int64_t x = a.dim[a.rank - back], y = b.dim[b.rank - back];
        out.dim[out.rank - back] = x > y ? x : y;
    }
    return out;
}

typedef struct pair {
    char label[400];
    ag_tape *tape;
    ag_node *in[2], *out, *seed;
    ag_feed feeds[3];
    ag_shape joint;
} pair;

static void pair_open(pair *p, int op, ag_shape a, ag_shape b) {
    ag_shape shapes[2] = {a, b};
    char text[2][AG_SHAPE_TEXT];
    *p = (pair){.tape = ag_tape_create("pair", AG_F64), .joint = joint_shape(a, b)};
    snprintf(p->label, sizeof p->label, "%s of %s and %s", ops[op].name, ag_shape_format(a, text[0]),
             ag_shape_format(b, text[1]));
    for (int i = 0; i < 2; i++) {
        p->in[i] = ag_input(p->tape, i ? "b" : "a", shapes[i]);
        p->feeds[i] = (ag_feed){p->in[i], values_tensor(AG_F64, shapes[i], VALUES_NONZERO, 7 + (uint64_t)i)};
    }
    p->seed = ag_input(p->tape, "seed", p->joint);
    p->feeds[2] = (ag_feed){p->seed, values_tensor(AG_F64, p->joint, VALUES_ANY, 9)};
    p->out = ops[op].build(p->in[0], p->in[1]);
    cr_assert(!ag_node_failed(p->out), "%s is refused: %s", p->label, ag_tape_error(p->tape)->text);
    cr_assert(ag_shape_equal(ag_node_shape(p->out), p->joint), "%s has shape %s", p->label,
              ag_shape_format(ag_node_shape(p->out), text[0]));
}

static void pair_close(pair *p) {
    for (int i = 0; i < 3; i++) ag_tensor_free((ag_tensor *)p->feeds[i].value);
    ag_tape_free(p->tape);
}

static ref_array view(const ag_tensor *tensor) { return (ref_array){tensor->shape, tensor->data}; }

static void check_forward(pair *p, int op) {
    ref_array a = view(p->feeds[0].value), b = view(p->feeds[1].value), expected = ref_create(p->joint);
    int64_t index[AG_MAX_RANK];
    for (int64_t i = 0; i < ag_shape_size(p->joint); i++) {
        ref_unravel(p->joint, i, index);
        expected.data[i] =
            ops[op].formula(ref_broadcast_get(&a, p->joint, index), ref_broadcast_get(&b, p->joint, index));
    }
    ag_tensor *value = run_evaluate(p->label, p->out, 3, p->feeds);
    const char *bad = approx_tensor_difference(value, expected.data, 1e-14, 0.1);
    cr_expect(bad == NULL, "%s: %s", p->label, bad);
    ag_tensor_free(value);
    ref_free(&expected);
}

// The gradient of sum(seed (a + b)) with respect to a is the seed summed to a's shape; with respect to b
// likewise.
static void check_gradient_of_add(pair *p) {
    ag_node *gradient[2];
    cr_assert(ag_vjp(p->tape, p->out, p->seed, 2, p->in, gradient), "%s: %s", p->label,
              ag_tape_error(p->tape)->text);
    ref_array seed = view(p->feeds[2].value);
    for (int i = 0; i < 2; i++) {
        ag_shape shape = ag_node_shape(p->in[i]);
        ref_array expected = ref_create(shape);
        ref_sum_to(&seed, &expected);
        ag_tensor *value = run_evaluate(p->label, gradient[i], 3, p->feeds);
        cr_assert(ag_shape_equal(value->shape, shape), "%s: gradient %d has another shape", p->label, i);
        const char *bad = approx_tensor_difference(value, expected.data, 1e-13, 1);
        cr_expect(bad == NULL, "%s, gradient %d: %s", p->label, i, bad);
        ag_tensor_free(value);
        ref_free(&expected);
    }
}

Test(op_broadcast, all_pairs_of_ranks_compute_what_numpy_does) {
    uint64_t state = 42;
    for (int draw = 0; draw < 3; draw++)
        for (int rank = 0; rank < 49; rank++)
            for (int op = 0; op < 6; op++) {
                pair p;
                pair_open(&p, op, draw_shape(rank / 7, &state), draw_shape(rank % 7, &state));
                check_forward(&p, op);
                if (op == 0) check_gradient_of_add(&p);
                pair_close(&p);
            }
}

static ag_node *product_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n, (void)context;
    return ag_mul(in[0], ag_div(in[1], in[0]));
}

static ag_node *smaller_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n, (void)context;
    return ag_minimum(in[0], ag_square(in[1]));
}

Test(op_broadcast, gradients_of_pairs_of_ranks_pass_finite_differences) {
    uint64_t state = 43;
    for (int rank = 0; rank < 49; rank += 3) {
        ag_tensor *values[2] = {
            values_tensor(AG_F64, draw_shape(rank / 7 % 5, &state), VALUES_NONZERO, values_next(&state)),
            values_tensor(AG_F64, draw_shape(rank % 7 % 5, &state), VALUES_NONZERO, values_next(&state))};
        ag_error error = {0};
        ag_gradcheck_result result;
        cr_expect(ag_gradcheck("mul of div", product_graph, NULL, 2, values, (ag_gradcheck_params){0},
                               &result, &error),
                  "ranks %d and %d: %s", values[0]->shape.rank, values[1]->shape.rank, error.text);
        cr_expect(ag_gradcheck("minimum", smaller_graph, NULL, 2, values, (ag_gradcheck_params){0}, &result,
                               &error),
                  "ranks %d and %d: %s", values[0]->shape.rank, values[1]->shape.rank, error.text);
        ag_tensor_free(values[0]);
        ag_tensor_free(values[1]);
    }
}

Test(op_broadcast, shapes_that_do_not_fit_are_refused_by_every_binary_op_naming_both) {
    for (int op = 0; op < 6; op++) {
        ag_tape *tape = ag_tape_create("pair", AG_F64);
        ag_node *out = ops[op].build(ag_input(tape, "a", AG_SHAPE(2, 3)), ag_input(tape, "b", AG_SHAPE(4)));
        cr_expect(ag_node_failed(out), "%s accepts [2,3] and [4]", ops[op].name);
        const char *text = ag_tape_error(tape)->text;
        cr_expect(strstr(text, ops[op].name) && strstr(text, "[2,3]") && strstr(text, "[4]"),
                  "%s does not name the op and both shapes: %s", ops[op].name, text);
        ag_tape_free(tape);
    }
}
