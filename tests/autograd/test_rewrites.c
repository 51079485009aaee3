// SPDX-License-Identifier: MIT
// Rewrites: a program with them has the bits of one without; each fires where it should, by its row here, and leaves
// alone what somebody else reads.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/autograd/run.h"
#include "tests/support/values.h"

enum { MOST = 8 };

// Nodes of a case: what is fed, and what is asked for.
typedef struct graph {
    ag_tape *tape;
    ag_node *x, *w, *bias, *vector[4];
    ag_node *outputs[MOST];
    int n_outputs;
} graph;

typedef struct row {
    const char *name;  // of a rewrite
    void (*record)(graph *g);
    int fused;   // nodes that the rewrites take away; with this one alone switched off, fewer
    int others;  // of which other rewrites take as many
} row;

static void output(graph *g, ag_node *node) { g->outputs[g->n_outputs++] = node; }

// y with its gradients for x, w and the bias.
static void output_gradients(graph *g, ag_node *y) {
    ag_node *wrt[] = {g->x, g->w, g->bias}, *gradients[3];
    cr_assert(ag_gradient(g->tape, ag_sum(ag_mul(y, y)), 3, wrt, gradients), "%s",
              ag_tape_error(g->tape)->text);
    output(g, y);
    for (int i = 0; i < 3; i++) output(g, gradients[i]);
}

static ag_node *convolved(graph *g) { return ag_conv2d(g->x, g->w, (ag_conv_params){0}); }

static void a_layer(graph *g) { output_gradients(g, ag_leaky_relu(ag_add(convolved(g), g->bias), 0.1)); }

static void a_transposed_layer(graph *g) {
    output(g, ag_relu(ag_add(g->bias, ag_conv2d_transpose(g->x, g->w, (ag_conv_params){.stride = 2}))));
}

static void a_layer_without_bias(graph *g) { output(g, ag_leaky_relu(convolved(g), 0.1)); }

static void a_slope_that_is_0_in_f32(graph *g) { output(g, ag_leaky_relu(convolved(g), 1e-50)); }

static void a_normalized_layer(graph *g) {
    ag_node *mean = ag_batch_mean(g->x), *variance = ag_batch_variance(g->x, mean);
    output(g, ag_leaky_relu(ag_batch_norm(g->x, mean, variance, g->vector[0], g->vector[1], 1e-3), 0.2));
    ag_node *fixed =
        ag_batch_norm_fixed(g->x, g->vector[0], ag_square(g->vector[1]), g->vector[2], g->vector[3], 1e-3);
    output(g, ag_leaky_relu(fixed, 0));
}

static void an_activation_alone(graph *g) {
    ag_node *x = ag_add(ag_mul(g->x, g->x), g->vector[0]), *gradient;
    cr_assert(ag_gradient(g->tape, ag_sum(ag_leaky_relu(ag_tanh(x), 0.1)), 1, &g->x, &gradient));
    output(g, gradient);
}

static void shared_values(graph *g) {
    ag_node *y = convolved(g), *biased = ag_add(convolved(g), g->bias);
    ag_node *mean = ag_batch_mean(g->x), *variance = ag_batch_variance(g->x, mean);
    ag_node *n = ag_batch_norm(g->x, mean, variance, g->vector[0], g->vector[1], 1e-3);
    output(g, ag_add(ag_add(y, g->bias), ag_leaky_relu(y, 0.1)));  // the convolution is read twice
    output(g, ag_mul(ag_leaky_relu(biased, 0.1), biased));  // and so is its sum with the bias: one fuses
    output(g, n);                                           // asked for itself
    output(g, ag_leaky_relu(n, 0.2));
    output(g, ag_add(convolved(g), ag_mean(g->w)));  // no bias: a scalar
    output(g, ag_add(convolved(g), convolved(g)));
}

static void a_negative_slope(graph *g) {
    ag_node *y = ag_leaky_relu(ag_tanh(g->x), -0.5), *gradient;
    cr_assert(ag_gradient(g->tape, ag_sum(y), 1, &g->x, &gradient));
    output(g, y);
    output(g, gradient);
}

static const row rows[] = {
    {"convolution_epilogue", a_layer, 2, 0},
    {"convolution_epilogue", a_transposed_layer, 2, 0},
    {"convolution_epilogue", a_layer_without_bias, 1, 0},
    {"convolution_epilogue", a_slope_that_is_0_in_f32, 1, 0},
    {"batch_norm_leaky_relu", a_normalized_layer, 2, 0},
    {"leaky_relu_sign", a_layer, 2, 1},  // without it the sum with the bias stays for its gradient
    {NULL, an_activation_alone, 0, 0},
    {NULL, shared_values, 1, 1},
    {NULL, a_negative_slope, 0, 0},
};

static void graph_open(graph *g, ag_dtype dtype, void (*record)(graph *g)) {
    *g = (graph){.tape = ag_tape_create("rewritten", dtype)};
    g->x = ag_input(g->tape, "x", AG_SHAPE(3, 6, 5, 4));
    g->w = ag_input(g->tape, "w", AG_SHAPE(3, 3, 4, 4));
    g->bias = ag_input(g->tape, "bias", AG_SHAPE(4));
    for (int i = 0; i < 4; i++) g->vector[i] = ag_input(g->tape, "vector", AG_SHAPE(4));
    record(g);
}

static void feed(ag_program *program, const ag_node *input, ag_dtype dtype, uint64_t seed) {
    ag_tensor *values = values_tensor(dtype, ag_node_shape(input), VALUES_ANY, seed);
    cr_assert(ag_program_feed(program, input, values->data, values->shape, NULL));
    ag_tensor_free(values);
}

static ag_program *compile(const graph *g, ag_dtype dtype, const char *rewrites) {
    ag_error error = {0};
    setenv("AG_REWRITES", rewrites, 1);
    ag_program *program = ag_program_compile(g->tape, g->n_outputs, g->outputs, NULL, &error);
    unsetenv("AG_REWRITES");
    cr_assert(program, "%s", error.text);
    feed(program, g->x, dtype, 1), feed(program, g->w, dtype, 2), feed(program, g->bias, dtype, 3);
    for (uint64_t i = 0; i < 4; i++) feed(program, g->vector[i], dtype, 4 + i);
    ag_program_poison(program, true);
    cr_assert(ag_program_run(program, (ag_clock){0}, &error), "%s", error.text);
    return program;
}

static int fused_by(const graph *g, ag_dtype dtype, const char *rewrites) {
    ag_program *program = compile(g, dtype, rewrites);
    const int fused = ag_program_get_stats(program).n_fused;
    ag_program_free(program);
    return fused;
}

static void expect_same_bits(const graph *g, ag_dtype dtype, int at) {
    ag_program *plain = compile(g, dtype, "none"), *rewritten = compile(g, dtype, "");
    for (int i = 0; i < g->n_outputs; i++) {
        const ag_shape shape = ag_node_shape(g->outputs[i]);
        const void *a = ag_program_output(plain, g->outputs[i], NULL),
                   *b = ag_program_output(rewritten, g->outputs[i], NULL);
        cr_expect(a && b && memcmp(a, b, (size_t)ag_shape_bytes(shape, dtype)) == 0,
                  "row %d, output %d (%s): other bits", at, i, ag_node_label(g->outputs[i]));
    }
    ag_program_free(plain);
    ag_program_free(rewritten);
}

Test(rewrites, change_no_bit_and_take_away_what_the_row_says) {
    for (int at = 0; at < (int)(sizeof rows / sizeof *rows); at++)
        for (int dtype = AG_F32; dtype <= AG_F64; dtype++) {
            graph g;
            graph_open(&g, (ag_dtype)dtype, rows[at].record);
            expect_same_bits(&g, (ag_dtype)dtype, at);
            cr_expect_eq(fused_by(&g, (ag_dtype)dtype, ""), rows[at].fused, "row %d", at);
            cr_expect_eq(fused_by(&g, (ag_dtype)dtype, "none"), 0);
            char off[64] = "-";
            if (rows[at].name)
                cr_expect_eq(fused_by(&g, (ag_dtype)dtype, strcat(off, rows[at].name)), rows[at].others,
                             "row %d", at);
            ag_tape_free(g.tape);
        }
}

Test(rewrites, have_a_row_each) {
    static const char *const names[] = {
#define AG_REWRITE(name) #name,
#include "autograd/rewrite_list.def"
#undef AG_REWRITE
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int n = 0;
        for (size_t at = 0; at < sizeof rows / sizeof *rows; at++)
            n += rows[at].name && strcmp(rows[at].name, names[i]) == 0;
        cr_expect(n > 0, "rewrite %s has no row", names[i]);
    }
}

Test(rewrites, are_told_in_the_plan) {
    graph g;
    graph_open(&g, AG_F32, a_layer);
    ag_program *program = compile(&g, AG_F32, "");
    char *text;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    ag_program_describe(program, stream);
    fclose(stream);
    cr_expect(strstr(text, "\nfused     conv2d ") && strstr(text, "\nfused     add "), "%s", text);
    cr_expect(strstr(text, "\ncomputed  conv2d "), "%s", text);
    cr_expect(strstr(text, " 2 fused, "), "%s", text);
    free(text);
    ag_program_free(program);
    ag_tape_free(g.tape);
}
