// SPDX-License-Identifier: MIT
// The planner against the plain evaluation: seeded random graphs with fan-out,
// reused parameters, frozen scopes, views, several losses, gradients and effects;
// planned, poisoned between steps and replayed, they agree to 1e-12 in f64.
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/autograd/run.h"
#include "tests/support/approx.h"
#include "tests/support/values.h"

#define GRAPHS 200
#define POOL 48
#define OUTPUTS 40
#define INPUTS 2
#define PARAMETERS 4
#define READS 16

typedef struct graph {
    uint64_t seed, state;
    ag_tape *tape;
    ag_parameter_set *set;
    ag_parameter *parameters[PARAMETERS];
    ag_node *inputs[INPUTS], *reads[READS], *pool[POOL], *outputs[OUTPUTS];
    int n_reads, n_pool, n_outputs;
} graph;

static int below(graph *g, int bound) { return values_below(&g->state, bound); }

static ag_node *any(graph *g) { return g->pool[below(g, g->n_pool)]; }

static ag_shape draw_shape(graph *g, int max_rank) {
    ag_shape shape = {.rank = below(g, max_rank + 1)};
    for (int i = 0; i < shape.rank; i++) shape.dim[i] = 1 + below(g, 4);
    return shape;
}

static ag_node *draw_unary(graph *g, ag_node *x) {
    switch (below(g, 10)) {
        case 0:
            return ag_neg(x);
        case 1:
            return ag_affine(x, 0.7, -0.1);
        case 2:
            return ag_square(x);
        case 3:
            return ag_sqrt(ag_add_scalar(ag_square(x), 0.5));
        case 4:
            return ag_exp(ag_clamp(x, -3, 1));
        case 5:
            return ag_sigmoid(x);
        case 6:
            return ag_softplus(x);
        case 7:
            return ag_leaky_relu(x, 0.2);
        case 8:
            return ag_abs(x);
        default:
            return ag_log(ag_add_scalar(ag_softplus(x), 0.1));
    }
}

// b's value brought to a shape that fits a's, so that any two nodes may meet.
static ag_node *fit(graph *g, ag_node *a, ag_node *b) {
    ag_shape joint;
    (void)g;
    if (ag_shape_broadcast(ag_node_shape(a), ag_node_shape(b), &joint) && ag_shape_size(joint) <= 512)
        return b;
    return ag_mean(b);
}

static ag_node *draw_binary(graph *g, ag_node *a) {
    ag_node *b = fit(g, a, any(g));
    switch (below(g, 6)) {
        case 0:
            return ag_add(a, b);
        case 1:
            return ag_sub(b, a);
        case 2:
            return ag_mul(a, b);
        case 3:
            return ag_div(a, ag_add_scalar(ag_square(b), 1));
        case 4:
            return ag_minimum(a, b);
        default:
            return ag_maximum(a, b);
    }
}

static ag_node *draw_slice(graph *g, ag_node *x) {
    ag_shape extent = ag_node_shape(x);
    int64_t begin[AG_MAX_RANK];
    for (int i = 0; i < extent.rank; i++) {
        begin[i] = below(g, (int)extent.dim[i]);
        extent.dim[i] = 1 + below(g, (int)(extent.dim[i] - begin[i]));
    }
    return ag_slice(x, begin, extent);
}

static ag_node *draw_pad(graph *g, ag_node *x) {
    int64_t before[AG_MAX_RANK] = {0}, after[AG_MAX_RANK] = {0};
    for (int i = 0; i < ag_node_shape(x).rank; i++) {
        before[i] = below(g, 2);
        after[i] = below(g, 2);
    }
    return ag_shape_size(ag_node_shape(x)) > 64 ? ag_neg(x) : ag_pad(x, before, after);
}

static ag_node *draw_moved(graph *g, ag_node *x) {
    ag_shape shape = ag_node_shape(x);
    switch (below(g, 5)) {
        case 0:
            return ag_reshape(x, AG_SHAPE(ag_shape_size(shape)));
        case 1:
            return ag_transpose(x, NULL);
        case 2:
            return draw_slice(g, x);
        case 3:
            return draw_pad(g, x);
        default:
            if (shape.rank == 0 || ag_shape_size(shape) > 128) return ag_reshape(x, shape);
            return ag_concat(2, (ag_node *[]){x, ag_neg(x)}, below(g, shape.rank));
    }
}

static ag_node *draw_reduced(graph *g, ag_node *x) {
    unsigned axes = (unsigned)below(g, 1 << ag_node_shape(x).rank);
    if (below(g, 4) == 0) return ag_mean(x);
    return ag_mean_axes(x, axes, below(g, 2));
}

static ag_node *flat(ag_node *x, int64_t columns) {
    int64_t size = ag_shape_size(ag_node_shape(x));
    if (size % columns == 0) return ag_reshape(x, AG_SHAPE(size / columns, columns));
    return ag_broadcast(ag_mean(x), AG_SHAPE(2, columns));
}

static ag_node *draw_product(graph *g, ag_node *x) {
    ag_node *a = flat(x, 3), *b = flat(any(g), 3);
    bool transposed = below(g, 2);
    if (transposed) b = ag_transpose(b, NULL);
    return ag_matmul(a, b, false, !transposed);
}

static ag_node *draw_convolution(graph *g, ag_node *x) {
    ag_node *image = ag_reshape(flat(x, 4), AG_SHAPE(ag_shape_size(ag_node_shape(flat(x, 4))) / 4, 2, 2, 1));
    ag_node *kernel = ag_broadcast(ag_mean(any(g)), AG_SHAPE(3, 3, 1, 2));
    ag_conv_params params = {.stride = 1 + below(g, 2), .padding = AG_PADDING_SAME};
    if (below(g, 2)) return ag_conv2d(image, kernel, params);
    return ag_conv2d_transpose(image, ag_reshape(kernel, AG_SHAPE(3, 3, 2, 1)), params);
}

static ag_node *draw_normalized(graph *g, ag_node *x) {
    ag_node *rows = flat(x, 2), *mean = ag_batch_mean(rows), *variance = ag_batch_variance(rows, mean);
    ag_node *gamma = ag_broadcast(ag_mean(any(g)), AG_SHAPE(2)), *beta = ag_fill(g->tape, AG_SHAPE(2), 0.1);
    return ag_batch_norm(rows, mean, variance, gamma, beta, 0.1);
}

static ag_node *draw_read(graph *g) {
    if (g->n_reads == READS) return any(g);
    bool frozen = below(g, 3) == 0;
    if (frozen) ag_freeze(g->tape);
    ag_node *read = ag_read(g->tape, g->parameters[below(g, PARAMETERS)]);
    if (frozen)
        ag_thaw(g->tape);
    else
        g->reads[g->n_reads++] = read;
    return read;
}

static ag_node *draw_node(graph *g) {
    ag_node *x = any(g);
    switch (below(g, 12)) {
        case 0:
            return draw_moved(g, x);
        case 1:
            return draw_reduced(g, x);
        case 2:
            return draw_product(g, x);
        case 3:
            return draw_convolution(g, x);
        case 4:
            return draw_normalized(g, x);
        case 5:
            return draw_read(g);
        case 6:
            return ag_stop_gradient(x);
        case 7:
            return ag_random_normal(g->tape, draw_shape(g, 2), AG_PURPOSE_TEST, (uint32_t)g->n_pool);
        case 8:
            return draw_moved(g, draw_unary(g, x));
        case 9:
            return draw_unary(g, x);
        default:
            return draw_binary(g, x);
    }
}

// Values stay of the order of one, whatever was drawn before.
static ag_node *tame(ag_node *x) {
    ag_node *bounded = ag_shape_size(ag_node_shape(x)) > 600 ? ag_mean(x) : x;
    return ag_tanh(bounded);
}

static void add_output(graph *g, ag_node *node) {
    if (g->n_outputs < OUTPUTS) g->outputs[g->n_outputs++] = node;
}

static void graph_declare(graph *g) {
    static const char *names[PARAMETERS] = {"a", "b", "c", "d"};
    g->set = ag_parameter_set_create("parameters", AG_F64);
    for (int i = 0; i < PARAMETERS; i++)
        g->parameters[i] = ag_parameter_add(g->set, names[i], draw_shape(g, 3), AG_PARAMETER, NULL);
    cr_assert(ag_parameter_set_seal(g->set, NULL));
    g->parameters[PARAMETERS - 1]->trainable = false;
}

// Gradients of a loss with respect to the inputs, the free
// reads and a node in between; sometimes of their own norm.
static void draw_gradients(graph *g) {
    ag_node *loss = ag_mean(ag_square(any(g))), *wrt[INPUTS + READS], *out[INPUTS + READS];
    int n = 0;
    for (int i = 0; i < INPUTS; i++) wrt[n++] = g->inputs[i];
    for (int i = 0; i < g->n_reads; i++)
        if (g->reads[i]->parameter->trainable) wrt[n++] = g->reads[i];
    add_output(g, loss);
    if (!ag_gradient(g->tape, loss, n, wrt, out)) return;
    for (int i = 0; i < n; i++) add_output(g, out[i]);
    if (below(g, 3)) return;
    ag_node *norm = ag_sum(ag_square(out[0])), *second;
    if (ag_gradient(g->tape, norm, 1, wrt, &second)) add_output(g, second);
}

// An effect in the middle: what is recorded after it reads
// the parameter's value before the step all the same.
static void draw_effect(graph *g) {
    ag_parameter *target = g->parameters[below(g, PARAMETERS)];
    if (below(g, 2)) ag_assign(target, ag_broadcast(ag_mean(any(g)), target->shape));
}

static void graph_open(graph *g, uint64_t seed) {
    *g = (graph){
        .seed = seed, .state = seed * 0x9e3779b9u + 1, .tape = ag_tape_create("random graph", AG_F64)};
    graph_declare(g);
    g->inputs[0] = g->pool[g->n_pool++] = ag_input(g->tape, "x", draw_shape(g, 4));
    g->inputs[1] = g->pool[g->n_pool++] = ag_input(g->tape, "y", draw_shape(g, 2));
    int size = 12 + below(g, POOL - 12);
    int half = size / 2;
    while (g->n_pool < size) {
        g->pool[g->n_pool] = tame(draw_node(g));
        if (++g->n_pool == half) draw_effect(g);
    }
    for (int losses = 1 + below(g, 3); losses; losses--) draw_gradients(g);
    for (int i = 0; i < 5; i++) add_output(g, any(g));
    cr_assert(ag_tape_error(g->tape)->status == AG_OK, "seed %llu: %s", (unsigned long long)seed,
              ag_tape_error(g->tape)->text);
}

static void graph_close(graph *g) {
    ag_tape_free(g->tape);
    ag_parameter_set_free(g->set);
}

static void draw_parameters(graph *g, uint64_t seed) {
    int64_t size;
    double *values = ag_parameter_set_values(g->set, &size);
    values_fill(VALUES_ANY, seed, size, values);
}

static void compare_run(graph *g, ag_program *program, const ag_feed *feeds, ag_clock clock) {
    char label[48];
    snprintf(label, sizeof label, "seed %llu, run %llu", (unsigned long long)g->seed,
             (unsigned long long)clock.step);
    ag_tensor *expected[OUTPUTS];
    for (int i = 0; i < g->n_outputs; i++) {
        ag_error error = {0};
        expected[i] = ag_evaluate(g->outputs[i], INPUTS, feeds, clock, &error);
        cr_assert(expected[i] != NULL, "%s: %s", label, error.text);
    }
    run_step(label, program, INPUTS, feeds, clock);
    for (int i = 0; i < g->n_outputs; i++) {
        ag_tensor *actual = run_output(label, program, g->outputs[i]);
        const char *bad = approx_tensor_difference(actual, expected[i]->data, 1e-12, 1e-6);
        cr_expect(bad == NULL, "%s, output %d (node %d, %s): %s", label, i, g->outputs[i]->index,
                  ag_node_label(g->outputs[i]), bad);
        ag_tensor_free(actual);
        ag_tensor_free(expected[i]);
    }
}

static void check_graph(uint64_t seed) {
    graph g;
    graph_open(&g, seed);
    ag_program *program = run_compile("random graph", g.tape, g.n_outputs, g.outputs);
    ag_program_poison(program, true);
    for (uint64_t run = 0; run < 2; run++) {
        ag_feed feeds[INPUTS];
        for (int i = 0; i < INPUTS; i++)
            feeds[i] = (ag_feed){g.inputs[i],
                                 values_tensor(AG_F64, ag_node_shape(g.inputs[i]), VALUES_ANY, seed + run)};
        draw_parameters(&g, seed + 1000 * run);
        compare_run(&g, program, feeds, (ag_clock){seed, run});
        for (int i = 0; i < INPUTS; i++) ag_tensor_free((ag_tensor *)feeds[i].value);
    }
    ag_program_free(program);
    graph_close(&g);
}

Test(random_graphs, planned_programs_agree_with_plain_evaluation) {
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) check_graph(seed);
}
