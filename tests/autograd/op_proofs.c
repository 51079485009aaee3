// SPDX-License-Identifier: MIT
// The proofs that every op's row goes through.
#include "tests/autograd/op_proofs.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/autograd/run.h"
#include "tests/support/approx.h"

#define LABEL 160

// A row at one configuration, on a tape of its own, with values.
typedef struct trial {
    const op_case *row;
    const op_config *config;
    char label[LABEL];
    ag_tape *tape;
    ag_node *in[OP_CASE_INPUTS];
    ag_node *out;
    ag_feed feeds[OP_CASE_INPUTS + 1];
} trial;

static void trial_label(trial *t, ag_dtype dtype) {
    char shape[AG_SHAPE_TEXT];
    snprintf(t->label, sizeof t->label, "%s%s%s%s, configuration %d (x0 %s), %s", t->row->op,
             t->row->via ? " (" : "", t->row->via ? t->row->via : "", t->row->via ? ")" : "",
             (int)(t->config - t->row->configs), ag_shape_format(t->config->in[0], shape),
             ag_dtype_name(dtype));
}

static void trial_open(trial *t, const op_case *row, const op_config *config, ag_dtype dtype) {
    *t = (trial){.row = row, .config = config, .tape = ag_tape_create(row->op, dtype)};
    trial_label(t, dtype);
    for (int i = 0; i < row->n_inputs; i++) {
        char name[] = {'x', (char)('0' + i), 0};
        t->in[i] = ag_input(t->tape, name, config->in[i]);
        t->feeds[i] =
            (ag_feed){t->in[i], values_tensor(dtype, config->in[i], row->domain[i], 100 + (uint64_t)i)};
    }
    t->out = row->build(t->in, config);
    cr_assert(!ag_node_failed(t->out), "%s is refused: %s", t->label, ag_tape_error(t->tape)->text);
    // An op that would change nothing may give its input back.
    cr_assert(run_count_op(t->tape, row->op) > 0 || t->out == t->in[0], "%s: the graph holds no %s", t->label,
              row->op);
}

static void trial_close(trial *t) {
    for (int i = 0; i < t->row->n_inputs; i++) ag_tensor_free((ag_tensor *)t->feeds[i].value);
    ag_tape_free(t->tape);
}

static ag_tensor *values_of(const trial *t, int i) { return (ag_tensor *)t->feeds[i].value; }

static ref_array array_of(const ag_tensor *tensor) {
    ref_array array = ref_create(tensor->shape);
    for (int64_t i = 0; i < ag_shape_size(array.shape); i++) array.data[i] = ag_tensor_get(tensor, i);
    return array;
}

static void apply_formula(const trial *t, const ref_array *in, ref_array *out) {
    int64_t index[AG_MAX_RANK];
    for (int64_t i = 0; i < ag_shape_size(out->shape); i++) {
        double entry[OP_CASE_INPUTS];
        ref_unravel(out->shape, i, index);
        for (int k = 0; k < t->row->n_inputs; k++) entry[k] = ref_broadcast_get(&in[k], out->shape, index);
        out->data[i] = t->row->formula(entry, t->config);
    }
}

// What the row's reference says for the values fed.
static ref_array trial_expected(const trial *t) {
    ref_array in[OP_CASE_INPUTS], out = ref_create(ag_node_shape(t->out));
    for (int i = 0; i < t->row->n_inputs; i++) in[i] = array_of(values_of(t, i));
    if (t->row->formula)
        apply_formula(t, in, &out);
    else
        t->row->reference(in, t->config, &out);
    for (int i = 0; i < t->row->n_inputs; i++) ref_free(&in[i]);
    return out;
}

// Compares both ways of running with the reference. A sum's error is measured against the largest entry, a
// pointwise result's against itself.
static void trial_compare(const trial *t, double relative) {
    ref_array expected = trial_expected(t);
    double largest = approx_largest(ag_shape_size(expected.shape), expected.data);
    double floor = t->row->formula ? 0.25 : largest;
    ag_error error = {0};
    ag_tensor *plain = ag_evaluate(t->out, t->row->n_inputs, t->feeds, (ag_clock){1, 1}, &error);
    ag_tensor *planned =
        plain ? run_program(t->out, t->row->n_inputs, t->feeds, (ag_clock){1, 1}, &error) : NULL;
    cr_assert(planned != NULL, "%s does not run: %s", t->label, error.text);
    cr_expect(ag_shape_equal(plain->shape, expected.shape), "%s: evaluation returns another shape", t->label);
    const char *bad = approx_tensor_difference(plain, expected.data, relative, floor);
    cr_expect(bad == NULL, "%s, evaluated: %s", t->label, bad);
    bad = approx_tensor_difference(planned, expected.data, relative, floor);
    cr_expect(bad == NULL, "%s, through a program: %s", t->label, bad);
    ag_tensor_free(plain);
    ag_tensor_free(planned);
    ref_free(&expected);
}

void op_prove_forward(const op_case *row) {
    for (int i = 0; i < row->n_configs; i++)
        for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
            trial t;
            trial_open(&t, row, &row->configs[i], dtype);
            trial_compare(&t, dtype == AG_F64 ? 1e-12 : row->f32_bound);
            trial_close(&t);
        }
}

static const double special[] = {0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 1000, -1000, 0.5};

// Every combination of special values, one entry each.
static void special_pointwise(const op_case *row, ag_dtype dtype) {
    int64_t n = (int64_t)pow(COUNT(special), row->n_inputs);
    op_config config = {.p = 0.3, .q = 0.8};
    for (int i = 0; i < row->n_inputs; i++) config.in[i] = AG_SHAPE(n);
    op_case one = *row;
    one.configs = &config;
    trial t;
    trial_open(&t, &one, &config, dtype);
    for (int64_t entry = 0; entry < n; entry++)
        for (int64_t i = 0, rest = entry; i < row->n_inputs; i++, rest /= COUNT(special))
            ag_tensor_set(values_of(&t, (int)i), entry, special[rest % COUNT(special)]);
    strncat(t.label, ", special values", LABEL - strlen(t.label) - 1);
    trial_compare(&t, dtype == AG_F64 ? 1e-12 : row->f32_bound);
    trial_close(&t);
}

static void special_entry(const op_case *row, const op_config *config, int input, int64_t entry,
                          double value) {
    trial t;
    trial_open(&t, row, config, AG_F64);
    ag_tensor_set(values_of(&t, input), entry, value);
    size_t length = strlen(t.label);
    snprintf(t.label + length, LABEL - length, ", %g in x%d[%lld]", value, input, (long long)entry);
    trial_compare(&t, 1e-10);
    trial_close(&t);
}

void op_prove_special_values(const op_case *row) {
    if (row->formula) {
        special_pointwise(row, AG_F64);
        special_pointwise(row, AG_F32);
        return;
    }
    for (int i = 0; i < row->n_configs; i++) {
        const op_config *config = &row->configs[i];
        for (int input = 0; !config->large && input < row->n_inputs; input++) {
            int64_t n = ag_shape_size(config->in[input]);
            special_entry(row, config, input, 0, NAN);
            special_entry(row, config, input, n / 2, NAN);
            special_entry(row, config, input, n - 1, NAN);
            if (row->linear[0]) special_entry(row, config, input, n / 2, INFINITY);
        }
    }
}

// Values of f at the trial's feeds, with those of the set replaced.
static ref_array evaluate_at(const trial *t, const ag_feed *feeds) {
    ag_tensor *value = run_evaluate(t->label, t->out, t->row->n_inputs, feeds);
    ref_array array = array_of(value);
    ag_tensor_free(value);
    return array;
}

static void linearity_of_set(const trial *t, unsigned set) {
    ag_feed second[OP_CASE_INPUTS], mixed[OP_CASE_INPUTS];
    for (int i = 0; i < t->row->n_inputs; i++) {
        ag_shape shape = t->config->in[i];
        second[i] = mixed[i] = t->feeds[i];
        if (!(set & (1u << i))) continue;
        second[i].value = values_tensor(AG_F64, shape, t->row->domain[i], 500 + (uint64_t)i);
        ag_tensor *mix = ag_tensor_create(AG_F64, shape);
        for (int64_t k = 0; k < ag_shape_size(shape); k++)
            ag_tensor_set(mix, k,
                          2 * ag_tensor_get(values_of(t, i), k) - ag_tensor_get(second[i].value, k) / 2);
        mixed[i].value = mix;
    }
    ref_array x = evaluate_at(t, t->feeds), y = evaluate_at(t, second), z = evaluate_at(t, mixed);
    int64_t n = ag_shape_size(x.shape);
    double floor = 2 * approx_largest(n, x.data) + approx_largest(n, y.data);
    for (int64_t k = 0; k < n; k++) x.data[k] = 2 * x.data[k] - y.data[k] / 2;
    const char *bad = approx_difference(n, z.data, x.data, 1e-12, floor);
    cr_expect(bad == NULL, "%s is not linear in the set %u of its inputs: %s", t->label, set, bad);
    ref_free(&x), ref_free(&y), ref_free(&z);
    for (int i = 0; i < t->row->n_inputs; i++)
        if (set & (1u << i)) {
            ag_tensor_free((ag_tensor *)second[i].value);
            ag_tensor_free((ag_tensor *)mixed[i].value);
        }
}

// <a, b> added to *sum, and the sum of its terms' magnitudes to *scale.
static void add_dot(const ag_tensor *a, const ag_tensor *b, double *sum, double *scale) {
    for (int64_t i = 0; i < ag_shape_size(a->shape); i++) {
        double term = ag_tensor_get(a, i) * ag_tensor_get(b, i);
        *sum += term;
        *scale += fabs(term);
    }
}

static void adjointness_of_set(trial *t, unsigned set) {
    int n = t->row->n_inputs, members[OP_CASE_INPUTS], n_members = 0;
    ag_node *wrt[OP_CASE_INPUTS], *dx[OP_CASE_INPUTS], *dy = ag_input(t->tape, "dy", ag_node_shape(t->out));
    for (int i = 0; i < n; i++)
        if (set & (1u << i)) {
            members[n_members] = i;
            wrt[n_members++] = t->in[i];
        }
    t->feeds[n] = (ag_feed){dy, values_tensor(AG_F64, ag_node_shape(dy), VALUES_ANY, 900)};
    cr_assert(ag_vjp(t->tape, t->out, dy, n_members, wrt, dx), "%s has no vjp: %s", t->label,
              ag_tape_error(t->tape)->text);
    double forward = 0, adjoint = 0, scale = 0;
    ag_tensor *y = run_evaluate(t->label, t->out, n + 1, t->feeds);
    add_dot(y, t->feeds[n].value, &forward, &scale);
    ag_tensor_free(y);
    for (int k = 0; k < n_members; k++) {
        ag_tensor *gradient = run_evaluate(t->label, dx[k], n + 1, t->feeds);
        add_dot(gradient, values_of(t, members[k]), &adjoint, &scale);
        ag_tensor_free(gradient);
    }
    cr_expect(fabs(forward - adjoint) <= 1e-12 * scale,
              "%s, inputs %u: <f(x), dy> = %.17g but <x, vjp(dy)> = %.17g, allowed difference %.3g", t->label,
              set, forward, adjoint, 1e-12 * scale);
    ag_tensor_free((ag_tensor *)t->feeds[n].value);
}

static void for_each_linear_set(const op_case *row, bool adjoint) {
    for (int i = 0; i < row->n_configs; i++)
        for (int k = 0; k < 2 && row->linear[k]; k++) {
            trial t;
            trial_open(&t, row, &row->configs[i], AG_F64);
            if (adjoint)
                adjointness_of_set(&t, row->linear[k]);
            else
                linearity_of_set(&t, row->linear[k]);
            trial_close(&t);
        }
}

void op_prove_linearity(const op_case *row) { for_each_linear_set(row, false); }

void op_prove_adjointness(const op_case *row) { for_each_linear_set(row, true); }

static ag_node *row_graph(ag_tape *tape, int n, ag_node *const *inputs, void *context) {
    const trial *t = context;
    (void)tape, (void)n;
    return t->row->build(inputs, t->config);
}

typedef bool (*gradient_check)(const char *, ag_graph_function, void *, int, ag_tensor *const *,
                               ag_gradcheck_params, ag_gradcheck_result *, ag_error *);

// Smooth values of the order of one leave central differences about 1e-9 off: a thousandth of a factor shows.
static const ag_gradcheck_params tight = {.atol = 1e-7, .rtol = 1e-6};

static void check_gradients(const op_case *row, gradient_check check) {
    for (int i = 0; i < row->n_configs && !row->no_gradient; i++) {
        if (row->configs[i].large) continue;
        trial t;
        trial_open(&t, row, &row->configs[i], AG_F64);
        ag_tensor *values[OP_CASE_INPUTS];
        for (int k = 0; k < row->n_inputs; k++) values[k] = values_of(&t, k);
        ag_error error = {0};
        ag_gradcheck_result result = {0};
        bool right = check(row->op, row_graph, &t, row->n_inputs, values, tight, &result, &error);
        cr_expect(right, "%s: %s", t.label, error.text);
        cr_expect(!right || result.checked > 0, "%s: nothing was checked", t.label);
        trial_close(&t);
    }
}

void op_prove_gradient(const op_case *row) { check_gradients(row, ag_gradcheck); }

void op_prove_second_order(const op_case *row) { check_gradients(row, ag_gradgradcheck); }
