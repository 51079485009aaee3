// SPDX-License-Identifier: MIT
// Checks of the ops that change parameters: several steps against the formulas of their sources.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/autograd/op_case.h"
#include "tests/autograd/run.h"
#include "tests/support/approx.h"

#define N 37           // not a multiple of any vector's width
#define N_LARGE 40001  // several tasks
#define STEPS 5

// A parameter with two state buffers, a gradient that is fed, and the same numbers in the test's own arrays.
typedef struct bench {
    ag_parameter_set *set;
    ag_parameter *w, *state[2];
    ag_tape *tape;
    ag_node *gradient, *rate, *t;
    int n;
    double *expected_w, *expected_state[2], *g;
} bench;

static void bench_set(ag_parameter *parameter, int64_t i, double value) {
    if (ag_parameter_set_dtype(parameter->set) == AG_F32)
        ((float *)ag_parameter_values(parameter))[i] = (float)value;
    else
        ((double *)ag_parameter_values(parameter))[i] = value;
}

static double bench_get(const ag_parameter *parameter, int64_t i) {
    if (ag_parameter_set_dtype(parameter->set) == AG_F32) return ((float *)ag_parameter_values(parameter))[i];
    return ((double *)ag_parameter_values(parameter))[i];
}

static void bench_open(bench *b, ag_dtype dtype, int n) {
    *b = (bench){.n = n, .set = ag_parameter_set_create("net", dtype), .tape = ag_tape_create("step", dtype)};
    b->w = ag_parameter_add(b->set, "w", AG_SHAPE(n), AG_PARAMETER, NULL);
    b->state[0] = ag_parameter_add(b->set, "state0", AG_SHAPE(n), AG_BUFFER, NULL);
    b->state[1] = ag_parameter_add(b->set, "state1", AG_SHAPE(n), AG_BUFFER, NULL);
    cr_assert(ag_parameter_set_seal(b->set, NULL));
    b->expected_w = calloc((size_t)n, sizeof(double));
    b->g = calloc((size_t)n, sizeof(double));
    for (int k = 0; k < 2; k++) b->expected_state[k] = calloc((size_t)n, sizeof(double));
    values_fill(VALUES_ANY, 11, n, b->expected_w);
    for (int i = 0; i < n; i++) {
        bench_set(b->w, i, b->expected_w[i]);
        b->expected_w[i] = bench_get(b->w, i);
    }
    b->gradient = ag_input(b->tape, "gradient", AG_SHAPE(n));
    b->rate = ag_input(b->tape, "rate", AG_SHAPE());
    b->t = ag_input(b->tape, "t", AG_SHAPE());
}

static void bench_close(bench *b) {
    free(b->expected_w);
    free(b->g);
    for (int k = 0; k < 2; k++) free(b->expected_state[k]);
    ag_tape_free(b->tape);
    ag_parameter_set_free(b->set);
}

static void bench_compare(const char *what, int step, const ag_parameter *parameter, const double *expected) {
    int64_t n = parameter->size;
    double *actual = malloc((size_t)n * sizeof *actual);
    double bound = ag_parameter_set_dtype(parameter->set) == AG_F64 ? 1e-13 : 2e-6;
    for (int64_t i = 0; i < n; i++) actual[i] = bench_get(parameter, i);
    const char *bad = approx_difference(n, actual, expected, bound, 0.1);
    cr_expect(bad == NULL, "%s, %s after step %d: %s", what, parameter->name, step, bad);
    free(actual);
}

// Feeds a gradient drawn for the step, runs, lets the formula take the same step, compares.
static void bench_run(bench *b, const char *what, void (*formula)(bench *b, int i, double rate, double t)) {
    ag_dtype dtype = ag_tape_dtype(b->tape);
    ag_program *program = run_compile(what, b->tape, 0, NULL);
    for (int step = 1; step <= STEPS; step++) {
        double rate = 0.01 * step;
        ag_tensor *gradient = values_tensor(dtype, AG_SHAPE(b->n), VALUES_ANY, 20 + (uint64_t)step);
        ag_feed feed = {b->gradient, gradient};
        cr_assert(ag_program_feed_scalar(program, b->rate, rate, NULL));
        cr_assert(ag_program_feed_scalar(program, b->t, step, NULL));
        run_step(what, program, 1, &feed, (ag_clock){1, (uint64_t)step});
        for (int i = 0; i < b->n; i++) {
            b->g[i] = ag_tensor_get(gradient, i);
            formula(b, i, dtype == AG_F32 ? (double)(float)rate : rate, step);
        }
        bench_compare(what, step, b->w, b->expected_w);
        bench_compare(what, step, b->state[0], b->expected_state[0]);
        bench_compare(what, step, b->state[1], b->expected_state[1]);
        ag_tensor_free(gradient);
    }
    ag_program_free(program);
}

// Kingma and Ba 2015, algorithm 1, whose two states both epsilons and the decay share.
#define BETA1 0.5
#define BETA2 0.99
#define EPSILON 1e-3
#define DECAY 0.1
#define MOMENTUM 0.9
#define RHO 0.9

static void adam_moments(bench *b, int i) {
    double *m = b->expected_state[0], *v = b->expected_state[1], g = b->g[i];
    m[i] = BETA1 * m[i] + (1 - BETA1) * g;
    v[i] = BETA2 * v[i] + (1 - BETA2) * g * g;
}

// Keras: the paper's last sentence of section 2, epsilon hat beside the uncorrected root.
static void adam_keras(bench *b, int i, double rate, double t) {
    adam_moments(b, i);
    double corrected = rate * sqrt(1 - pow(BETA2, t)) / (1 - pow(BETA1, t));
    b->expected_w[i] -= corrected * b->expected_state[0][i] / (sqrt(b->expected_state[1][i]) + EPSILON);
}

static void adam_torch(bench *b, int i, double rate, double t) {
    adam_moments(b, i);
    double m_hat = b->expected_state[0][i] / (1 - pow(BETA1, t));
    double v_hat = b->expected_state[1][i] / (1 - pow(BETA2, t));
    b->expected_w[i] -= rate * m_hat / (sqrt(v_hat) + EPSILON);
}

// Loshchilov and Hutter 2019: the decay acts on the weight as it was before the step.
static void adam_decay(bench *b, int i, double rate, double t) {
    b->expected_w[i] -= rate * DECAY * b->expected_w[i];
    adam_torch(b, i, rate, t);
}

static void check_adam(ag_dtype dtype, const char *what, ag_adam_params params,
                       void (*formula)(bench *b, int i, double rate, double t)) {
    for (int n = N; n <= N_LARGE; n += N_LARGE - N) {
        bench b;
        bench_open(&b, dtype, n);
        ag_adam_update(b.w, b.gradient, b.state[0], b.state[1], b.rate, b.t, params);
        bench_run(&b, what, formula);
        bench_close(&b);
    }
}

// A parameter that is not trainable is refused, by name.
static void check_frozen_is_refused(const char *what, ag_node *(*update)(bench *b)) {
    bench b;
    bench_open(&b, AG_F64, N);
    b.w->trainable = false;
    cr_expect(ag_node_failed(update(&b)), "%s steps a frozen parameter", what);
    const char *text = ag_tape_error(b.tape)->text;
    cr_expect(strstr(text, "w") != NULL, "%s does not name the frozen parameter: %s", what, text);
    bench_close(&b);
}

static void check_shape_is_refused(const char *what, ag_node *(*update)(bench *b)) {
    bench b;
    bench_open(&b, AG_F64, N);
    b.gradient = ag_input(b.tape, "long", AG_SHAPE(N + 1));
    cr_expect(ag_node_failed(update(&b)), "%s accepts a gradient of another shape", what);
    const char *text = ag_tape_error(b.tape)->text;
    cr_expect(strstr(text, "[37]") && strstr(text, "[38]"), "%s does not name both shapes: %s", what, text);
    bench_close(&b);
}

static ag_node *adam_update(bench *b) {
    return ag_adam_update(b->w, b->gradient, b->state[0], b->state[1], b->rate, b->t,
                          (ag_adam_params){BETA1, BETA2, EPSILON, false, 0});
}

// Updates with one number or state that they refuse, and the words of the refusal.
typedef struct refusal {
    ag_node *(*update)(bench *b, double number);
    double number;
    const char *words;
} refusal;

static void check_refusals(const char *what, int n, const refusal *refusals) {
    for (int i = 0; i < n; i++) {
        bench b;
        bench_open(&b, AG_F64, N);
        cr_expect(ag_node_failed(refusals[i].update(&b, refusals[i].number)), "%s does not refuse: %s", what,
                  refusals[i].words);
        const char *text = ag_tape_error(b.tape)->text;
        cr_expect(strstr(text, refusals[i].words) != NULL, "%s says \"%s\", not: %s", what, text,
                  refusals[i].words);
        bench_close(&b);
    }
}

static ag_node *adam_with(bench *b, ag_adam_params params) {
    return ag_adam_update(b->w, b->gradient, b->state[0], b->state[1], b->rate, b->t, params);
}
static ag_node *adam_beta1(bench *b, double beta1) {
    return adam_with(b, (ag_adam_params){beta1, BETA2, EPSILON, false, 0});
}
static ag_node *adam_beta2(bench *b, double beta2) {
    return adam_with(b, (ag_adam_params){BETA1, beta2, EPSILON, false, 0});
}
static ag_node *adam_epsilon(bench *b, double epsilon) {
    return adam_with(b, (ag_adam_params){BETA1, BETA2, epsilon, false, 0});
}
static ag_node *adam_weight_decay(bench *b, double decay) {
    return adam_with(b, (ag_adam_params){BETA1, BETA2, EPSILON, true, decay});
}
static ag_node *adam_state(bench *b, double number) {
    b->state[(int)number]->kind = AG_PARAMETER;
    return adam_update(b);
}

static const refusal adam_refusals[] = {
    {adam_beta1, 1, "beta1 1 and beta2 0.99 must lie in [0, 1)"},
    {adam_beta2, -0.5, "beta1 0.5 and beta2 -0.5 must lie in [0, 1)"},
    {adam_epsilon, -1, "epsilon -1 must be at least 0 and finite"},
    {adam_epsilon, NAN, "epsilon nan must be at least 0 and finite"},
    {adam_weight_decay, -2, "weight_decay -2 must be at least 0 and finite"},
    {adam_weight_decay, INFINITY, "weight_decay inf must be at least 0 and finite"},
    {adam_state, 0, "the state net/state0 is a parameter and must be a buffer"},
    {adam_state, 1, "the state net/state1 is a parameter and must be a buffer"},
};

// Step numbers below 1 count as 1, where the corrections are not 0.
static void check_adam_before_the_first_step(bool torch_epsilon) {
    for (int t = -1; t <= 0; t++) {
        bench b;
        bench_open(&b, AG_F64, N);
        adam_with(&b, (ag_adam_params){BETA1, BETA2, EPSILON, torch_epsilon, 0});
        ag_program *program = run_compile("adam before the first step", b.tape, 0, NULL);
        ag_tensor *gradient = values_tensor(AG_F64, AG_SHAPE(N), VALUES_ANY, 21);
        ag_feed feed = {b.gradient, gradient};
        cr_assert(ag_program_feed_scalar(program, b.rate, 0.01, NULL));
        cr_assert(ag_program_feed_scalar(program, b.t, t, NULL));
        run_step("adam before the first step", program, 1, &feed, (ag_clock){1, 1});
        for (int i = 0; i < N; i++) {
            b.g[i] = ag_tensor_get(gradient, i);
            (torch_epsilon ? adam_torch : adam_keras)(&b, i, 0.01, 1);
        }
        bench_compare("adam before the first step", t, b.w, b.expected_w);
        ag_tensor_free(gradient);
        ag_program_free(program);
        bench_close(&b);
    }
}

void op_check_adam(void) {
    for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
        check_adam(dtype, "adam (Keras)", (ag_adam_params){BETA1, BETA2, EPSILON, false, 0}, adam_keras);
        check_adam(dtype, "adam (PyTorch)", (ag_adam_params){BETA1, BETA2, EPSILON, true, 0}, adam_torch);
        check_adam(dtype, "adamw", (ag_adam_params){BETA1, BETA2, EPSILON, true, DECAY}, adam_decay);
    }
    for (int torch_epsilon = 0; torch_epsilon < 2; torch_epsilon++)
        check_adam_before_the_first_step(torch_epsilon);
    check_refusals("adam", COUNT(adam_refusals), adam_refusals);
    check_frozen_is_refused("adam", adam_update);
    check_shape_is_refused("adam", adam_update);
}

static void sgd_plain(bench *b, int i, double rate, double t) {
    (void)t;
    b->expected_w[i] -= rate * b->g[i];
}

static void sgd_momentum(bench *b, int i, double rate, double t) {
    (void)t;
    double *velocity = b->expected_state[0];
    velocity[i] = MOMENTUM * velocity[i] - rate * b->g[i];
    b->expected_w[i] += velocity[i];
}

static ag_node *sgd_update(bench *b) {
    return ag_sgd_update(b->w, b->gradient, b->state[0], b->rate, MOMENTUM);
}

static ag_node *sgd_plain_update(bench *b) { return ag_sgd_update(b->w, b->gradient, NULL, b->rate, 0); }

static void check_update(ag_dtype dtype, const char *what, ag_node *(*update)(bench *b),
                         void (*formula)(bench *b, int i, double rate, double t)) {
    for (int n = N; n <= N_LARGE; n += N_LARGE - N) {
        bench b;
        bench_open(&b, dtype, n);
        update(&b);
        bench_run(&b, what, formula);
        bench_close(&b);
    }
}

static ag_node *sgd_with(bench *b, double momentum) {
    return ag_sgd_update(b->w, b->gradient, b->state[0], b->rate, momentum);
}
static ag_node *sgd_state(bench *b, double momentum) {
    b->state[0]->kind = AG_PARAMETER;
    return sgd_with(b, momentum);
}

static const refusal sgd_refusals[] = {
    {sgd_with, 1, "momentum 1 must lie in [0, 1)"},
    {sgd_with, -0.5, "momentum -0.5 must lie in [0, 1)"},
    {sgd_with, NAN, "momentum nan must lie in [0, 1)"},
    {sgd_state, MOMENTUM, "the state net/state0 is a parameter and must be a buffer"},
};

void op_check_sgd(void) {
    for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
        check_update(dtype, "sgd", sgd_plain_update, sgd_plain);
        check_update(dtype, "sgd with momentum", sgd_update, sgd_momentum);
    }
    check_refusals("sgd", COUNT(sgd_refusals), sgd_refusals);
    check_frozen_is_refused("sgd", sgd_update);
    check_frozen_is_refused("sgd without momentum", sgd_plain_update);
    check_shape_is_refused("sgd", sgd_update);
}

static void rmsprop(bench *b, int i, double rate, double t) {
    (void)t;
    double *square = b->expected_state[0];
    square[i] = RHO * square[i] + (1 - RHO) * b->g[i] * b->g[i];
    b->expected_w[i] -= rate * b->g[i] / (sqrt(square[i]) + EPSILON);
}

static ag_node *rmsprop_update(bench *b) {
    return ag_rmsprop_update(b->w, b->gradient, b->state[0], b->rate, RHO, EPSILON);
}

static ag_node *rmsprop_rho(bench *b, double rho) {
    return ag_rmsprop_update(b->w, b->gradient, b->state[0], b->rate, rho, EPSILON);
}
static ag_node *rmsprop_epsilon(bench *b, double epsilon) {
    return ag_rmsprop_update(b->w, b->gradient, b->state[0], b->rate, RHO, epsilon);
}
static ag_node *rmsprop_state(bench *b, double rho) {
    b->state[0]->kind = AG_PARAMETER;
    return rmsprop_rho(b, rho);
}

static const refusal rmsprop_refusals[] = {
    {rmsprop_rho, 1, "rho 1 must lie in [0, 1)"},
    {rmsprop_rho, -0.5, "rho -0.5 must lie in [0, 1)"},
    {rmsprop_epsilon, -1, "epsilon -1 must be at least 0 and finite"},
    {rmsprop_epsilon, INFINITY, "epsilon inf must be at least 0 and finite"},
    {rmsprop_state, RHO, "the state net/state0 is a parameter and must be a buffer"},
};

void op_check_rmsprop(void) {
    for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++)
        check_update(dtype, "rmsprop", rmsprop_update, rmsprop);
    check_refusals("rmsprop", COUNT(rmsprop_refusals), rmsprop_refusals);
    check_frozen_is_refused("rmsprop", rmsprop_update);
    check_shape_is_refused("rmsprop", rmsprop_update);
}

// w := 2 w g, whether w is trainable or not.
static void doubled(bench *b, int i, double rate, double t) {
    (void)rate, (void)t;
    b->expected_w[i] = 2 * b->expected_w[i] * b->g[i];
}

static ag_node *assign_update(bench *b) { return ag_assign(b->w, b->gradient); }

void op_check_assign(void) {
    for (int trainable = 0; trainable < 2; trainable++)
        for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
            bench b;
            bench_open(&b, dtype, N_LARGE);
            b.w->trainable = trainable;
            ag_assign(b.w, ag_mul(ag_scale(ag_read(b.tape, b.w), 2), b.gradient));
            bench_run(&b, "assign", doubled);
            bench_close(&b);
        }
    check_shape_is_refused("assign", assign_update);
}
