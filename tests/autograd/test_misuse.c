// SPDX-License-Identifier: MIT
// Uses that the contracts forbid: each is refused with a sentence, and nothing is written.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "autograd/autograd.h"
#include "tests/support/values.h"

static ag_tape *tape;
static ag_parameter_set *set;
static ag_parameter *w, *m;
static int n_told;

static void count_told(const ag_error *error, void *context) {
    (void)error;
    (void)context;
    n_told++;
}

static void prepare(void) {
    ag_error error = {0};
    tape = ag_tape_create("misuse", AG_F64);
    set = ag_parameter_set_create("set", AG_F64);
    w = ag_parameter_add(set, "w", AG_SHAPE(3), AG_PARAMETER, &error);
    m = ag_parameter_add(set, "m", AG_SHAPE(3), AG_BUFFER, &error);
    cr_assert(w && m && ag_parameter_set_seal(set, &error), "%s", error.text);
    for (int i = 0; i < 3; i++) ((double *)ag_parameter_values(w))[i] = i + 1;
}

static void finish(void) {
    ag_tape_free(tape);
    ag_parameter_set_free(set);
}

TestSuite(misuse, .init = prepare, .fini = finish);

static void expect_tape_error(const char *words) {
    cr_expect(ag_tape_error(tape)->status == AG_STATUS_CONTRACT && strstr(ag_tape_error(tape)->text, words),
              "'%s' lacks '%s'", ag_tape_error(tape)->text, words);
}

static const double *values_of(const ag_parameter *parameter) { return ag_parameter_values(parameter); }

Test(misuse, an_effect_is_no_operand) {
    cr_assert(ag_node_failed(ag_add_scalar(ag_assign(m, ag_read(tape, w)), 1)));
    expect_tape_error("is an effect and has no value");
}

Test(misuse, an_effect_is_not_differentiated) {
    ag_node *x = ag_read(tape, w), *dx;
    cr_assert(!ag_gradient(tape, ag_assign(m, x), 1, &x, &dx));
    expect_tape_error("has no value");
}

static bool infer_nothing(ag_node *node) {
    node->shape = AG_SHAPE();
    return true;
}

static void write_nothing(const ag_call *call) { (void)call; }

static const ag_op idle = {
    .name = "idle", .traits = AG_OP_EFFECT, .infer = infer_nothing, .forward = write_nothing};

Test(misuse, an_effect_writes_one_to_four_parameters_each_once) {
    ag_node *x = ag_read(tape, w);
    cr_assert(
        ag_node_failed(ag_apply_effect(&idle, tape, 1, &x, 5, (ag_parameter *[]){w, m, w, m, w}, NULL, 0)));
    expect_tape_error("writes 5 parameters, 1 to 4");
}

Test(misuse, an_effect_does_not_write_one_parameter_twice) {
    ag_node *x = ag_read(tape, w);
    cr_assert(ag_node_failed(ag_apply_effect(&idle, tape, 1, &x, 2, (ag_parameter *[]){m, m}, NULL, 0)));
    expect_tape_error("parameter set/m is written twice");
}

Test(misuse, after_an_error_a_parameter_read_before_is_an_error_node_too) {
    cr_assert(!ag_node_failed(ag_read(tape, w)));
    ag_thaw(tape);
    cr_assert(ag_node_failed(ag_read(tape, w)));
}

Test(misuse, a_buffer_has_no_gradient_even_when_marked_trainable) {
    m->trainable = true;
    ag_node *x = ag_read(tape, m), *dx;
    cr_assert(!ag_gradient(tape, ag_sum(x), 1, &x, &dx));
    expect_tape_error("frozen or is not trainable");
}

Test(misuse, ranks_out_of_range_are_refused) {
    const ag_shape odd[] = {{.rank = 40, .dim = {3}}, {.rank = -2}, {.rank = 7}};
    for (int i = 0; i < 3; i++) {
        ag_shape out;
        char text[AG_SHAPE_TEXT];
        cr_assert(ag_shape_size(odd[i]) == -1 && !ag_shape_broadcast(odd[i], AG_SHAPE(3), &out));
        cr_assert(strstr(ag_shape_format(odd[i], text), "rank"));
        ag_tape *other = ag_tape_create("odd", AG_F32);
        cr_assert(ag_node_failed(ag_broadcast(ag_fill(other, AG_SHAPE(3), 1), odd[i])), "rank %d",
                  odd[i].rank);
        ag_tape_free(other);
    }
}

Test(misuse, the_handler_hears_of_every_broken_contract_and_the_first_one_is_kept) {
    ag_error error = {0};
    ag_set_error_handler(count_told, NULL);
    for (int i = 0; i < 3; i++)
        ag_parameter_add(set, i ? "late" : "first", AG_SHAPE(1), AG_PARAMETER, &error);
    ag_concat(0, NULL, 0);
    ag_set_error_handler(NULL, NULL);
    cr_assert(n_told == 4, "told %d times of 4", n_told);
    cr_assert(strstr(error.text, "first"), "%s", error.text);
}

// ---- programs that share a workspace ----

static ag_program *doubling(ag_tape *on, ag_parameter *to, double factor, ag_workspace *workspace,
                            ag_node **x) {
    ag_error error = {0};
    *x = ag_input(on, "x", AG_SHAPE(3));
    ag_assign(to, ag_scale(ag_add_scalar(*x, 0), factor));
    ag_program *program = ag_program_compile(on, 0, NULL, workspace, &error);
    cr_assert(program, "%s", error.text);
    cr_assert(ag_program_feed(program, *x, (double[]){1, 2, 3}, AG_SHAPE(3), &error), "%s", error.text);
    return program;
}

Test(misuse, effects_are_not_applied_after_another_program_used_the_workspace) {
    ag_error error = {0};
    ag_workspace *workspace = ag_workspace_create();
    ag_tape *second = ag_tape_create("second", AG_F64);
    ag_node *x, *y;
    ag_program *a = doubling(tape, w, 2, workspace, &x), *b = doubling(second, m, 777, workspace, &y);
    cr_assert(ag_program_compute(a, (ag_clock){0}, &error) && ag_program_run(b, (ag_clock){0}, &error), "%s",
              error.text);
    cr_assert(!ag_program_apply(a, &error) && strstr(error.text, "another program"), "%s", error.text);
    cr_assert(values_of(w)[2] == 3, "w is %g", values_of(w)[2]);
    error = (ag_error){0};
    cr_assert(ag_program_run(a, (ag_clock){0}, &error) && values_of(w)[2] == 6, "%s", error.text);
    ag_program_free(a);
    ag_program_free(b);
    ag_tape_free(second);
    ag_workspace_free(workspace);
}

Test(misuse, effects_are_not_applied_after_the_workspace_has_grown) {
    ag_error error = {0};
    ag_workspace *workspace = ag_workspace_create();
    ag_tape *second = ag_tape_create("second", AG_F64);
    ag_node *x, *sum = ag_sum(ag_square(ag_scale(ag_input(second, "large", AG_SHAPE(1 << 20)), 2)));
    ag_program *a = doubling(tape, w, 2, workspace, &x);
    const int64_t before = ag_workspace_bytes(workspace);
    cr_assert(ag_program_compute(a, (ag_clock){0}, &error), "%s", error.text);
    ag_program *b = ag_program_compile(second, 1, &sum, workspace, &error);
    cr_assert(b && ag_workspace_bytes(workspace) > before, "it did not grow: %s", error.text);
    cr_assert(!ag_program_apply(a, &error) && values_of(w)[2] == 3, "w is %g", values_of(w)[2]);
    error = (ag_error){0};
    cr_assert(ag_program_run(a, (ag_clock){0}, &error) && values_of(w)[2] == 6, "w is %g; %s",
              values_of(w)[2], error.text);
    ag_program_free(a);
    ag_program_free(b);
    ag_tape_free(second);
    ag_workspace_free(workspace);
}

Test(misuse, a_number_is_not_read_from_an_output_of_several) {
    ag_error error = {0};
    ag_node *y = ag_square(ag_read(tape, w));
    ag_program *program = ag_program_compile(tape, 1, &y, NULL, &error);
    cr_assert(program && ag_program_run(program, (ag_clock){0}, &error), "%s", error.text);
    cr_assert(isnan(ag_program_output_scalar(program, y, &error)));
    cr_assert(strstr(error.text, "output square is [3], not a scalar"), "%s", error.text);
    ag_program_free(program);
}

Test(misuse, a_search_for_bad_values_leaves_nothing_to_apply) {
    ag_error error = {0};
    ag_node *x = ag_input(tape, "x", AG_SHAPE(3)), *logs = ag_log(x);
    ag_assign(w, ag_scale(logs, 2));
    ag_program *program = ag_program_compile(tape, 1, &logs, NULL, &error);
    cr_assert(program && ag_program_feed(program, x, (double[]){1, -1, 3}, AG_SHAPE(3), &error), "%s",
              error.text);
    cr_assert(ag_program_compute(program, (ag_clock){0}, &error), "%s", error.text);
    cr_assert_str_eq(ag_program_find_nonfinite(program, (ag_clock){0}), "log");
    cr_assert(!ag_program_apply(program, &error) && values_of(w)[0] == 1);
    error = (ag_error){0};
    cr_assert(!ag_program_output(program, logs, &error) && strstr(error.text, "stale"), "%s", error.text);
    ag_program_free(program);
}

// ---- freezing and gradient checks ----

static ag_node *refuse_weights(ag_node *node, ag_node *dy, int input) {
    if (input == 1)
        return ag_node_fail(node, "no gradient for the weights"), ag_tape_fail(node->tape, "never");
    return ag_mul(dy, node->input[1]);
}

static bool infer_first(ag_node *node) {
    node->shape = node->input[0]->shape;
    return true;
}

static const ag_op weighted = {
    .name = "weighted", .infer = infer_first, .forward = write_nothing, .vjp = refuse_weights};

Test(misuse, counting_what_freezing_saves_leaves_no_error_behind) {
    ag_set_error_handler(count_told, NULL);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(3)), *dx;
    ag_freeze(tape);
    ag_node *y = ag_apply_inputs(&weighted, 2, (ag_node *[]){x, ag_read(tape, w)}, NULL, 0);
    ag_thaw(tape);
    cr_assert(ag_gradient(tape, ag_sum(y), 1, &x, &dx), "%s", ag_tape_error(tape)->text);
    ag_set_error_handler(NULL, NULL);
    cr_assert(n_told == 0, "the handler was told of a trial");
}

Test(misuse, a_gradient_check_runs_no_effect_and_checks_what_it_is_given) {
    ag_error error = {0};
    ag_node *x = ag_read(tape, w), *loss = ag_sum(ag_square(x)), *dx;
    ag_gradient(tape, loss, 1, &x, &dx);
    ag_sgd_update(w, dx, NULL, ag_scalar(tape, 0.1), 0);
    ag_program *program = ag_program_compile(tape, 2, (ag_node *[]){loss, dx}, NULL, &error);
    cr_assert(program, "%s", error.text);
    cr_assert(
        ag_gradcheck_parameter(program, w, loss, dx, (ag_clock){0}, (ag_gradcheck_params){0}, NULL, &error),
        "%s", error.text);
    for (int i = 0; i < 3; i++) cr_assert(values_of(w)[i] == i + 1, "w[%d] is %g", i, values_of(w)[i]);
    cr_assert(!ag_gradcheck_parameter(program, w, loss, loss, (ag_clock){0}, (ag_gradcheck_params){0}, NULL,
                                      &error));
    cr_assert(strstr(error.text, "the gradient []"), "%s", error.text);
    ag_program_free(program);
}

static ag_node *root(ag_tape *on, int n, ag_node *const *inputs, void *context) {
    (void)on;
    (void)n;
    (void)context;
    return ag_sqrt(inputs[0]);
}

Test(misuse, a_gradient_check_does_not_excuse_nan_as_a_kink) {
    ag_error error = {0};
    ag_tensor *x = values_from(AG_F64, AG_SHAPE(1), (double[]){5e-7});
    cr_assert(!ag_gradcheck("root", root, NULL, 1, &x, (ag_gradcheck_params){.kink_limit = 1}, NULL, &error));
    cr_assert(strstr(error.text, "not finite") && strstr(error.text, "index 0"), "%s", error.text);
    ag_tensor_free(x);
}
