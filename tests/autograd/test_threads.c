// SPDX-License-Identifier: MIT
// Any number of threads gives the same bits: a dense layer and a convolutional net
// with batch normalization, forward, backward and an Adam step, in f32 and with bf16
// products. A plain main, since Criterion does not start under ThreadSanitizer.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "tests/support/values.h"

#define BATCH 9
#define STEPS 3
#define Z 13
#define PARAMETERS 7

static int failures;

#define EXPECT(condition, ...)        \
    do {                              \
        if (condition) break;         \
        failures++;                   \
        fprintf(stderr, __VA_ARGS__); \
        fputc('\n', stderr);          \
    } while (0)

typedef struct visits {
    int64_t n;
    int *count;
} visits;

static void visit(void *context, int64_t i) {
    visits *v = context;
    if (i >= 0 && i < v->n) __atomic_add_fetch(&v->count[i], 1, __ATOMIC_RELAXED);
}

static void is_visited_once(int threads, int64_t n, bool backwards) {
    visits v = {n, calloc((size_t)n + 1, sizeof(int))};
    (backwards ? ag_parallel_for_backwards : ag_parallel_for)(n, visit, &v);
    for (int64_t i = 0; i < n; i++)
        EXPECT(v.count[i] == 1, "%d threads%s: index %lld of %lld is visited %d times", threads,
               backwards ? ", backwards" : "", (long long)i, (long long)n, v.count[i]);
    free(v.count);
}

static void each_index_is_visited_once(int threads) {
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 64, 1000, 100003};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        is_visited_once(threads, sizes[s], false);
        is_visited_once(threads, sizes[s], true);
    }
}

typedef struct sequence {
    int64_t n, visited[100];
} sequence;

static void append(void *context, int64_t i) {
    sequence *s = context;
    s->visited[s->n++] = i;
}

static void one_thread_goes_in_order(void) {
    ag_threads_set(1);
    sequence onwards = {0}, backwards = {0};
    ag_parallel_for(100, append, &onwards);
    ag_parallel_for_backwards(100, append, &backwards);
    for (int64_t i = 0; i < 100; i++)
        EXPECT(onwards.visited[i] == i && backwards.visited[i] == 99 - i,
               "loop %lld of 100 is of index %lld, backwards of %lld", (long long)i,
               (long long)onwards.visited[i], (long long)backwards.visited[i]);
}

static ag_node *read_of(ag_tape *tape, ag_parameter_set *set, const char *name, ag_shape shape) {
    ag_parameter *parameter = ag_parameter_set_find(set, name);
    if (!parameter) parameter = ag_parameter_add(set, name, shape, AG_PARAMETER, NULL);
    return ag_read(tape, parameter);
}

// z [N,Z] -> dense to [N,14,14,3], conv 3x3 to 24, batch norm, leaky ReLU, conv 3x3 stride 2 to 40, dense
// to 1, mean.
static ag_node *record_loss(ag_node *z, ag_parameter_set *set, ag_node *reads[PARAMETERS]) {
    ag_tape *tape = ag_node_tape(z);
    reads[0] = read_of(tape, set, "w1", AG_SHAPE(3, 3, 3, 24));
    reads[1] = read_of(tape, set, "gamma", AG_SHAPE(24));
    reads[2] = read_of(tape, set, "beta", AG_SHAPE(24));
    reads[3] = read_of(tape, set, "w2", AG_SHAPE(3, 3, 24, 40));
    reads[4] = read_of(tape, set, "w3", AG_SHAPE(7 * 7 * 40, 1));
    reads[5] = read_of(tape, set, "b3", AG_SHAPE(1));
    reads[6] = read_of(tape, set, "w0", AG_SHAPE(Z, 14 * 14 * 3));
    ag_node *x = ag_reshape(ag_matmul(z, reads[6], false, false), AG_SHAPE(BATCH, 14, 14, 3));
    ag_node *c = ag_conv2d(x, reads[0], (ag_conv_params){0});
    ag_node *mean = ag_batch_mean(c), *variance = ag_batch_variance(c, mean);
    ag_node *h = ag_leaky_relu(ag_batch_norm(c, mean, variance, reads[1], reads[2], 1e-3), 0.2);
    ag_node *features = ag_conv2d(h, reads[3], (ag_conv_params){.stride = 2});
    ag_node *logits = ag_matmul(ag_reshape(features, AG_SHAPE(BATCH, 7 * 7 * 40)), reads[4], false, false);
    return ag_mean(ag_softplus(ag_neg(ag_add(ag_tanh(logits), reads[5]))));
}

// Losses of STEPS steps, then all parameters: `size` floats.
static float *train(int threads, int64_t *size) {
    ag_threads_set(threads);
    EXPECT(ag_threads_get() == threads, "%d threads were asked for, %d are used", threads, ag_threads_get());
    ag_parameter_set *set = ag_parameter_set_create("net", AG_F32);
    ag_tape *tape = ag_tape_create("step", AG_F32);
    ag_node *z = ag_random_normal(tape, AG_SHAPE(BATCH, Z), AG_PURPOSE_TEST, 0),
            *t = ag_input(tape, "t", AG_SHAPE());
    ag_node *reads[PARAMETERS], *gradients[PARAMETERS], *loss = record_loss(z, set, reads);
    ag_parameter_set_seal(set, NULL);
    int64_t n;
    float *values = ag_parameter_set_values(set, &n);
    uint64_t state = 5;
    for (int64_t i = 0; i < n; i++) values[i] = (float)(0.4 * values_uniform(&state) - 0.2);
    ag_parameter_set *m = ag_parameter_set_like(set, "m", NULL), *v = ag_parameter_set_like(set, "v", NULL);
    ag_gradient(tape, loss, PARAMETERS, reads, gradients);
    ag_node *rate = ag_scalar(tape, 1e-3);
    for (int i = 0; i < PARAMETERS; i++)
        ag_adam_update(reads[i]->parameter, gradients[i], ag_parameter_set_at(m, i),
                       ag_parameter_set_at(v, i), rate, t, (ag_adam_params){0.5, 0.999, 1e-7, false, 0});
    ag_error error = {0};
    ag_program *program = ag_program_compile(tape, 1, &loss, NULL, &error);
    float *result = calloc((size_t)n + STEPS, sizeof *result);
    for (int step = 0; program && step < STEPS; step++) {
        ag_program_feed_scalar(program, t, step + 1, &error);
        if (ag_program_run(program, (ag_clock){7, (uint64_t)step}, &error))
            result[step] = (float)ag_program_output_scalar(program, loss, &error);
    }
    EXPECT(error.status == AG_OK, "%d threads: %s", threads, error.text);
    memcpy(result + STEPS, values, (size_t)n * sizeof *result);
    ag_program_free(program);
    ag_tape_free(tape);
    ag_parameter_set_free(m);
    ag_parameter_set_free(v);
    ag_parameter_set_free(set);
    *size = n + STEPS;
    return result;
}

static int64_t first_difference(const float *a, const float *b, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0) return i;
    return -1;
}

static void check_precision(ag_precision precision) {
    static const int counts[] = {1, 2, 3, 7};
    EXPECT(ag_precision_set(precision, NULL), "no bf16 products");
    int64_t size;
    float *one = NULL;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        float *result = train(counts[i], &size);
        each_index_is_visited_once(counts[i]);
        if (!one) one = calloc((size_t)size, sizeof *one), memcpy(one, result, (size_t)size * sizeof *one);
        int64_t at = first_difference(one, result, size);
        EXPECT(at < 0, "precision %d, %d threads: value %lld of %lld is %.9g, with one thread %.9g",
               precision, counts[i], (long long)at, (long long)size, at < 0 ? 0 : result[at],
               at < 0 ? 0 : one[at]);
        EXPECT(result[0] > 0 && result[0] != result[STEPS - 1], "%d threads: the loss stays at %g", counts[i],
               result[0]);
        free(result);
    }
    free(one);
}

int main(void) {
    setenv("AG_BF16", "emulate", 1);
    check_precision(AG_PRECISION_F32);
    check_precision(AG_PRECISION_BF16);
    one_thread_goes_in_order();
    ag_threads_set(0);
    EXPECT(ag_threads_get() >= 1, "0 threads do not mean those of the machine");
    return failures != 0;
}
