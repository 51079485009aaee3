// SPDX-License-Identifier: MIT
// Optimizer steps against tf.keras and PyTorch, initializers against Keras's formulas and samples: every case
// of the golden files. Bounds: tests/golden/README.md.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/optimizer.h"
#include "tests/nn/fixture.h"
#include "tests/support/golden.h"

#define STEPS 10

// ---- optimizers

typedef struct golden_case {
    const char *name;
    nn_optimizer_params params;
    const char *states[NN_OPTIMIZER_STATES];  // arrays
    double state_scale;                       // ours = scale theirs
} golden_case;

static const golden_case keras[] = {
    {"adam_eps1e-8", nn_adam(.epsilon = 1e-8), {"m", "v"}, 1},
    {"adam_eps1e-7", nn_adam(), {"m", "v"}, 1},
    {"sgd", nn_sgd(), {0}, 1},
    {"sgd_momentum", nn_sgd(.momentum = 0.9), {"v"}, 1},
    {"rmsprop", nn_rmsprop(), {"s"}, 1},
};

// PyTorch's velocity holds no rate: Keras's is -rate times it.
static const golden_case torch[] = {
    {"adam", nn_adam(.epsilon = 1e-8, .torch_epsilon = true), {"m", "v"}, 1},
    {"adamw", nn_adamw(.epsilon = 1e-8, .torch_epsilon = true, .weight_decay = 0.01), {"m", "v"}, 1},
    {"sgd_momentum", nn_sgd(.momentum = 0.9), {"v"}, -0.01},
};

static void check_state(const fixture_trainee *t, const golden_case *row, int k,
                        const nn_format_content *file, int step, double bound) {
    const ag_parameter *state = ag_parameter_set_at(nn_optimizer_state(t->optimizer, k), 0);
    ref_array values = fixture_get(state);
    for (int64_t i = 0; i < state->size; i++) values.data[i] /= row->state_scale;
    golden_check(file, AG_F64, values.data, bound, 0, "%s/%s_%d", row->name, row->states[k], step);
    ref_free(&values);
}

static void check_optimizer(const golden_case *row, const nn_format_content *file) {
    ag_tensor *g = golden_tensor(file, "inputs/g");
    const double bound = g->dtype == AG_F64 ? 1e-9 : 1e-4;
    const size_t bytes = (size_t)ag_shape_size(g->shape) / STEPS * ag_dtype_bytes(g->dtype);
    ag_tensor one = {.dtype = g->dtype, .data = g->data};  // a step's
    fixture_trainee t;
    fixture_trainee_open(&t, row->params, g->dtype);
    golden_read_parameter(file, t.kernel, "inputs/w");
    one.shape = t.kernel->shape;
    for (int step = 1; step <= STEPS; step++, one.data = (char *)one.data + bytes) {
        fixture_trainee_step(&t, &one);
        nn_optimizer_advance(t.optimizer);
        if (step > 3 && step < 10) continue;
        golden_check(file, g->dtype, ag_parameter_values(t.kernel), bound, nn_optimizer_rate(t.optimizer),
                     "%s/w_%d", row->name, step);
        for (int k = 0; k < NN_OPTIMIZER_STATES && row->states[k]; k++)
            check_state(&t, row, k, file, step, bound);
    }
    fixture_trainee_close(&t);
    ag_tensor_free(g);
}

// Every case of the file, found by its array w_1, has a row.
static void check_file(const char *name, const golden_case *rows, int n_rows) {
    nn_format_content *file = golden_open(name);
    int n_cases = 0;
    for (int i = 0; i < file->n_tensors; i++)
        n_cases += strstr(file->tensors[i].name, "/w_1") && !strstr(file->tensors[i].name, "/w_10");
    cr_expect(n_cases == n_rows, "%s has %d cases, the test %d", name, n_cases, n_rows);
    for (int i = 0; i < n_rows; i++) check_optimizer(&rows[i], file);
    nn_format_free(file);
}

Test(golden_steps, are_those_of_keras) {
    check_file("keras_optimizers_f64", keras, COUNT(keras));
    check_file("keras_optimizers_f32", keras, COUNT(keras));
}

Test(golden_steps, are_those_of_pytorch) { check_file("torch_optimizers_f64", torch, COUNT(torch)); }

// ---- initializers

typedef struct sample {
    int64_t n;
    double *values;  // sorted
} sample;

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// At least a million values: parameters of that shape from as many streams as it takes.
static sample draw(const nn_initializer *initializer, ag_shape shape) {
    const int64_t size = ag_shape_size(shape), draws = (1000000 + size - 1) / size;
    sample s = {.n = draws * size};
    s.values = malloc((size_t)s.n * sizeof *s.values);
    float *values = malloc((size_t)size * sizeof *values);
    for (int64_t k = 0; k < draws; k++) {
        const ag_stream stream = {.seed = 11, .purpose = AG_PURPOSE_INITIALIZE, .step = (uint64_t)k};
        initializer->kind->fill(initializer, shape, stream, AG_F32, values);
        for (int64_t i = 0; i < size; i++) s.values[k * size + i] = (double)values[i];
    }
    free(values);
    qsort(s.values, (size_t)s.n, sizeof *s.values, compare);
    return s;
}

static double sigma_of(const sample *s) {
    double squares = 0;
    for (int64_t i = 0; i < s->n; i++) squares += s->values[i] * s->values[i];
    return sqrt(squares / (double)s->n);
}

static void expect_near(const char *name, const char *what, double actual, double expected, double bound) {
    cr_expect(fabs(actual - expected) <= bound, "%s: %s is %.9g, Keras's %.9g, at most %.3g apart", name,
              what, actual, expected, bound);
}

// Moments to 4 standard errors of the theory and of Keras's own sample; quantiles to 5 of a normal's widest.
static void check_sample(const nn_format_content *file, const char *name, const sample *s) {
    const double sigma = golden_number(file, 2, "%s/formula", name),
                 limit = golden_number(file, 3, "%s/formula", name);
    const double error = 4 * sigma / sqrt((double)s->n);
    double mean = 0;
    for (int64_t i = 0; i < s->n; i++) mean += s->values[i] / (double)s->n;
    expect_near(name, "the mean", mean, 0, error);
    expect_near(name, "the deviation", sigma_of(s), sigma, error);
    expect_near(name, "the deviation of the sample", sigma_of(s), golden_number(file, 1, "%s/moments", name),
                2 * error);
    expect_near(name, "the least value", s->values[0], -limit, 1e-3 * limit);
    expect_near(name, "the largest value", s->values[s->n - 1], limit, 1e-3 * limit);
    cr_expect(s->values[0] >= -limit * (1 + 1e-7) && s->values[s->n - 1] <= limit * (1 + 1e-7),
              "%s exceeds %g", name, limit);
    const double p[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
    for (int i = 0; i < COUNT(p); i++)
        expect_near(name, "a quantile", s->values[(int64_t)(p[i] * (double)(s->n - 1))],
                    golden_number(file, i, "%s/quantiles", name), 0.01 * sigma);
}

Test(golden_steps, initializers_are_keras_distributions, .timeout = 60) {
    const struct {
        const char *name;
        nn_initializer initializer;
    } kinds[] = {{"he_normal", nn_he_normal},
                 {"he_uniform", nn_he_uniform},
                 {"glorot_normal", nn_glorot_normal},
                 {"glorot_uniform", nn_glorot_uniform}};
    const struct {
        const char *name;
        ag_shape shape;
    } targets[] = {{"dense", AG_SHAPE(100, 12544)},
                   {"conv2d", AG_SHAPE(3, 3, 32, 64)},
                   {"conv2d_transpose", AG_SHAPE(3, 3, 128, 256)}};
    nn_format_content *file = golden_open("keras_initializers_f64");
    cr_expect(file->n_tensors == 3 * COUNT(kinds) * COUNT(targets));
    for (int i = 0; i < COUNT(kinds) * COUNT(targets); i++) {
        const int kind = i % COUNT(kinds), target = i / COUNT(kinds);
        char name[64];
        snprintf(name, sizeof name, "%s_%s", kinds[kind].name, targets[target].name);
        double fan_in, fan_out;
        nn_fans(targets[target].shape, &fan_in, &fan_out);
        cr_expect(fan_in == golden_number(file, 0, "%s/formula", name) &&
                      fan_out == golden_number(file, 1, "%s/formula", name),
                  "%s: fans %g and %g", name, fan_in, fan_out);
        sample s = draw(&kinds[kind].initializer, targets[target].shape);
        check_sample(file, name, &s);
        free(s.values);
    }
    nn_format_free(file);
}
