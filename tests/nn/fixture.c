// SPDX-License-Identifier: MIT
// Models and values for the tests of this room.
#include "tests/nn/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/autograd/run.h"
#include "tests/support/values.h"

nn_model *fixture_model(nn_layer *layer, ag_dtype dtype, ag_shape in) {
    ag_error error = {0};
    nn_model *model = nn_sequential(&error, "m", dtype, in, layer);
    cr_assert(model, "%s", error.text);
    cr_assert(ag_parameter_set_seal(nn_model_set(model, 0), &error), "%s", error.text);
    return model;
}

static ag_tensor view_of(const ag_parameter *parameter) {
    return (ag_tensor){.dtype = ag_parameter_set_dtype(parameter->set),
                       .shape = parameter->shape,
                       .data = ag_parameter_values(parameter)};
}

ref_array fixture_get(const ag_parameter *parameter) {
    const ag_tensor view = view_of(parameter);
    ref_array values = ref_create(parameter->shape);
    for (int64_t i = 0; i < parameter->size; i++) values.data[i] = ag_tensor_get(&view, i);
    return values;
}

void fixture_set(const ag_parameter *parameter, const double *values) {
    ag_tensor view = view_of(parameter);
    for (int64_t i = 0; i < parameter->size; i++) ag_tensor_set(&view, i, values[i]);
}

void fixture_draw(ag_parameter_set *set, uint64_t seed) {
    cr_assert(ag_parameter_set_seal(set, NULL));
    for (int i = 0; i < ag_parameter_set_count(set); i++) {
        const ag_parameter *parameter = ag_parameter_set_at(set, i);
        ref_array values = ref_create(parameter->shape);
        values_fill(parameter->kind == AG_BUFFER ? VALUES_POSITIVE : VALUES_ANY, seed + (uint64_t)i,
                    parameter->size, values.data);
        fixture_set(parameter, values.data);
        ref_free(&values);
    }
}

static size_t set_bytes(ag_parameter_set *set) {
    int64_t size;
    ag_parameter_set_values(set, &size);
    return (size_t)size * ag_dtype_bytes(ag_parameter_set_dtype(set));
}

void *fixture_bytes(ag_parameter_set *set, size_t *out_bytes) {
    const size_t n = set_bytes(set);
    void *copy = malloc(n);
    memcpy(copy, ag_parameter_set_values(set, NULL), n);
    if (out_bytes) *out_bytes = n;
    return copy;
}

bool fixture_same_bytes(ag_parameter_set *set, const void *bytes) {
    return memcmp(ag_parameter_set_values(set, NULL), bytes, set_bytes(set)) == 0;
}

bool fixture_same_values(const ag_parameter *a, const ag_parameter *b) {
    const size_t bytes = (size_t)a->size * ag_dtype_bytes(ag_parameter_set_dtype(a->set));
    return a->size == b->size && memcmp(ag_parameter_values(a), ag_parameter_values(b), bytes) == 0;
}

ag_shape fixture_batch(int64_t n, ag_shape shape) {
    ag_shape batch = {.rank = shape.rank + 1, .dim = {n}};
    for (int i = 0; i < shape.rank; i++) batch.dim[i + 1] = shape.dim[i];
    return batch;
}

void fixture_trainee_open(fixture_trainee *t, nn_optimizer_params params, ag_dtype dtype) {
    ag_error error = {0};
    t->model = fixture_model(nn_dense(4, .no_bias = true), dtype, AG_SHAPE(3));
    fixture_draw(nn_model_set(t->model, 0), 60);
    t->kernel = nn_model_layer(t->model, 0)->parameters[0];
    t->optimizer = nn_optimizer_create(t->model, params, &error);
    cr_assert(t->optimizer, "%s", error.text);
    t->tape = ag_tape_create("trainee", dtype);
    t->g = ag_input(t->tape, "g", t->kernel->shape);
    t->loss = ag_sum(ag_mul(ag_read(t->tape, t->kernel), t->g));
    cr_assert(nn_optimizer_record(t->optimizer, t->loss, &t->update), "%s", ag_tape_error(t->tape)->text);
    t->program = run_compile("trainee", t->tape, 1, &t->loss);
}

void fixture_trainee_close(fixture_trainee *t) {
    ag_program_free(t->program);
    ag_tape_free(t->tape);
    nn_optimizer_free(t->optimizer);
    nn_model_free(t->model);
}

void fixture_trainee_step(fixture_trainee *t, const ag_tensor *g) {
    ag_error error = {0};
    cr_assert(nn_optimizer_feed(t->optimizer, t->program, &t->update, &error), "%s", error.text);
    run_step("trainee", t->program, 1, &(ag_feed){t->g, g}, (ag_clock){0});
}

void fixture_expect_sentence(const char *what, const char *sentence, const char *part) {
    cr_expect(strstr(sentence, part), "%s says \"%s\" instead of something with \"%s\"", what, sentence,
              part);
}
