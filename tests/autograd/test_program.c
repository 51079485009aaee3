// SPDX-License-Identifier: MIT
// Programs: what they compute, prune, alias and refuse; effects
// come last; the arena is shared and small; the plan can be read.
#define _GNU_SOURCE  // memmem
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/autograd/networks.h"
#include "tests/autograd/run.h"
#include "tests/support/approx.h"
#include "tests/support/values.h"

#define BATCH 4

// A recorded loss of the critic with its gradients: the usual customer.
typedef struct step {
    critic d;
    ag_tape *tape;
    ag_node *x, *loss, *reads[CRITIC_PARAMETERS], *outputs[CRITIC_PARAMETERS + 1];
    ag_feed feed;
} step;

static void step_record(step *s, int64_t batch) {
    s->tape = ag_tape_create("step", AG_F64);
    s->x = ag_input(s->tape, "images", AG_SHAPE(batch, 6, 6, 1));
    for (int i = 0; i < CRITIC_PARAMETERS; i++)
        s->reads[i] = ag_read(s->tape, ag_parameter_set_at(s->d.set, i));
    s->loss = s->outputs[CRITIC_PARAMETERS] = loss_of_real(critic_from(s->reads, s->x));
    cr_assert(ag_gradient(s->tape, s->loss, CRITIC_PARAMETERS, s->reads, s->outputs), "%s",
              ag_tape_error(s->tape)->text);
    s->feed = (ag_feed){s->x, values_tensor(AG_F64, AG_SHAPE(batch, 6, 6, 1), VALUES_ANY, (uint64_t)batch)};
}

static void step_open(step *s, int64_t batch) {
    *s = (step){0};
    critic_create(&s->d, AG_F64, 2);
    step_record(s, batch);
}

static void step_end_recording(step *s) {
    ag_tensor_free((ag_tensor *)s->feed.value);
    ag_tape_free(s->tape);
}

static void step_close(step *s) {
    step_end_recording(s);
    ag_parameter_set_free(s->d.set);
}

static void expect_output(const char *what, const ag_program *program, ag_node *node, const ag_feed *feed) {
    ag_tensor *expected = run_evaluate(what, node, 1, feed), *actual = run_output(what, program, node);
    const char *bad = approx_tensor_difference(actual, expected->data, 1e-12, 1e-6);
    cr_expect(bad == NULL, "%s, %s: %s", what, ag_node_label(node), bad);
    ag_tensor_free(expected);
    ag_tensor_free(actual);
}

Test(program, outputs_equal_plain_evaluation_run_after_run) {
    step s;
    step_open(&s, BATCH);
    ag_program *program = run_compile("step", s.tape, CRITIC_PARAMETERS + 1, s.outputs);
    ag_program_poison(program, true);
    for (uint64_t run = 0; run < 3; run++) {
        values_fill(VALUES_ANY, 50 + run, BATCH * 36, s.feed.value->data);
        parameters_draw(s.d.set, 0.5, 60 + run);
        run_step("step", program, 1, &s.feed, (ag_clock){1, run});
        for (int i = 0; i <= CRITIC_PARAMETERS; i++) expect_output("step", program, s.outputs[i], &s.feed);
    }
    ag_program_free(program);
    step_close(&s);
}

Test(program, values_that_no_output_needs_are_pruned) {
    step s;
    step_open(&s, BATCH);
    ag_program *all = run_compile("all", s.tape, CRITIC_PARAMETERS + 1, s.outputs);
    ag_program *loss = run_compile("loss", s.tape, 1, &s.loss);
    ag_program_stats full = ag_program_get_stats(all), pruned = ag_program_get_stats(loss);
    cr_expect(pruned.flops < full.flops / 2, "%g FLOPs of %g remain without gradients", pruned.flops,
              full.flops);
    cr_expect(pruned.n_pruned > full.n_pruned && pruned.n_computed < full.n_computed);
    cr_expect(ag_program_step_count(loss) < ag_program_step_count(all));
    for (int i = 0; i < ag_program_step_count(loss); i++) {
        const char *op = ag_node_op(ag_program_step_node(loss, i));
        cr_expect(strstr(op, "gradient") == NULL, "step %d, %s, is computed for a loss alone", i, op);
    }
    ag_program_free(all);
    ag_program_free(loss);
    step_close(&s);
}

Test(program, an_input_that_is_not_used_is_accepted_and_not_required) {
    step s;
    step_open(&s, BATCH);
    ag_node *idle = ag_input(s.tape, "idle", AG_SHAPE(2));
    ag_program *program = run_compile("loss", s.tape, 1, &s.loss);
    ag_error error = {0};
    run_step("without", program, 1, &s.feed, (ag_clock){1, 1});
    cr_expect(ag_program_feed(program, idle, (double[]){1, 2}, AG_SHAPE(2), &error), "%s", error.text);
    cr_expect(ag_program_run(program, (ag_clock){1, 1}, &error), "%s", error.text);
    ag_program_free(program);
    step_close(&s);
}

Test(program, views_share_memory_and_pointwise_ops_work_in_place) {
    ag_tape *tape = ag_tape_create("views", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(6, 100)), *y = ag_scale(x, 2);
    for (int i = 0; i < 10; i++) y = ag_tanh(ag_reshape(y, i % 2 ? AG_SHAPE(6, 100) : AG_SHAPE(100, 6)));
    ag_node *sum = ag_sum(y);
    ag_program *program = run_compile("views", tape, 1, &sum);
    ag_program_stats stats = ag_program_get_stats(program);
    cr_expect_eq(stats.n_aliased, 10, "%d of 10 views share memory", stats.n_aliased);
    cr_expect(stats.n_inplace >= 10, "%d of 10 pointwise ops work in place", stats.n_inplace);
    cr_expect(stats.arena_bytes <= 2 * 600 * 8 + 1024, "a chain of equal size takes %lld bytes",
              (long long)stats.arena_bytes);
    ag_program_poison(program, true);
    ag_feed feed = {x, values_tensor(AG_F64, AG_SHAPE(6, 100), VALUES_ANY, 1)};
    run_step("views", program, 1, &feed, (ag_clock){1, 1});
    expect_output("views", program, sum, &feed);
    ag_tensor_free((ag_tensor *)feed.value);
    ag_program_free(program);
    ag_tape_free(tape);
}

// Each of these would be overwritten by an in-place op that looked at the wrong reader: a value that is read
// again later, an output, a view's base, an input, a parameter, a constant.
Test(program, in_place_work_spares_values_that_are_still_needed) {
    ag_parameter_set *set = ag_parameter_set_create("set", AG_F64);
    ag_parameter *p = ag_parameter_add(set, "p", AG_SHAPE(8), AG_PARAMETER, NULL);
    cr_assert(ag_parameter_set_seal(set, NULL));
    parameters_draw(set, 1, 1);
    ag_tape *tape = ag_tape_create("spared", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(8)), *read = ag_read(tape, p),
            *constant = ag_fill(tape, AG_SHAPE(8), 3);
    ag_node *a = ag_square(x), *view = ag_reshape(a, AG_SHAPE(2, 4));
    ag_node *outputs[] = {a,
                          ag_neg(a),
                          ag_exp(view),
                          ag_tanh(x),
                          ag_neg(read),
                          ag_neg(constant),
                          ag_add(a, a),
                          view,
                          x,
                          read,
                          constant,
                          ag_add(ag_neg(x), ag_mul(a, read))};
    enum { N = sizeof outputs / sizeof *outputs };
    ag_program *program = run_compile("spared", tape, N, outputs);
    ag_program_poison(program, true);
    ag_feed feed = {x, values_tensor(AG_F64, AG_SHAPE(8), VALUES_ANY, 2)};
    for (int run = 0; run < 2; run++) {
        run_step("spared", program, 1, &feed, (ag_clock){1, 1});
        for (int i = 0; i < N; i++) expect_output("spared", program, outputs[i], &feed);
    }
    ag_tensor_free((ag_tensor *)feed.value);
    ag_program_free(program);
    ag_tape_free(tape);
    ag_parameter_set_free(set);
}

// The sentence must hold all words.
static void expect_refusal(const char *what, bool succeeded, const ag_error *error,
                           const char *const *words) {
    cr_expect(!succeeded, "%s is accepted", what);
    cr_expect(error->status != AG_OK, "%s: no status", what);
    for (; *words; words++)
        cr_expect(strstr(error->text, *words), "%s: the message lacks \"%s\": %s", what, *words, error->text);
}
#define EXPECT_REFUSAL(what, succeeded, ...)                                              \
    do {                                                                                  \
        ag_error error = {0};                                                             \
        bool accepted = (succeeded);                                                      \
        expect_refusal(what, accepted, &error, (const char *const[]){__VA_ARGS__, NULL}); \
    } while (0)

Test(program, outputs_are_stale_before_a_run_and_after_a_feed) {
    step s;
    step_open(&s, BATCH);
    ag_program *program = run_compile("loss", s.tape, 1, &s.loss);
    EXPECT_REFUSAL("an output before the first run", ag_program_output(program, s.loss, &error) != NULL,
                   "stale");
    run_step("loss", program, 1, &s.feed, (ag_clock){1, 1});
    cr_expect(ag_program_output(program, s.loss, NULL) != NULL);
    cr_assert(ag_program_feed(program, s.x, s.feed.value->data, s.feed.value->shape, NULL));
    EXPECT_REFUSAL("an output after a feed", ag_program_output(program, s.loss, &error) != NULL, "stale");
    cr_assert(ag_program_run(program, (ag_clock){1, 1}, NULL));
    cr_expect(ag_program_output(program, s.loss, NULL) != NULL);
    double *memory = ag_program_input(program, s.x, NULL);
    cr_assert_not_null(memory);
    EXPECT_REFUSAL("an output after the input's memory was taken",
                   ag_program_output(program, s.loss, &error) != NULL, "stale");
    memcpy(memory, s.feed.value->data, BATCH * 36 * sizeof *memory);
    cr_assert(ag_program_run(program, (ag_clock){1, 1}, NULL));
    expect_output("after writing the input's memory", program, s.loss, &s.feed);
    ag_program_free(program);
    step_close(&s);
}

Test(program, what_is_no_output_is_refused_by_name) {
    step s;
    step_open(&s, BATCH);
    ag_program *program = run_compile("loss", s.tape, 1, &s.loss);
    run_step("loss", program, 1, &s.feed, (ag_clock){1, 1});
    EXPECT_REFUSAL("a value that is no output", ag_program_output(program, s.outputs[0], &error) != NULL,
                   "output", ag_node_label(s.outputs[0]));
    ag_program_free(program);
    step_close(&s);
}

Test(program, a_run_with_an_input_never_fed_names_the_input) {
    step s;
    step_open(&s, BATCH);
    ag_program *program = run_compile("loss", s.tape, 1, &s.loss);
    EXPECT_REFUSAL("a run without images", ag_program_run(program, (ag_clock){1, 1}, &error), "images",
                   "fed");
    cr_assert(ag_program_input(program, s.x, NULL) != NULL);
    cr_expect(ag_program_run(program, (ag_clock){1, 1}, NULL),
              "writing through the input's memory does not count");
    ag_program_free(program);
    step_close(&s);
}

Test(program, a_feed_of_another_shape_names_both) {
    step s;
    step_open(&s, BATCH);
    ag_program *program = run_compile("loss", s.tape, 1, &s.loss);
    EXPECT_REFUSAL("a short batch",
                   ag_program_feed(program, s.x, s.feed.value->data, AG_SHAPE(3, 6, 6, 1), &error), "images",
                   "[3,6,6,1]", "[4,6,6,1]");
    EXPECT_REFUSAL("a number for images", ag_program_feed_scalar(program, s.x, 1, &error), "images",
                   "[4,6,6,1]");
    EXPECT_REFUSAL("feeding what is no input",
                   ag_program_feed(program, s.loss, s.feed.value->data, AG_SHAPE(), &error), "input");
    ag_program_free(program);
    step_close(&s);
}

Test(program, nodes_of_another_tape_are_refused_naming_both_tapes) {
    step s;
    step_open(&s, BATCH);
    ag_tape *other = ag_tape_create("elsewhere", AG_F64);
    ag_node *foreign = ag_input(other, "x", AG_SHAPE(BATCH, 6, 6, 1));
    ag_program *program = run_compile("loss", s.tape, 1, &s.loss);
    EXPECT_REFUSAL("a foreign input",
                   ag_program_feed(program, foreign, s.feed.value->data, s.feed.value->shape, &error),
                   "elsewhere", "step");
    run_step("loss", program, 1, &s.feed, (ag_clock){1, 1});
    EXPECT_REFUSAL("a foreign output", ag_program_output(program, foreign, &error) != NULL, "elsewhere",
                   "step");
    EXPECT_REFUSAL("compiling a foreign node", ag_program_compile(s.tape, 1, &foreign, NULL, &error) != NULL,
                   "elsewhere", "step");
    ag_program_free(program);
    ag_tape_free(other);
    step_close(&s);
}

// w := w - g and an output that reads w: the output and the other effect see the value before the step.
Test(program, effects_run_last_and_every_read_sees_the_value_before_the_step) {
    ag_parameter_set *set = ag_parameter_set_create("set", AG_F64);
    ag_parameter *w = ag_parameter_add(set, "w", AG_SHAPE(3), AG_PARAMETER, NULL);
    ag_parameter *copy = ag_parameter_add(set, "copy", AG_SHAPE(3), AG_BUFFER, NULL);
    cr_assert(ag_parameter_set_seal(set, NULL));
    double *now = ag_parameter_values(w), *old = ag_parameter_values(copy);
    ag_tape *tape = ag_tape_create("effects", AG_F64);
    ag_assign(w, ag_add_scalar(ag_read(tape, w), 1));  // recorded first, runs after every read
    ag_assign(copy, ag_read(tape, w));
    ag_node *seen = ag_read(tape, w), *twice = ag_scale(ag_read(tape, w), 2), *outputs[2] = {seen, twice};
    ag_program *program = run_compile("effects", tape, 2, outputs);
    for (int run = 0; run < 4; run++) {
        cr_assert(ag_program_run(program, (ag_clock){1, 1}, NULL));
        const double *saw = ag_program_output(program, seen, NULL),
                     *doubled = ag_program_output(program, twice, NULL);
        for (int i = 0; i < 3; i++) {
            cr_expect(saw[i] == run, "run %d: an output sees %g", run, saw[i]);
            cr_expect(doubled[i] == 2 * run, "run %d: a reader sees %g", run, doubled[i] / 2);
            cr_expect(old[i] == run, "run %d: the other effect sees %g", run, old[i]);
            cr_expect(now[i] == run + 1, "run %d: the parameter is %g", run, now[i]);
        }
    }
    ag_program_free(program);
    ag_tape_free(tape);
    ag_parameter_set_free(set);
}

// Two parameters swapped: each effect's value must be read
// before either is written, although assign has no other work.
Test(program, two_effects_may_exchange_parameters) {
    ag_parameter_set *set = ag_parameter_set_create("set", AG_F64);
    ag_parameter *a = ag_parameter_add(set, "a", AG_SHAPE(3), AG_PARAMETER, NULL);
    ag_parameter *b = ag_parameter_add(set, "b", AG_SHAPE(3), AG_PARAMETER, NULL);
    cr_assert(ag_parameter_set_seal(set, NULL));
    for (int i = 0; i < 3; i++) {
        ((double *)ag_parameter_values(a))[i] = 1 + i;
        ((double *)ag_parameter_values(b))[i] = 10 + i;
    }
    ag_tape *tape = ag_tape_create("swap", AG_F64);
    ag_node *read_a = ag_read(tape, a), *read_b = ag_read(tape, b);
    ag_assign(a, read_b);
    ag_assign(b, read_a);
    ag_program *program = run_compile("swap", tape, 0, NULL);
    cr_assert(ag_program_run(program, (ag_clock){1, 1}, NULL));
    for (int i = 0; i < 3; i++)
        cr_expect(
            ((double *)ag_parameter_values(a))[i] == 10 + i && ((double *)ag_parameter_values(b))[i] == 1 + i,
            "entry %d: a is %g, b is %g", i, ((double *)ag_parameter_values(a))[i],
            ((double *)ag_parameter_values(b))[i]);
    ag_program_free(program);
    ag_tape_free(tape);
    ag_parameter_set_free(set);
}

Test(program, a_second_effect_on_one_parameter_is_refused_by_name) {
    critic d;
    critic_create(&d, AG_F64, 1);
    ag_tape *tape = ag_tape_create("twice", AG_F64);
    ag_node *value = ag_fill(tape, d.w1->shape, 1);
    cr_expect(!ag_node_failed(ag_assign(d.w1, value)));
    cr_expect(ag_node_failed(ag_assign(d.w1, value)), "a second effect is accepted");
    cr_expect(strstr(ag_tape_error(tape)->text, "w1"), "%s", ag_tape_error(tape)->text);
    ag_tape_free(tape);
    ag_parameter_set_free(d.set);
}

Test(program, a_second_batch_size_is_a_second_program_over_the_same_parameters) {
    step whole, rest;
    step_open(&whole, BATCH);
    rest = (step){.d = whole.d};
    step_record(&rest, 3);
    ag_program *first = run_compile("whole", whole.tape, 1, &whole.loss);
    ag_program *second = run_compile("rest", rest.tape, 1, &rest.loss);
    for (uint64_t run = 0; run < 2; run++) {
        parameters_draw(whole.d.set, 0.7, 70 + run);
        run_step("whole", first, 1, &whole.feed, (ag_clock){1, 1});
        run_step("rest", second, 1, &rest.feed, (ag_clock){1, 1});
        expect_output("whole", first, whole.loss, &whole.feed);
        expect_output("rest", second, rest.loss, &rest.feed);
    }
    ag_program_free(first);
    ag_program_free(second);
    step_end_recording(&rest);
    step_close(&whole);
}

Test(program, programs_share_a_workspace_of_the_largest_and_keep_their_outputs) {
    step large, small;
    step_open(&large, 9);
    small = (step){.d = large.d};
    step_record(&small, 2);
    ag_workspace *workspace = ag_workspace_create();
    ag_error error = {0};
    ag_program *a = ag_program_compile(small.tape, CRITIC_PARAMETERS + 1, small.outputs, workspace, &error);
    int64_t for_small = ag_workspace_bytes(workspace);
    ag_program *b = ag_program_compile(large.tape, CRITIC_PARAMETERS + 1, large.outputs, workspace, &error);
    cr_assert(a && b, "%s", error.text);
    cr_expect(for_small < ag_workspace_bytes(workspace));
    cr_expect_eq(ag_workspace_bytes(workspace), ag_program_get_stats(b).arena_bytes);
    ag_program_poison(a, true);
    ag_program_poison(b, true);
    run_step("small", a, 1, &small.feed, (ag_clock){1, 1});
    run_step("large", b, 1, &large.feed, (ag_clock){1, 1});
    for (int i = 0; i <= CRITIC_PARAMETERS; i++) {
        expect_output("small, after the large one ran", a, small.outputs[i], &small.feed);
        expect_output("large", b, large.outputs[i], &large.feed);
    }
    run_step("small again", a, 1, &small.feed, (ag_clock){1, 1});
    expect_output("small again", a, small.loss, &small.feed);
    ag_program_free(a);
    ag_program_free(b);
    ag_workspace_free(workspace);
    step_end_recording(&small);
    step_close(&large);
}

Test(program, the_tape_may_grow_after_compiling) {
    step s;
    step_open(&s, BATCH);
    ag_program *program = run_compile("loss", s.tape, 1, &s.loss);
    int steps = ag_program_step_count(program);
    ag_node *more = ag_square(s.loss);
    run_step("loss", program, 1, &s.feed, (ag_clock){1, 1});
    expect_output("loss", program, s.loss, &s.feed);
    cr_expect_eq(ag_program_step_count(program), steps);
    cr_expect(ag_program_output(program, more, NULL) == NULL, "a node recorded later is an output");
    ag_program_free(program);
    step_close(&s);
}

// A deep dense net with the gradients of its weights: activations live long, everything else briefly.
Test(program, the_arena_is_smaller_than_the_sum_of_all_values) {
    enum { DEPTH = 8, WIDTH = 40, ROWS = 64 };
    ag_tape *tape = ag_tape_create("deep", AG_F64);
    ag_node *y = ag_input(tape, "x", AG_SHAPE(ROWS, WIDTH)), *weights[DEPTH], *gradients[DEPTH];
    for (int i = 0; i < DEPTH; i++) {
        weights[i] = ag_input(tape, "w", AG_SHAPE(WIDTH, WIDTH));
        y = ag_tanh(ag_add_scalar(ag_matmul(y, weights[i], false, false), 0.1));
    }
    cr_assert(ag_gradient(tape, ag_mean(ag_square(y)), DEPTH, weights, gradients));
    ag_program *program = run_compile("deep", tape, DEPTH, gradients);
    ag_program_stats stats = ag_program_get_stats(program);
    cr_expect(stats.arena_bytes > 0 && stats.arena_bytes < stats.values_bytes / 2, "arena %lld of %lld bytes",
              (long long)stats.arena_bytes, (long long)stats.values_bytes);
    cr_expect_eq(stats.n_nodes, ag_tape_count(tape));
    ag_program_free(program);
    ag_tape_free(tape);
}

// Some line of the text holds both words.
static void expect_line(const char *text, const char *label, const char *state) {
    size_t length;
    for (const char *line = text; *line; line += length + (line[length] == '\n')) {
        length = strcspn(line, "\n");
        if (memmem(line, length, label, strlen(label)) && memmem(line, length, state, strlen(state))) return;
    }
    cr_expect(false, "no line says that %s is %s:\n%s", label, state, text);
}

Test(program, the_plan_prints_a_line_per_node_and_the_sums) {
    step s;
    step_open(&s, BATCH);
    ag_scope_push(s.tape, "idle");
    ag_node *idle = ag_exp(s.loss);  // pruned
    ag_scope_pop(s.tape);
    ag_freeze(s.tape);
    ag_node *frozen = ag_sum(ag_read(s.tape, s.d.w1));
    ag_thaw(s.tape);
    s.outputs[0] = frozen;
    ag_program *program = run_compile("step", s.tape, CRITIC_PARAMETERS + 1, s.outputs);
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);
    ag_program_describe(program, stream);
    fclose(stream);
    for (int i = 0; i < ag_tape_count(s.tape); i++)
        cr_expect(strstr(text, ag_node_label(ag_tape_at(s.tape, i))), "the plan lacks %s:\n%s",
                  ag_node_label(ag_tape_at(s.tape, i)), text);
    int lines = 0;
    for (const char *at = text; *at; at++) lines += *at == '\n';
    cr_expect(lines > ag_tape_count(s.tape), "%d lines for %d nodes", lines, ag_tape_count(s.tape));
    expect_line(text, "idle/exp", "pruned");
    expect_line(text, "w1", "frozen");
    expect_line(text, "reshape", "aliased");
    static const char *const places[] = {" arena+0\n", " parameter\n", " input\n", " output\n",
                                         " constant\n"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        cr_expect(strstr(text, places[i]), "no value lies at%s:\n%s", places[i], text);
    cr_expect(strstr(text, "computed") && strstr(text, "pruned") && strstr(text, "aliased"), "%s", text);
    cr_expect(strstr(text, "FLOP") && strstr(text, "arena"), "no sums:\n%s", text);
    cr_expect(!ag_node_failed(idle));
    free(text);
    ag_program_free(program);
    step_close(&s);
}

Test(program, the_first_value_that_is_not_finite_is_named) {
    ag_tape *tape = ag_tape_create("nonfinite", AG_F64);
    ag_node *x = ag_input(tape, "x", AG_SHAPE(2));
    ag_scope_push(tape, "culprit");
    ag_node *root = ag_log(x);
    ag_scope_pop(tape);
    ag_node *sum = ag_sum(ag_square(root));
    ag_program *program = run_compile("nonfinite", tape, 1, &sum);
    cr_assert(ag_program_feed(program, x, (double[]){1, 2}, AG_SHAPE(2), NULL));
    cr_assert(ag_program_run(program, (ag_clock){1, 1}, NULL));
    cr_expect_null(ag_program_find_nonfinite(program, (ag_clock){1, 1}));
    cr_assert(ag_program_feed(program, x, (double[]){1, -2}, AG_SHAPE(2), NULL));
    cr_assert(ag_program_run(program, (ag_clock){1, 1}, NULL));
    const char *label = ag_program_find_nonfinite(program, (ag_clock){1, 1});
    cr_assert(label != NULL, "a NaN is not found");
    cr_expect_str_eq(label, ag_node_label(root));
    ag_program_free(program);
    ag_tape_free(tape);
}

Test(program, scalars_are_fed_and_read_as_numbers) {
    for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
        ag_tape *tape = ag_tape_create("scalars", dtype);
        ag_node *x = ag_input(tape, "x", AG_SHAPE()), *y = ag_add_scalar(ag_square(x), 0.5);
        ag_program *program = run_compile("scalars", tape, 1, &y);
        cr_assert(ag_program_feed_scalar(program, x, 1.5, NULL));
        cr_assert(ag_program_run(program, (ag_clock){1, 1}, NULL));
        cr_expect(ag_program_output_scalar(program, y, NULL) == 2.75);
        ag_program_free(program);
        ag_tape_free(tape);
    }
    ag_program_free(NULL);
    ag_workspace_free(NULL);
}
