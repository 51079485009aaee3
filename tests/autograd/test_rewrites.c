// SPDX-License-Identifier: MIT
// Rewrites: a program with them has the bits of one without; each fires where
// it should, by its row here, and leaves alone what somebody else reads.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/autograd/run.h"
#include "tests/support/values.h"

enum { MOST = 8 };

enum { ROWS = 40, WIDE = 1037 };  // three blocks of rows, no whole number of vectors

// Nodes of a case: what is fed, what is asked for, and what its effects write.
typedef struct graph {
    ag_tape *tape;
    ag_node *x, *w, *bias, *vector[4], *wide;
    ag_node *outputs[MOST];
    int n_outputs;
    ag_parameter_set *net, *states[2];  // NULL: none
} graph;

typedef struct row {
    const char *name;  // of a rewrite
    void (*record)(graph *g);
    int changed;  // nodes that are gone or are others than recorded
    int others;   // the same with this rewrite alone switched off
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

static ag_node *normalized(ag_node *x, ag_node *gamma, ag_node *beta) {
    ag_node *mean = ag_batch_mean(x);
    return ag_batch_norm(x, mean, ag_batch_variance(x, mean), gamma, beta, 1e-3);
}

static void output_gradients_of(graph *g, ag_node *loss, int n, ag_node *const *wrt) {
    ag_node *gradients[MOST];
    cr_assert(ag_gradient(g->tape, loss, n, wrt, gradients), "%s", ag_tape_error(g->tape)->text);
    for (int i = 0; i < n; i++) output(g, gradients[i]);
}

// The squares, so that the gradient that arrives is not the same everywhere.
static ag_node *loss_of(ag_node *y) { return ag_sum(ag_mul(y, y)); }

static void a_normalized_gradient(graph *g) {
    ag_node *y = ag_leaky_relu(normalized(g->x, g->vector[0], g->vector[1]), 0.2);
    output(g, y);
    output_gradients_of(g, loss_of(y), 3, (ag_node *[]){g->vector[1], g->x, g->vector[0]});
}

static ag_node *row_of(ag_node *x, int64_t at) {
    return ag_reshape(ag_slice(x, (int64_t[]){at, 0}, AG_SHAPE(1, WIDE)), AG_SHAPE(WIDE));
}

static void a_wide_normalized_gradient(graph *g) {
    ag_node *gamma = row_of(g->wide, 3), *beta = row_of(g->wide, 4);
    output_gradients_of(g, loss_of(ag_relu(normalized(g->wide, gamma, beta))), 3,
                        (ag_node *[]){gamma, g->wide, beta});
}

static void a_normalized_gradient_of_x_alone(graph *g) {
    ag_node *y = ag_leaky_relu(normalized(g->x, g->vector[0], g->vector[1]), -0.5);
    output_gradients_of(g, loss_of(y), 1, &g->x);
}

// Nothing to gain, or not the same bits
static void other_normalized_gradients(graph *g) {
    ag_node *gamma = g->vector[0], *beta = g->vector[1];
    output_gradients_of(g, loss_of(ag_leaky_relu(normalized(g->x, gamma, beta), 0.2)), 1, &gamma);  // no dx
    ag_node *column = ag_reshape(g->x, AG_SHAPE(360, 1)), *one = ag_mean_axes(gamma, AG_AXIS(0), true);
    output_gradients_of(g, loss_of(ag_relu(normalized(column, one, one))), 1, &column);
    ag_node *fixed = ag_batch_norm_fixed(g->x, gamma, ag_square(beta), g->vector[2], g->vector[3], 1e-3);
    output_gradients_of(g, loss_of(ag_tanh(fixed)), 1, &g->x);
}

// What reaches the normalization is asked for, or read by somebody else too.
static void shared_normalized_gradients(graph *g) {
    ag_node *wrt[] = {normalized(g->x, g->vector[0], g->vector[1]), g->x}, *gradients[2];
    output_gradients_of(g, loss_of(ag_leaky_relu(wrt[0], 0.2)), 2, wrt);
    wrt[0] = normalized(g->x, g->vector[2], g->vector[3]);
    cr_assert(ag_gradient(g->tape, loss_of(ag_leaky_relu(wrt[0], 0.3)), 2, wrt, gradients));
    output(g, ag_tanh(gradients[0]));
    output(g, gradients[1]);
}

static ag_node *fixed(graph *g, ag_node *x) {
    return ag_batch_norm_fixed(x, g->vector[0], ag_square(g->vector[1]), g->vector[2], g->vector[3], 1e-3);
}

static void a_generating_layer(graph *g) {
    output(g, ag_leaky_relu(fixed(g, ag_add(convolved(g), g->bias)), 0.2));
    output(g, ag_relu(fixed(g, ag_conv2d_transpose(g->x, g->w, (ag_conv_params){.stride = 2}))));
}

static void generating_layers_without_activation(graph *g) {
    output(g, ag_tanh(fixed(g, ag_add(g->bias, convolved(g)))));
    output(g, fixed(g, convolved(g)));
    output(g, ag_relu(ag_leaky_relu(fixed(g, convolved(g)), -0.5)));
    output(g, ag_add(fixed(g, convolved(g)), g->bias));  // which stays
}

// `wide`'s row as weights or a vector, from its element `first` on
static ag_node *part_of(graph *g, int64_t at, int64_t first, ag_shape shape) {
    const int64_t n = ag_shape_size(shape);
    return ag_reshape(ag_slice(g->wide, (int64_t[]){at, first}, AG_SHAPE(1, n)), shape);
}

static ag_node *fixed_of(graph *g, ag_node *x, int64_t first, int64_t channels) {
    ag_node *vector[4];
    for (int i = 0; i < 4; i++) vector[i] = part_of(g, 2 + i, first, AG_SHAPE(channels));
    return ag_batch_norm_fixed(x, vector[0], ag_square(vector[1]), vector[2], vector[3], 1e-3);
}

// Vectors of outputs with some left over, then a single output; then most pixels without one of x.
static void a_generator(graph *g) {
    ag_node *first = part_of(g, 0, 0, AG_SHAPE(3, 3, 4, 21)), *bias = part_of(g, 1, 0, AG_SHAPE(21));
    ag_node *last = part_of(g, 7, 0, AG_SHAPE(3, 3, 21, 1)),
            *sparse = part_of(g, 8, 0, AG_SHAPE(1, 2, 20, 4));
    ag_node *h = ag_add(ag_conv2d(g->x, first, (ag_conv_params){0}), bias);
    h = ag_leaky_relu(fixed_of(g, h, 0, 21), 0.1);
    output(g, ag_relu(fixed_of(g, ag_conv2d(h, last, (ag_conv_params){0}), 50, 1)));
    output(g, fixed_of(g, ag_conv2d_transpose(g->x, sparse, (ag_conv_params){.stride = 3}), 60, 20));
}

// The convolution, or its sum with the bias, has another reader, among them the normalization's own moments.
static void shared_generating_layers(graph *g) {
    ag_node *y = convolved(g), *biased = ag_add(convolved(g), g->bias), *own = convolved(g);
    output(g, y);
    output(g, fixed(g, y));
    output(g, ag_mul(ag_leaky_relu(fixed(g, biased), 0.2), biased));
    output(g, normalized(own, g->vector[0], g->vector[1]));
    output(g, fixed(g, ag_leaky_relu(convolved(g), 0.2)));  // an activation before the normalization
}

static void views_of_a_layer(graph *g) {
    ag_node *y = ag_leaky_relu(ag_add(convolved(g), g->bias), 0.1);
    output(g, ag_reshape(y, AG_SHAPE(30, 12)));
    output(g, ag_reshape(y, AG_SHAPE(360)));
    ag_node *z = ag_leaky_relu(normalized(y, g->vector[0], g->vector[1]), 0.1);
    output(g, ag_reshape(z, AG_SHAPE(12, 30)));
    output_gradients_of(g, loss_of(ag_reshape(z, AG_SHAPE(90, 4))), 1, &g->x);
}

static void views_of_what_would_go(graph *g) {
    ag_node *y = convolved(g), *z = normalized(g->x, g->vector[0], g->vector[1]);
    output(g, ag_reshape(y, AG_SHAPE(360)));
    output(g, ag_leaky_relu(ag_add(y, g->bias), 0.1));
    output(g, ag_reshape(z, AG_SHAPE(90, 4)));
    output(g, ag_leaky_relu(z, 0.1));
    output(g, ag_add(ag_reshape(convolved(g), AG_SHAPE(90, 4)), g->bias));
}

static ag_node *product_of(graph *g, ag_shape a, ag_shape b) {
    return ag_matmul(part_of(g, 0, 0, a), part_of(g, 1, 0, b), false, false);
}

static ag_node *wide_product(graph *g) { return product_of(g, AG_SHAPE(8, 15), AG_SHAPE(15, 69)); }

// Vectors of columns with some left over, a transposed, and several tasks.
static void wide_products(graph *g) {
    ag_node *bias = part_of(g, 2, 5, AG_SHAPE(69)), *many = part_of(g, 2, 0, AG_SHAPE(WIDE));
    output(g, ag_tanh(ag_add(wide_product(g), bias)));
    output(g, ag_add(bias, wide_product(g)));
    output(g, ag_add(ag_matmul(part_of(g, 3, 0, AG_SHAPE(ROWS, 9)), g->wide, true, false), many));
    ag_node *y = ag_add(wide_product(g), bias);
    output(g, y);
    output_gradients_of(g, loss_of(y), 1, &bias);
}

// Not wide, too deep, read twice; no bias.
static void products_that_stay(graph *g) {
    ag_node *bias = part_of(g, 2, 5, AG_SHAPE(69)), *y = wide_product(g), *again = wide_product(g);
    output(g, ag_add(product_of(g, AG_SHAPE(9, 15), AG_SHAPE(15, 69)), bias));
    ag_node *deep = ag_matmul(ag_fill(g->tape, AG_SHAPE(8, 129), 2), ag_fill(g->tape, AG_SHAPE(129, 69), 3),
                              false, false);
    output(g, ag_add(deep, bias));
    output(g, ag_mul(ag_add(y, bias), y));
    output(g, ag_add(wide_product(g), ag_mean(bias)));
    output(g, ag_add(again, ag_tanh(again)));
}

static ag_node *read_of(graph *g, const char *name, ag_shape shape, ag_parameter_kind kind) {
    return ag_read(g->tape, ag_parameter_add(g->net, name, shape, kind, NULL));
}

// A layer of parameters and a step of training for them.
static void a_trained_layer(graph *g) {
    enum { TRAINED = 4 };
    const ag_dtype dtype = ag_tape_dtype(g->tape);
    g->net = ag_parameter_set_create("net", dtype);
    ag_node *reads[TRAINED] = {read_of(g, "w", AG_SHAPE(3, 3, 4, 4), AG_PARAMETER)}, *gradients[TRAINED];
    static const char *const names[] = {"bias", "gamma", "beta"};
    for (int i = 1; i < TRAINED; i++) reads[i] = read_of(g, names[i - 1], AG_SHAPE(4), AG_PARAMETER);
    ag_node *moving = read_of(g, "moving", AG_SHAPE(4), AG_BUFFER);
    for (int i = 0; i < 2; i++) g->states[i] = ag_parameter_set_like(g->net, i ? "v" : "m", NULL);
    ag_node *h = ag_add(ag_conv2d(g->x, reads[0], (ag_conv_params){0}), reads[1]), *mean = ag_batch_mean(h);
    ag_node *n = ag_batch_norm(h, mean, ag_batch_variance(h, mean), reads[2], reads[3], 1e-3);
    ag_node *loss = loss_of(
        ag_leaky_relu(ag_add(ag_conv2d(ag_leaky_relu(n, 0.2), g->w, (ag_conv_params){0}), reads[1]), 0.1));
    cr_assert(ag_gradient(g->tape, loss, TRAINED, reads, gradients), "%s", ag_tape_error(g->tape)->text);
    ag_node *rate = ag_scalar(g->tape, 0.01);
    for (int i = 0; i < TRAINED; i++)
        ag_adam_update(reads[i]->parameter, gradients[i], ag_parameter_set_at(g->states[0], i),
                       ag_parameter_set_at(g->states[1], i), rate, rate,
                       (ag_adam_params){.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-7});
    ag_assign(moving->parameter, ag_add(ag_scale(moving, 0.9), ag_scale(mean, 0.1)));
    output(g, loss);
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
    {"convolution_epilogue", a_layer, 4, 1},
    {"convolution_epilogue", a_transposed_layer, 3, 0},
    {"convolution_epilogue", a_layer_without_bias, 2, 0},
    {"convolution_epilogue", a_slope_that_is_0_in_f32, 2, 0},
    {"convolution_epilogue", views_of_a_layer, 10, 7},
    {"convolution_epilogue", a_trained_layer, 12, 7},
    {"batch_norm_leaky_relu", a_normalized_layer, 4, 0},
    {"batch_norm_leaky_relu", views_of_a_layer, 10, 8},
    {"batch_norm_leaky_relu", a_trained_layer, 12, 10},
    {"batch_norm_leaky_relu", a_generating_layer, 7, 5},
    {"convolution_batch_norm", a_generating_layer, 7, 6},
    {"convolution_batch_norm", generating_layers_without_activation, 10, 4},
    {"convolution_batch_norm", a_generator, 9, 6},
    {"batch_norm_leaky_relu_gradient", a_normalized_gradient, 6, 3},
    {"batch_norm_leaky_relu_gradient", a_wide_normalized_gradient, 6, 3},
    {"batch_norm_leaky_relu_gradient", a_normalized_gradient_of_x_alone, 6, 0},
    {"batch_norm_leaky_relu_gradient", views_of_a_layer, 10, 7},
    {"batch_norm_leaky_relu_gradient", a_trained_layer, 12, 9},
    {"leaky_relu_sign", a_layer, 4, 2},  // without it the sum with the bias stays for its gradient
    {"leaky_relu_sign", a_trained_layer, 12, 10},
    {"matmul_bias", wide_products, 8, 0},
    {NULL, products_that_stay, 0, 0},
    {NULL, other_normalized_gradients, 6, 6},  // but what belongs to the others
    {NULL, shared_normalized_gradients, 6, 6},
    {NULL, an_activation_alone, 0, 0},
    {NULL, shared_values, 2, 2},
    {NULL, a_negative_slope, 0, 0},
    {NULL, shared_generating_layers, 6, 6},
    {NULL, views_of_what_would_go, 0, 0},
};

static void graph_open(graph *g, ag_dtype dtype, void (*record)(graph *g)) {
    *g = (graph){.tape = ag_tape_create("rewritten", dtype)};
    g->x = ag_input(g->tape, "x", AG_SHAPE(3, 6, 5, 4));
    g->w = ag_input(g->tape, "w", AG_SHAPE(3, 3, 4, 4));
    g->bias = ag_input(g->tape, "bias", AG_SHAPE(4));
    for (int i = 0; i < 4; i++) g->vector[i] = ag_input(g->tape, "vector", AG_SHAPE(4));
    g->wide = ag_input(g->tape, "wide", AG_SHAPE(ROWS, WIDE));
    record(g);
}

static void graph_close(graph *g) {
    ag_tape_free(g->tape);
    ag_parameter_set_free(g->net);
    for (int i = 0; i < 2; i++) ag_parameter_set_free(g->states[i]);
}

static void feed(ag_program *program, const ag_node *input, ag_dtype dtype, uint64_t seed) {
    ag_tensor *values = values_tensor(dtype, ag_node_shape(input), VALUES_ANY, seed);
    cr_assert(ag_program_feed(program, input, values->data, values->shape, NULL));
    ag_tensor_free(values);
}

static int64_t set_bytes(ag_parameter_set *set) {
    int64_t n;
    ag_parameter_set_values(set, &n);
    return n * (int64_t)ag_dtype_bytes(ag_parameter_set_dtype(set));
}

static void start_again(const graph *g, ag_dtype dtype) {
    if (!g->net) return;
    const int64_t n = set_bytes(g->net) / (int64_t)ag_dtype_bytes(dtype);
    ag_tensor *values = values_tensor(dtype, AG_SHAPE(n), VALUES_ANY, 9);
    memcpy(ag_parameter_set_values(g->net, NULL), values->data, (size_t)set_bytes(g->net));
    ag_tensor_free(values);
    for (int i = 0; i < 2; i++)
        memset(ag_parameter_set_values(g->states[i], NULL), 0, (size_t)set_bytes(g->states[i]));
}

static ag_program *compile(const graph *g, ag_dtype dtype, const char *rewrites) {
    ag_error error = {0};
    setenv("AG_REWRITES", rewrites, 1);
    ag_program *program = ag_program_compile(g->tape, g->n_outputs, g->outputs, NULL, &error);
    unsetenv("AG_REWRITES");
    cr_assert(program, "%s", error.text);
    feed(program, g->x, dtype, 1), feed(program, g->w, dtype, 2), feed(program, g->bias, dtype, 3);
    for (uint64_t i = 0; i < 4; i++) feed(program, g->vector[i], dtype, 4 + i);
    feed(program, g->wide, dtype, 8);
    start_again(g, dtype);
    ag_program_poison(program, true);
    cr_assert(ag_program_run(program, (ag_clock){0}, &error), "%s", error.text);
    return program;
}

// Nodes of the tape that are gone, and nodes that run and are not the tape's.
static int changed_by(const graph *g, ag_dtype dtype, const char *rewrites) {
    ag_program *program = compile(g, dtype, rewrites);
    int changed = ag_program_get_stats(program).n_fused;
    for (int s = 0; s < ag_program_step_count(program); s++) {
        const ag_node *node = ag_program_step_node(program, s);
        changed += node != ag_tape_at(g->tape, node->index);
    }
    ag_program_free(program);
    return changed;
}

// What the effects have left
static ag_tensor *written(const graph *g, ag_dtype dtype) {
    ag_parameter_set *const sets[] = {g->net, g->states[0], g->states[1]};
    int64_t bytes = 0;
    for (int i = 0; i < 3 && g->net; i++) bytes += set_bytes(sets[i]);
    ag_tensor *all = ag_tensor_create(dtype, AG_SHAPE(1 + bytes / (int64_t)ag_dtype_bytes(dtype)));
    char *to = all->data;
    for (int i = 0; i < 3 && g->net; to += set_bytes(sets[i++]))
        memcpy(to, ag_parameter_set_values(sets[i], NULL), (size_t)set_bytes(sets[i]));
    return all;
}

static void expect_same_bits(const graph *g, ag_dtype dtype, int at, const char *rewrites) {
    ag_program *plain = compile(g, dtype, "none");
    ag_tensor *by_plain = written(g, dtype);
    ag_threads_set(3);
    ag_program *rewritten = compile(g, dtype, rewrites);
    ag_threads_set(1);
    ag_tensor *by_rewritten = written(g, dtype);
    for (int i = 0; i < g->n_outputs; i++) {
        const ag_shape shape = ag_node_shape(g->outputs[i]);
        const void *a = ag_program_output(plain, g->outputs[i], NULL),
                   *b = ag_program_output(rewritten, g->outputs[i], NULL);
        cr_expect(a && b && memcmp(a, b, (size_t)ag_shape_bytes(shape, dtype)) == 0,
                  "row %d, \"%s\", output %d (%s): other bits", at, rewrites, i,
                  ag_node_label(g->outputs[i]));
    }
    cr_expect(memcmp(by_plain->data, by_rewritten->data, (size_t)ag_shape_bytes(by_plain->shape, dtype)) == 0,
              "row %d, \"%s\": the effects leave other bits", at, rewrites);
    ag_tensor_free(by_plain), ag_tensor_free(by_rewritten);
    ag_program_free(plain), ag_program_free(rewritten);
}

// One thread without the rewrites, three with them.
Test(rewrites, change_no_bit_and_the_nodes_that_the_row_says) {
    ag_threads_set(1);
    for (int at = 0; at < (int)(sizeof rows / sizeof *rows); at++)
        for (int dtype = AG_F32; dtype <= AG_F64; dtype++) {
            graph g;
            graph_open(&g, (ag_dtype)dtype, rows[at].record);
            char off[64] = "";
            if (rows[at].name) snprintf(off, sizeof off, "-%s", rows[at].name);
            expect_same_bits(&g, (ag_dtype)dtype, at, "");
            expect_same_bits(&g, (ag_dtype)dtype, at, off);
            const int changed = changed_by(&g, (ag_dtype)dtype, ""),
                      others = changed_by(&g, (ag_dtype)dtype, off);
            cr_expect_eq(changed, rows[at].changed, "row %d: %d", at, changed);
            cr_expect_eq(others, rows[at].others, "row %d, \"%s\": %d", at, off, others);
            cr_expect_eq(changed_by(&g, (ag_dtype)dtype, "none"), 0);
            graph_close(&g);
        }
}

Test(rewrites, refuse_words_they_do_not_know) {
    static const char *const words[] = {"None",
                                        "-batch_norm_leaky",
                                        "batch_norm_leaky_relu",
                                        "-",
                                        "none,-no",
                                        ",none",
                                        "none,",
                                        "-leaky_relu_sign,",
                                        ",",
                                        "-leaky_relu_sign;none",
                                        " none"};
    graph g;
    graph_open(&g, AG_F32, a_layer);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        ag_error error = {0};
        setenv("AG_REWRITES", words[i], 1);
        cr_expect(!ag_program_compile(g.tape, g.n_outputs, g.outputs, NULL, &error), "%s", words[i]);
        cr_expect_eq(error.status, AG_STATUS_USAGE);
        cr_expect(strstr(error.text, words[i]) && strstr(error.text, "none, -") &&
                      strstr(error.text, ", -convolution_epilogue"),
                  "%s", error.text);
    }
    unsetenv("AG_REWRITES");
    cr_expect_eq(changed_by(&g, AG_F32, "-leaky_relu_sign,-convolution_epilogue"), 0);
    cr_expect_eq(changed_by(&g, AG_F32, "none,-convolution_epilogue"), 0);
    graph_close(&g);
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
    graph_close(&g);
}
