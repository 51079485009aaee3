// SPDX-License-Identifier: MIT
// The gradient checker itself must fail where it should: on a wrong sign, a wrong
// factor in one entry, a wrong second derivative, kinks, and an op whose bits
// change from run to run. Its messages name op, input, index and both values.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/autograd/networks.h"
#include "tests/autograd/run.h"
#include "tests/support/values.h"

// Ops as a user would write them, over op.h alone: y = x^2 with one flaw each.
static bool infer_same(ag_node *node) {
    node->shape = node->input[0]->shape;
    return true;
}

static void forward_square(const ag_call *call) {
    const double *x = call->in[0];
    double *y = call->out;
    for (int64_t i = 0; i < ag_shape_size(call->node->shape); i++) y[i] = x[i] * x[i];
}

static ag_node *vjp_right(ag_node *node, ag_node *dy, int input) {
    return ag_mul(dy, ag_scale(node->input[input], 2));
}

static ag_node *vjp_wrong_sign(ag_node *node, ag_node *dy, int input) {
    return ag_neg(vjp_right(node, dy, input));
}

// Right value at first order, but cut off from x.
static ag_node *vjp_detached(ag_node *node, ag_node *dy, int input) {
    return ag_mul(dy, ag_stop_gradient(ag_scale(node->input[input], 2)));
}

// Right but for the entry 3.
static ag_node *vjp_wrong_entry(ag_node *node, ag_node *dy, int input) {
    ag_tensor *factor = values_constant(AG_F64, node->shape, 1);
    ag_tensor_set(factor, 3, 1.01);
    ag_node *wrong = ag_mul(vjp_right(node, dy, input), ag_constant(node->tape, factor));
    ag_tensor_free(factor);
    return wrong;
}

// A value that grows with each evaluation, by far less than any tolerance.
static void forward_restless(const ag_call *call) {
    static int calls;
    forward_square(call);
    ((double *)call->out)[0] *= 1 + 1e-14 * ++calls;
}

static const ag_op right_square = {
    .name = "right_square", .infer = infer_same, .forward = forward_square, .vjp = vjp_right};
static const ag_op wrong_sign = {
    .name = "wrong_sign", .infer = infer_same, .forward = forward_square, .vjp = vjp_wrong_sign};
static const ag_op wrong_entry = {
    .name = "wrong_entry", .infer = infer_same, .forward = forward_square, .vjp = vjp_wrong_entry};
static const ag_op detached = {
    .name = "detached", .infer = infer_same, .forward = forward_square, .vjp = vjp_detached};
static const ag_op restless = {
    .name = "restless", .infer = infer_same, .forward = forward_restless, .vjp = vjp_right};

// context: the op. The flawed op is applied to the second input, so that the message must say so.
static ag_node *apply_op(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n;
    return ag_add(in[0], ag_apply_inputs(context, 1, &in[1], NULL, 0));
}

typedef bool (*checker)(const char *, ag_graph_function, void *, int, ag_tensor *const *, ag_gradcheck_params,
                        ag_gradcheck_result *, ag_error *);

static bool check_op(checker check, const ag_op *op, ag_error *error) {
    ag_tensor *values[2] = {values_tensor(AG_F64, AG_SHAPE(2, 3), VALUES_NONZERO, 1),
                            values_tensor(AG_F64, AG_SHAPE(2, 3), VALUES_NONZERO, 2)};
    ag_gradcheck_result result;
    *error = (ag_error){0};
    bool right = check(op->name, apply_op, (void *)op, 2, values, (ag_gradcheck_params){0}, &result, error);
    ag_tensor_free(values[0]);
    ag_tensor_free(values[1]);
    return right;
}

Test(gradcheck, passes_a_right_op_in_both_orders) {
    ag_error error;
    cr_expect(check_op(ag_gradcheck, &right_square, &error), "%s", error.text);
    cr_expect(check_op(ag_gradgradcheck, &right_square, &error), "%s", error.text);
}

Test(gradcheck, finds_a_wrong_sign_and_names_op_and_input) {
    ag_error error;
    cr_assert(!check_op(ag_gradcheck, &wrong_sign, &error), "a wrong sign passes");
    cr_expect(strstr(error.text, "wrong_sign"), "the op is not named: %s", error.text);
    cr_expect(strstr(error.text, "input 1"), "the input is not named: %s", error.text);
}

// Whether two numbers of a message have this ratio: a checker's
// two values differ by the flaw's factor, whatever the projection.
static bool holds_ratio(const char *text, double ratio) {
    double numbers[32];
    int n = 0, length;
    while (*text && n < 32)
        if (sscanf(text, "%lf%n", &numbers[n], &length) == 1) {
            text += length;
            n++;
        } else {
            text++;
        }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            if (fabs(numbers[i] / numbers[k] - ratio) < 1e-4) return true;
    return false;
}

static ag_node *sum_of_op(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n;
    return ag_sum(ag_apply_inputs(context, 1, in, NULL, 0));
}

Test(gradcheck, finds_one_wrong_entry_and_names_index_and_both_values) {
    double numbers[6] = {0.5, -0.75, 1.25, 1.5, -1.75, 2};
    ag_tensor *x = values_from(AG_F64, AG_SHAPE(6), numbers);
    ag_error error = {0};
    ag_gradcheck_result result;
    cr_assert(!ag_gradcheck("wrong_entry", sum_of_op, (void *)&wrong_entry, 1, &x, (ag_gradcheck_params){0},
                            &result, &error),
              "an entry that is wrong by 1 %% passes");
    cr_expect(strstr(error.text, "wrong_entry") && strstr(error.text, "input 0"), "%s", error.text);
    cr_expect(strstr(error.text, "[3]") || strstr(error.text, "index 3") || strstr(error.text, "entry 3"),
              "the index is not named: %s", error.text);
    cr_expect(holds_ratio(error.text, 1.01), "the two values are not in the message: %s", error.text);
    ag_tensor_free(x);
}

Test(gradcheck, finds_a_wrong_second_derivative_that_the_first_order_hides) {
    ag_error error;
    cr_expect(check_op(ag_gradcheck, &detached, &error), "%s", error.text);
    cr_assert(!check_op(ag_gradgradcheck, &detached, &error), "a detached gradient passes the second order");
    cr_expect(strstr(error.text, "detached"), "the op is not named: %s", error.text);
}

// The square of the restless value, so that the gradient changes with it.
static ag_node *restless_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n, (void)context;
    return ag_square(ag_apply_inputs(&restless, 1, in, NULL, 0));
}

Test(gradcheck, finds_an_op_whose_bits_change) {
    ag_tensor *x = values_tensor(AG_F64, AG_SHAPE(6), VALUES_NONZERO, 1);
    ag_error error = {0};
    ag_gradcheck_result result;
    cr_assert(
        !ag_gradcheck("restless", restless_graph, NULL, 1, &x, (ag_gradcheck_params){0}, &result, &error),
        "changing bits pass");
    cr_expect(strstr(error.text, "restless"), "the op is not named: %s", error.text);
    ag_tensor_free(x);
}

static ag_node *abs_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n, (void)context;
    return ag_abs(in[0]);
}

static bool check_abs(int n_kinks, double limit, ag_gradcheck_result *result, ag_error *error) {
    ag_tensor *x = values_tensor(AG_F64, AG_SHAPE(100), VALUES_NONZERO, 3);
    for (int i = 0; i < n_kinks; i++) ag_tensor_set(x, 17 * i % 100, i % 2 ? 1e-8 : -1e-8);
    *error = (ag_error){0};
    bool right = ag_gradcheck("kinky", abs_graph, NULL, 1, &x, (ag_gradcheck_params){.kink_limit = limit},
                              result, error);
    ag_tensor_free(x);
    return right;
}

Test(gradcheck, counts_kinks_and_fails_over_their_limit) {
    ag_gradcheck_result result;
    ag_error error;
    cr_expect(check_abs(0, 0, &result, &error), "%s", error.text);
    cr_expect(result.kinks == 0 && result.checked == 100, "%lld kinks, %lld checked", (long long)result.kinks,
              (long long)result.checked);
    cr_expect(check_abs(1, 0, &result, &error), "one kink of 100 fails: %s", error.text);
    cr_expect(result.kinks == 1 && result.checked == 100, "%lld kinks, %lld checked", (long long)result.kinks,
              (long long)result.checked);
    cr_assert(!check_abs(5, 0, &result, &error), "five kinks of 100 pass");
    cr_expect(strstr(error.text, "kinky") && strstr(error.text, "kink"), "%s", error.text);
    cr_expect(check_abs(5, 0.05, &result, &error), "five kinks fail a limit of 5 %%: %s", error.text);
    cr_expect_eq(result.kinks, 5);
}

static ag_node *tanh_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n, (void)context;
    return ag_tanh(in[0]);
}

Test(gradcheck, samples_as_many_entries_as_asked) {
    ag_tensor *x = values_tensor(AG_F64, AG_SHAPE(10, 10), VALUES_ANY, 4), *copy = ag_tensor_copy(x);
    ag_gradcheck_result result;
    cr_assert(
        ag_gradcheck("tanh", tanh_graph, NULL, 1, &x, (ag_gradcheck_params){.samples = 13}, &result, NULL));
    cr_expect_eq(result.checked, 13);
    cr_expect(result.worst > 0 && result.worst < 1e-6, "worst relative error %g", result.worst);
    cr_expect(memcmp(x->data, copy->data, 100 * sizeof(double)) == 0, "the caller's values were changed");
    ag_tensor_free(x);
    ag_tensor_free(copy);
}

static ag_node *refused_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n, (void)context;
    return ag_reshape(in[0], AG_SHAPE(7));
}

Test(gradcheck, passes_on_the_message_of_a_graph_that_is_refused) {
    ag_tensor *x = values_tensor(AG_F64, AG_SHAPE(6), VALUES_ANY, 5);
    ag_error error = {0};
    ag_gradcheck_result result;
    cr_assert(
        !ag_gradcheck("refused", refused_graph, NULL, 1, &x, (ag_gradcheck_params){0}, &result, &error));
    cr_expect(strstr(error.text, "reshape") && strstr(error.text, "[7]"), "%s", error.text);
    ag_tensor_free(x);
}

static ag_node *missing_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n, (void)in, (void)context;
    return NULL;
}

static ag_node *foreign_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n;
    return ag_input(context, "foreign", ag_node_shape(in[0]));
}

Test(gradcheck, says_what_a_graph_function_returned_in_place_of_a_result) {
    ag_tape *other = ag_tape_create("other", AG_F64);
    const ag_graph_function graphs[] = {missing_graph, foreign_graph};
    const char *sentences[] = {"gradcheck of odd: the graph function returned NULL",
                               "gradcheck of odd: the graph function returned a node of another tape"};
    ag_tensor *x = values_tensor(AG_F64, AG_SHAPE(6), VALUES_ANY, 5);
    for (int i = 0; i < 2; i++) {
        ag_error first = {0}, second = {0};
        cr_expect(!ag_gradcheck("odd", graphs[i], other, 1, &x, (ag_gradcheck_params){0}, NULL, &first));
        cr_expect_str_eq(first.text, sentences[i]);
        cr_expect(!ag_gradgradcheck("odd", graphs[i], other, 1, &x, (ag_gradcheck_params){0}, NULL, &second));
        cr_expect_str_eq(second.text, sentences[i]);
    }
    ag_tensor_free(x);
    ag_tape_free(other);
}

// The layers that rewrites join, with the batch's own moments and with given ones.
Test(gradcheck, passes_convolutions_around_a_batch_norm) {
    ag_tensor *values[AUTOENCODER_INPUTS];
    autoencoder_draw(values);
    for (int i = 0; i < 2; i++) {
        bool fixed = i == 1;
        ag_error error = {0};
        ag_gradcheck_result result = {0};
        cr_expect(ag_gradcheck(fixed ? "given moments" : "own moments", autoencoder_graph, &fixed,
                               AUTOENCODER_INPUTS, values, (ag_gradcheck_params){.atol = 1e-7, .rtol = 1e-6},
                               &result, &error),
                  "%s", error.text);
        cr_expect_eq(result.checked, 72 + 3 * 4 + 72 + 2 + 144, "%lld entries were checked",
                     (long long)result.checked);
    }
    for (int i = 0; i < AUTOENCODER_INPUTS; i++) ag_tensor_free(values[i]);
}

// The gradient of another parameter is not that of this one; the values are restored bit by bit.
Test(gradcheck, finds_a_wrong_parameter_gradient_and_restores_the_values) {
    critic c;
    critic_create(&c, AG_F64, 2);
    ag_tape *tape = ag_tape_create("loss", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(2, 6, 6, 1)), *reads[2] = {ag_read(tape, c.w1), NULL},
            *gradients[2];
    ag_node *w[CRITIC_PARAMETERS] = {reads[0]};
    for (int i = 1; i < CRITIC_PARAMETERS; i++) w[i] = ag_read(tape, ag_parameter_set_at(c.set, i));
    ag_node *loss = loss_of_real(critic_from(w, x));
    cr_assert(ag_gradient(tape, loss, 1, reads, gradients));
    gradients[1] = ag_scale(gradients[0], 1.01);
    ag_program *program = run_compile("loss", tape, 3, (ag_node *[]){loss, gradients[0], gradients[1]});
    ag_feed feed = {x, values_tensor(AG_F64, AG_SHAPE(2, 6, 6, 1), VALUES_ANY, 6)};
    run_step("loss", program, 1, &feed, (ag_clock){1, 1});
    ag_tensor *before = values_from(AG_F64, c.w1->shape, ag_parameter_values(c.w1));
    for (int wrong = 0; wrong < 2; wrong++) {
        ag_error error = {0};
        ag_gradcheck_result result;
        bool right = ag_gradcheck_parameter(program, c.w1, loss, gradients[wrong], (ag_clock){1, 1},
                                            (ag_gradcheck_params){0}, &result, &error);
        cr_expect_eq(right, !wrong, "gradient %d: %s", wrong, error.text);
        if (wrong) cr_expect(strstr(error.text, "w1"), "the parameter is not named: %s", error.text);
        cr_expect(memcmp(before->data, ag_parameter_values(c.w1), (size_t)c.w1->size * sizeof(double)) == 0,
                  "the parameter's values were changed");
    }
    ag_tensor_free(before);
    ag_tensor_free((ag_tensor *)feed.value);
    ag_program_free(program);
    ag_tape_free(tape);
    ag_parameter_set_free(c.set);
}
