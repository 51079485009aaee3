// SPDX-License-Identifier: MIT
// The tape: recording, labels, and errors that stick, are told at once and name op, shapes and rule.
#include <criterion/criterion.h>
#include <string.h>

#include "autograd/autograd.h"

static void expect_words(const char *text, const char *const *words) {
    for (; *words; words++)
        cr_expect(strstr(text, *words) != NULL, "the message lacks \"%s\": %s", *words, text);
}
#define EXPECT_WORDS(text, ...) expect_words(text, (const char *const[]){__VA_ARGS__, NULL})

Test(tape, records_nodes_in_evaluation_order) {
    ag_tape *tape = ag_tape_create("order", AG_F32);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(2, 3));
    ag_node *y = ag_mul(x, ag_tanh(x));
    cr_expect_str_eq(ag_tape_name(tape), "order");
    cr_expect_eq(ag_tape_dtype(tape), AG_F32);
    cr_expect_eq(ag_tape_error(tape)->status, AG_OK);
    cr_assert_eq(ag_tape_count(tape), 3);
    cr_expect_eq(ag_tape_at(tape, 0), x);
    cr_expect_eq(ag_tape_at(tape, 2), y);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < ag_tape_at(tape, i)->n_inputs; k++)
            cr_expect(ag_tape_at(tape, i)->input[k]->index < i, "node %d comes before its input", i);
    cr_expect(ag_shape_equal(ag_node_shape(y), AG_SHAPE(2, 3)));
    cr_expect_eq(ag_node_tape(y), tape);
    cr_expect_str_eq(ag_node_op(y), "mul");
    ag_tape_free(tape);
    ag_tape_free(NULL);
}

Test(tape, holds_thousands_of_nodes_at_fixed_addresses) {
    ag_tape *tape = ag_tape_create("long", AG_F32);
    ag_node *first = ag_input(tape, "x", AG_SHAPE(2)), *node = first;
    for (int i = 0; i < 5000; i++) node = ag_neg(node);
    cr_expect_eq(ag_tape_count(tape), 5001);
    cr_expect_eq(ag_tape_at(tape, 0), first);
    cr_expect_eq(ag_tape_at(tape, 5000), node);
    ag_tape_free(tape);
}

Test(tape, labels_carry_the_scopes) {
    ag_tape *tape = ag_tape_create("scopes", AG_F32);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(2));
    ag_scope_push(tape, "generator");
    ag_scope_push(tape, "dense");
    ag_node *inner = ag_tanh(x);
    ag_scope_pop(tape);
    ag_node *middle = ag_tanh(x);
    ag_scope_pop(tape);
    ag_node *outer = ag_tanh(x);
    cr_expect_str_eq(ag_node_label(inner), "generator/dense/tanh");
    cr_expect_str_eq(ag_node_label(middle), "generator/tanh");
    cr_expect_str_eq(ag_node_label(outer), "tanh");
    cr_expect_str_eq(ag_node_label(x), "x");
    ag_tape_free(tape);
}

Test(tape, the_first_error_is_kept_and_later_ops_return_the_error_node) {
    ag_tape *tape = ag_tape_create("sticky", AG_F32);
    ag_node *a = ag_input(tape, "a", AG_SHAPE(2, 3)), *b = ag_input(tape, "b", AG_SHAPE(4, 5));
    ag_node *failed = ag_add(a, b);
    cr_assert(ag_node_failed(failed));
    char first[sizeof ag_tape_error(tape)->text];
    strcpy(first, ag_tape_error(tape)->text);
    cr_expect_eq(ag_tape_error(tape)->status, AG_STATUS_CONTRACT);
    cr_expect(ag_tape_error(tape)->file != NULL && ag_tape_error(tape)->line > 0, "no source place");

    int count = ag_tape_count(tape);
    cr_expect_eq(ag_tanh(failed), failed, "an op of the error node returns something else");
    cr_expect_eq(ag_tanh(a), failed, "a sound op after the error returns something else");
    cr_expect_eq(ag_matmul(a, a, false, false), failed);
    cr_expect_eq(ag_input(tape, "c", AG_SHAPE(1)), failed);
    cr_expect_eq(ag_scalar(tape, 1), failed);
    ag_node *gradient = NULL;
    cr_expect(!ag_gradient(tape, failed, 1, &a, &gradient), "a gradient of the error node succeeds");
    cr_expect_eq(ag_tape_count(tape), count, "nodes are recorded after the error");
    cr_expect_str_eq(ag_tape_error(tape)->text, first, "a later error replaced the first");

    ag_error error = {0};
    cr_expect_null(ag_program_compile(tape, 1, &a, NULL, &error));
    cr_expect(strstr(error.text, first) != NULL, "compiling says \"%s\", not \"%s\"", error.text, first);
    cr_expect_null(ag_evaluate(a, 0, NULL, (ag_clock){0}, NULL));
    ag_tape_free(tape);
}

Test(tape, an_error_that_is_set_is_kept_and_none_may_be_given) {
    ag_error error = {0};
    cr_expect(!ag_fail(&error, AG_STATUS_DATA, "the %s one", "first") &&
              !ag_fail(&error, AG_STATUS_MODEL, "second"));
    cr_expect_str_eq(error.text, "the first one");
    cr_expect_eq(error.status, AG_STATUS_DATA);
    cr_expect(strstr(error.file, "test_tape.c") && error.line > 0, "%s:%d is not the place", error.file,
              error.line);
    cr_expect(!ag_fail(NULL, AG_STATUS_DATA, "nobody listens"));
}

static int told;
static char told_text[sizeof((ag_error *)0)->text];

static void handler(const ag_error *error, void *context) {
    told++;
    *(int *)context = 17;
    strcpy(told_text, error->text);
}

Test(tape, the_handler_is_told_at_once_and_only_once) {
    int context = 0;
    told = 0;
    ag_set_error_handler(handler, &context);
    ag_tape *tape = ag_tape_create("told", AG_F32);
    ag_node *bad = ag_reshape(ag_input(tape, "x", AG_SHAPE(6)), AG_SHAPE(4));
    cr_expect_eq(told, 1, "the handler was called %d times", told);
    cr_expect_eq(context, 17, "the context was not passed");
    cr_expect_str_eq(told_text, ag_tape_error(tape)->text);
    ag_tanh(bad);
    cr_expect_eq(told, 1, "an op of the error node calls the handler again");
    ag_set_error_handler(NULL, NULL);
    ag_tape *other = ag_tape_create("untold", AG_F32);
    ag_reshape(ag_input(other, "x", AG_SHAPE(6)), AG_SHAPE(4));
    cr_expect_eq(told, 1, "the default handler was not restored");
    ag_tape_free(other);
    ag_tape_free(tape);
}

Test(tape, a_foreign_node_is_an_error_that_names_both_tapes) {
    ag_tape *here = ag_tape_create("here", AG_F32), *there = ag_tape_create("there", AG_F32);
    ag_node *failed = ag_add(ag_input(here, "a", AG_SHAPE(2)), ag_input(there, "b", AG_SHAPE(2)));
    cr_assert(ag_node_failed(failed));
    EXPECT_WORDS(ag_tape_error(here)->text, "add", "here", "there");
    cr_expect_eq(ag_tape_error(there)->status, AG_OK, "the other tape is blamed");
    ag_tape_free(here);
    ag_tape_free(there);
}

Test(tape, a_parameter_of_another_element_type_is_refused) {
    ag_parameter_set *set = ag_parameter_set_create("wide", AG_F64);
    ag_parameter *p = ag_parameter_add(set, "kernel", AG_SHAPE(2), AG_PARAMETER, NULL);
    ag_tape *tape = ag_tape_create("narrow", AG_F32);
    cr_assert(ag_node_failed(ag_read(tape, p)));
    EXPECT_WORDS(ag_tape_error(tape)->text, "kernel", "f64", "f32");
    ag_tape_free(tape);
    ag_parameter_set_free(set);
}

Test(tape, thawing_more_than_freezing_is_an_error) {
    ag_tape *tape = ag_tape_create("thaw", AG_F32);
    ag_freeze(tape);
    ag_thaw(tape);
    cr_expect_eq(ag_tape_error(tape)->status, AG_OK);
    ag_thaw(tape);
    cr_expect_eq(ag_tape_error(tape)->status, AG_STATUS_CONTRACT);
    ag_tape_free(tape);
}

// A broken rule each, with the words that its message must hold.
typedef struct rule {
    const char *what;
    ag_node *(*break_it)(ag_tape *tape);
    const char *words[6];
} rule;

static ag_node *in(ag_tape *tape, const char *name, ag_shape shape) { return ag_input(tape, name, shape); }
static ag_node *break_add(ag_tape *t) {
    return ag_add(in(t, "a", AG_SHAPE(2, 3)), in(t, "b", AG_SHAPE(3, 2)));
}
static ag_node *break_reshape(ag_tape *t) { return ag_reshape(in(t, "a", AG_SHAPE(6)), AG_SHAPE(4)); }
static ag_node *break_broadcast(ag_tape *t) { return ag_broadcast(in(t, "a", AG_SHAPE(3)), AG_SHAPE(3, 4)); }
static ag_node *break_transpose(ag_tape *t) {
    return ag_transpose(in(t, "a", AG_SHAPE(2, 3)), (int[]){1, 1});
}
static ag_node *break_slice(ag_tape *t) {
    return ag_slice(in(t, "a", AG_SHAPE(5)), (int64_t[]){3}, AG_SHAPE(4));
}
static ag_node *break_slice_rank(ag_tape *t) {
    return ag_slice(in(t, "a", AG_SHAPE(5, 2)), (int64_t[]){0, 0}, AG_SHAPE(4));
}
static ag_node *break_concat(ag_tape *t) {
    return ag_concat(2, (ag_node *[]){in(t, "a", AG_SHAPE(2, 3)), in(t, "b", AG_SHAPE(3, 3))}, 1);
}
static ag_node *break_concat_axis(ag_tape *t) {
    return ag_concat(1, (ag_node *[]){in(t, "a", AG_SHAPE(2, 3))}, 2);
}
static ag_node *break_pad(ag_tape *t) {
    return ag_pad(in(t, "a", AG_SHAPE(5)), (int64_t[]){-1}, (int64_t[]){0});
}
static ag_node *break_concat_count(ag_tape *t) {
    ag_node *nine[9];
    for (int i = 0; i < 9; i++) nine[i] = in(t, "a", AG_SHAPE(2));
    return ag_concat(9, nine, 0);
}
static ag_node *break_pad_size(ag_tape *t) {
    return ag_pad(in(t, "a", AG_SHAPE(5)), (int64_t[]){0}, (int64_t[]){INT64_C(1) << 41});
}
static ag_node *break_broadcast_size(ag_tape *t) {
    return ag_broadcast(in(t, "a", AG_SHAPE(1)), AG_SHAPE(1 << 30, 1 << 30));
}
static ag_node *break_sum(ag_tape *t) { return ag_sum_axes(in(t, "a", AG_SHAPE(2, 3)), AG_AXIS(2), false); }
static ag_node *break_sum_to(ag_tape *t) { return ag_sum_to(in(t, "a", AG_SHAPE(2, 3)), AG_SHAPE(2)); }
static ag_node *break_matmul(ag_tape *t) {
    return ag_matmul(in(t, "a", AG_SHAPE(2, 3)), in(t, "b", AG_SHAPE(4, 5)), false, false);
}
static ag_node *break_matmul_rank(ag_tape *t) {
    return ag_matmul(in(t, "a", AG_SHAPE(2, 3)), in(t, "b", AG_SHAPE(3)), false, false);
}
static ag_node *break_conv(ag_tape *t) {
    return ag_conv2d(in(t, "x", AG_SHAPE(1, 8, 8, 64)), in(t, "w", AG_SHAPE(3, 3, 128, 7)),
                     (ag_conv_params){0});
}
static ag_node *break_conv_rank(ag_tape *t) {
    return ag_conv2d(in(t, "x", AG_SHAPE(8, 8, 4)), in(t, "w", AG_SHAPE(3, 3, 4, 7)), (ag_conv_params){0});
}
static ag_node *break_conv_size(ag_tape *t) {
    return ag_conv2d(in(t, "x", AG_SHAPE(1, 2, 2, 4)), in(t, "w", AG_SHAPE(3, 3, 4, 7)),
                     (ag_conv_params){.padding = AG_PADDING_VALID});
}
static ag_node *break_conv_stride(ag_tape *t) {
    return ag_conv2d(in(t, "x", AG_SHAPE(1, 4, 4, 4)), in(t, "w", AG_SHAPE(3, 3, 4, 7)),
                     (ag_conv_params){.stride = -1});
}
static ag_node *break_conv_transpose(ag_tape *t) {
    return ag_conv2d_transpose(in(t, "x", AG_SHAPE(1, 4, 4, 5)), in(t, "w", AG_SHAPE(3, 3, 5, 7)),
                               (ag_conv_params){.stride = 2});
}
static ag_node *break_batch_norm(ag_tape *t) {
    ag_node *x = in(t, "x", AG_SHAPE(4, 3)), *mean = ag_batch_mean(x), *variance = ag_batch_variance(x, mean);
    return ag_batch_norm(x, mean, variance, in(t, "gamma", AG_SHAPE(5)), in(t, "beta", AG_SHAPE(3)), 1e-3);
}
static ag_node *break_clamp(ag_tape *t) { return ag_clamp(in(t, "x", AG_SHAPE(4)), 2, 1); }
static ag_node *break_input(ag_tape *t) { return ag_input(t, "empty", AG_SHAPE(4, 0)); }

static const rule rules[] = {
    {"add", break_add, {"add", "[2,3]", "[3,2]"}},
    {"reshape", break_reshape, {"reshape", "[6]", "[4]"}},
    {"broadcast", break_broadcast, {"broadcast", "[3]", "[3,4]"}},
    {"transpose", break_transpose, {"transpose"}},
    {"slice", break_slice, {"slice", "[5]"}},
    {"slice of another rank", break_slice_rank, {"slice", "[5,2]"}},
    {"concat", break_concat, {"concat", "[2,3]", "[3,3]"}},
    {"concat's axis", break_concat_axis, {"concat", "axis"}},
    {"pad", break_pad, {"pad", "-1"}},
    {"concat of nine", break_concat_count, {"concat", "9", "8"}},
    {"pad beyond 2^40", break_pad_size, {"pad"}},
    {"broadcast beyond 2^40", break_broadcast_size, {"broadcast"}},
    {"sum", break_sum, {"sum", "[2,3]"}},
    {"sum_to", break_sum_to, {"sum", "[2,3]", "[2]"}},
    {"matmul", break_matmul, {"matmul", "[2,3]", "[4,5]"}},
    {"matmul's rank", break_matmul_rank, {"matmul", "[3]"}},
    {"conv2d", break_conv, {"conv2d", "[1,8,8,64]", "[3,3,128,7]", "64", "128"}},
    {"conv2d's rank", break_conv_rank, {"conv2d", "[8,8,4]"}},
    {"conv2d's window", break_conv_size, {"conv2d", "[1,2,2,4]", "[3,3,4,7]"}},
    {"conv2d's stride", break_conv_stride, {"conv2d", "-1"}},
    {"conv2d_transpose", break_conv_transpose, {"conv2d", "[1,4,4,5]", "[3,3,5,7]"}},
    {"batch_norm", break_batch_norm, {"batch_norm", "[5]", "[4,3]"}},
    {"clamp", break_clamp, {"clamp", "2", "1"}},
    {"input", break_input, {"empty", "[4,0]"}},
};

Test(tape, every_broken_rule_names_op_shapes_and_rule) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        ag_tape *tape = ag_tape_create("rules", AG_F32);
        cr_expect(ag_node_failed(rules[i].break_it(tape)), "%s: a broken rule is accepted", rules[i].what);
        cr_expect_eq(ag_tape_error(tape)->status, AG_STATUS_CONTRACT, "%s: no contract error", rules[i].what);
        expect_words(ag_tape_error(tape)->text, rules[i].words);
        ag_tape_free(tape);
    }
}

Test(tape, the_label_of_the_culprit_is_in_the_message) {
    ag_tape *tape = ag_tape_create("labels", AG_F32);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(6));
    ag_scope_push(tape, "generator");
    ag_reshape(x, AG_SHAPE(4));
    EXPECT_WORDS(ag_tape_error(tape)->text, "generator");
    ag_tape_free(tape);
}

Test(tape, a_gradient_of_anything_but_a_scalar_is_refused_with_its_shape) {
    ag_tape *tape = ag_tape_create("loss", AG_F32);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(2, 3)), *gradient = NULL;
    cr_assert(!ag_gradient(tape, ag_tanh(x), 1, &x, &gradient));
    EXPECT_WORDS(ag_tape_error(tape)->text, "[2,3]", "scalar");
    ag_tape_free(tape);
}
