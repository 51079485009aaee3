// SPDX-License-Identifier: MIT
// Every layer's rows through the same proofs: a Criterion suite for each file of nn/layers/, taken from the
// build's own list, so that a layer without rows fails by its name.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "autograd/gradcheck.h"
#include "autograd/gradient.h"
#include "tests/autograd/run.h"
#include "tests/nn/layer_case.h"
#include "tests/support/approx.h"
#include "tests/support/values.h"

#define LABEL 96

// A row's layer as a model, recorded on a tape at the row's batch.
typedef struct trial {
    const layer_case *row;
    char label[LABEL];
    nn_model *model;
    ag_tape *tape;
    ag_node *x, *y;
    ag_tensor *values;
} trial;

static void open(trial *t, const layer_case *row, ag_dtype dtype) {
    *t = (trial){.row = row, .model = fixture_model(row->make(), dtype, row->in)};
    const ag_shape batch = fixture_batch(row->n, row->in);
    char shape[AG_SHAPE_TEXT];
    snprintf(t->label, sizeof t->label, "%s of %s, %s", row->kind, ag_shape_format(batch, shape),
             ag_dtype_name(dtype));
    fixture_draw(nn_model_set(t->model, 0), 40);
    t->tape = ag_tape_create("layer", dtype);
    t->x = ag_input(t->tape, "x", batch);
    t->y = nn_apply(t->model, t->x, row->mode);
    t->values = values_tensor(dtype, batch, VALUES_NONZERO, 7);
    cr_assert(!ag_node_failed(t->y), "%s: %s", t->label, ag_tape_error(t->tape)->text);
}

static void close(trial *t) {
    ag_tensor_free(t->values);
    ag_tape_free(t->tape);
    nn_model_free(t->model);
}

static ref_array reference_of(const trial *t) {
    const nn_layer *layer = nn_model_layer(t->model, 0);
    ref_array parameters[NN_LAYER_PARAMETERS], x = ref_create(t->values->shape);
    ref_array y = ref_create(fixture_batch(t->row->n, t->row->out));
    for (int64_t i = 0; i < ag_shape_size(x.shape); i++) x.data[i] = ag_tensor_get(t->values, i);
    for (int i = 0; i < layer->n_parameters; i++) parameters[i] = fixture_get(layer->parameters[i]);
    t->row->reference(t->row, &x, parameters, &y);
    for (int i = 0; i < layer->n_parameters; i++) ref_free(&parameters[i]);
    ref_free(&x);
    return y;
}

static void infers_its_shape(const layer_case *row) {
    trial t;
    open(&t, row, AG_F32);
    const ag_shape out = fixture_batch(row->n, row->out);
    cr_expect(ag_shape_equal(nn_model_output_shape(t.model), row->out), "%s: the model gives %s, not %s",
              t.label, AG_TEXT(nn_model_output_shape(t.model)), AG_TEXT(row->out));
    cr_expect(ag_shape_equal(ag_node_shape(t.y), out), "%s: the node is %s, not %s", t.label,
              AG_TEXT(ag_node_shape(t.y)), AG_TEXT(out));
    close(&t);
}

static void computes_the_reference(const layer_case *row, ag_dtype dtype) {
    trial t;
    open(&t, row, dtype);
    ref_array expected = reference_of(&t);
    ag_error error = {0};
    ag_tensor *y = run_program(t.y, 1, &(ag_feed){t.x, t.values}, (ag_clock){1, 1}, &error);
    cr_assert(y, "%s: %s", t.label, error.text);
    const double largest = approx_largest(ag_shape_size(expected.shape), expected.data);
    const char *bad = approx_tensor_difference(y, expected.data, dtype == AG_F64 ? 1e-12 : 1e-5, largest);
    cr_expect(!bad, "%s: %s", t.label, bad);
    ag_tensor_free(y);
    ref_free(&expected);
    close(&t);
}

static void forward(const layer_case *row) {
    if (!row->reference) return;
    computes_the_reference(row, AG_F64);
    computes_the_reference(row, AG_F32);
}

static ag_node *apply_row(ag_tape *tape, int n, ag_node *const *inputs, void *context) {
    const trial *t = context;
    (void)tape, (void)n;
    return nn_apply(t->model, inputs[0], t->row->mode);
}

static void has_the_gradient_for_its_input(const layer_case *row) {
    trial t;
    open(&t, row, AG_F64);
    ag_error error = {0};
    ag_gradcheck_result result = {0};
    const bool ok = ag_gradcheck(t.label, apply_row, &t, 1, (ag_tensor *[]){t.values},
                                 (ag_gradcheck_params){0}, &result, &error);
    cr_expect(ok && result.checked == ag_shape_size(t.values->shape), "%s: %lld entries checked: %s", t.label,
              (long long)result.checked, error.text);
    close(&t);
}

// d sum(y projection) / d parameter, for one parameter, against central differences.
static void check_parameter(const trial *t, ag_node *loss, ag_parameter *parameter) {
    ag_node *read = ag_read(t->tape, parameter), *gradient;
    cr_assert(ag_gradient(t->tape, loss, 1, &read, &gradient), "%s: %s", t->label,
              ag_tape_error(t->tape)->text);
    ag_program *program = run_compile(t->label, t->tape, 2, (ag_node *[]){loss, gradient});
    ag_error error = {0};
    cr_assert(ag_program_feed(program, t->x, t->values->data, t->values->shape, &error), "%s", error.text);
    ag_gradcheck_result result = {0};
    const bool ok = ag_gradcheck_parameter(program, parameter, loss, gradient, (ag_clock){1, 1},
                                           (ag_gradcheck_params){0}, &result, &error);
    cr_expect(ok && result.checked == parameter->size, "%s, %s: %lld entries checked: %s", t->label,
              parameter->name, (long long)result.checked, error.text);
    ag_program_free(program);
}

static void has_the_gradients_for_its_parameters(const layer_case *row) {
    trial t;
    open(&t, row, AG_F64);
    ag_tensor *projection = values_tensor(AG_F64, ag_node_shape(t.y), VALUES_ANY, 8);
    ag_node *loss = ag_sum(ag_mul(t.y, ag_constant(t.tape, projection)));
    const nn_layer *layer = nn_model_layer(t.model, 0);
    for (int i = 0; i < layer->n_parameters; i++) {
        if (layer->parameters[i]->kind == AG_PARAMETER) check_parameter(&t, loss, layer->parameters[i]);
    }
    ag_tensor_free(projection);
    close(&t);
}

// Runs the proof on the rows of one layer; a layer must have rows.
static void prove(const char *kind, void (*proof)(const layer_case *row)) {
    int n = 0;
    for (int i = 0; layer_case_at(i); i++) {
        if (strcmp(layer_case_at(i)->kind, kind) != 0) continue;
        n++;
        proof(layer_case_at(i));
    }
    cr_assert(n > 0, "nn/layers/%s.c has no row in tests/nn/layer_cases.c", kind);
}

static void makes_its_kind(const layer_case *row) {
    nn_layer *layer = row->make();
    cr_expect(strcmp(layer->kind->name, row->kind) == 0, "the row of %s makes a %s", row->kind,
              layer->kind->name);
    nn_layer_free(layer);
}

static void prove_refusals(const char *kind) {
    for (int i = 0; layer_refusal_at(i); i++) {
        const layer_refusal *row = layer_refusal_at(i);
        if (strcmp(row->kind, kind) != 0) continue;
        ag_error error = {0};
        nn_model *model = nn_sequential(&error, "m", AG_F32, row->in, row->make());
        cr_expect(!model, "%s is taken although \"%s\"", kind, row->sentence);
        fixture_expect_sentence(kind, error.text, row->sentence);
        cr_expect(error.status == row->status, "%s: status %d instead of %d", error.text, error.status,
                  row->status);
        nn_model_free(model);
    }
}

#define NN_LAYER_FILE(kind)                                                  \
    Test(kind, has_rows_that_make_it) { prove(#kind, makes_its_kind); }      \
    Test(kind, infers_its_shape) { prove(#kind, infers_its_shape); }         \
    Test(kind, computes_what_the_reference_says) { prove(#kind, forward); }  \
    Test(kind, has_the_gradient_of_finite_differences_for_its_input) {       \
        prove(#kind, has_the_gradient_for_its_input);                        \
    }                                                                        \
    Test(kind, has_the_gradients_of_finite_differences_for_its_parameters) { \
        prove(#kind, has_the_gradients_for_its_parameters);                  \
    }                                                                        \
    Test(kind, refuses_what_it_cannot_do_in_one_sentence) { prove_refusals(#kind); }
#include "nn/layer_list.def"
