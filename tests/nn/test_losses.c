// SPDX-License-Identifier: MIT
// Every loss against its formula in plain loops, its gradient by finite differences, and the shapes it
// refuses.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "autograd/gradcheck.h"
#include "autograd/gradient.h"
#include "nn/loss.h"
#include "tests/autograd/run.h"
#include "tests/nn/fixture.h"
#include "tests/support/approx.h"
#include "tests/support/values.h"

typedef struct loss_case {
    const char *name;
    double (*reference)(ag_shape shape, const double *p, const double *t);
    bool in_unit_interval;  // targets
    ag_shape shapes[4];
} loss_case;

static double mean_of(ag_shape shape, const double *p, const double *t, double (*term)(double p, double t)) {
    double sum = 0;
    for (int64_t i = 0; i < ag_shape_size(shape); i++) sum += term(p[i], t[i]);
    return sum / (double)ag_shape_size(shape);
}

static double bce_term(double l, double t) { return fmax(l, 0) - l * t + log1p(exp(-fabs(l))); }
static double mse_term(double p, double t) { return (p - t) * (p - t); }
static double l1_term(double p, double t) { return fabs(p - t); }

static double bce(ag_shape shape, const double *p, const double *t) { return mean_of(shape, p, t, bce_term); }
static double mse(ag_shape shape, const double *p, const double *t) { return mean_of(shape, p, t, mse_term); }
static double l1(ag_shape shape, const double *p, const double *t) { return mean_of(shape, p, t, l1_term); }

static double softmax_cross_entropy(ag_shape shape, const double *l, const double *t) {
    const int64_t n = shape.dim[0], classes = shape.dim[1];
    double loss = 0;
    for (int64_t i = 0; i < n; i++) {
        long double sum = 0;
        for (int64_t k = 0; k < classes; k++) sum += expl((long double)l[i * classes + k]);
        for (int64_t k = 0; k < classes; k++)
            loss -= t[i * classes + k] * (l[i * classes + k] - (double)logl(sum));
    }
    return loss / (double)n;
}

#define S(...)                                                                     \
    {                                                                              \
        .rank = sizeof((int[]){__VA_ARGS__}) / sizeof(int), .dim = { __VA_ARGS__ } \
    }
#define PLAIN_SHAPES \
    { S(5, 1), S(1, 1), S(3, 2, 5), S(7) }

static const loss_case cases[] = {
    {"bce_logits", bce, true, PLAIN_SHAPES},
    {"mse", mse, false, PLAIN_SHAPES},
    {"l1", l1, false, PLAIN_SHAPES},
    {"softmax_cross_entropy", softmax_cross_entropy, true, {S(4, 3), S(1, 10), S(6, 7), S(3, 1)}},
};

static const loss_case *case_of(const char *name) {
    for (int i = 0; i < COUNT(cases); i++) {
        if (strcmp(cases[i].name, name) == 0) return &cases[i];
    }
    return NULL;
}

Test(loss, every_loss_has_a_row) {
    int n = 0;
    for (; nn_loss_at(n).name; n++)
        cr_expect(case_of(nn_loss_at(n).name), "loss %s has no row in test_losses.c", nn_loss_at(n).name);
    cr_expect(n == COUNT(cases), "%d losses, %d rows", n, COUNT(cases));
    cr_expect(!nn_loss_at(-1).name && !nn_loss_at(n).loss, "the table has no end");
}

// Targets of a case: any numbers, or fractions.
static ag_tensor *targets(const loss_case *row, ag_dtype dtype, ag_shape shape) {
    ag_tensor *t = values_tensor(dtype, shape, VALUES_ANY, 12);
    for (int64_t i = 0; i < ag_shape_size(shape) && row->in_unit_interval; i++)
        ag_tensor_set(t, i, (ag_tensor_get(t, i) + 2) / 4);
    return t;
}

static void check_value(const char *name, nn_loss loss, const loss_case *row, ag_shape shape,
                        ag_dtype dtype) {
    ag_tape *tape = ag_tape_create(name, dtype);
    ag_node *p = ag_input(tape, "p", shape), *t = ag_input(tape, "t", shape);
    ag_tensor *pv = values_tensor(dtype, shape, VALUES_ANY, 11), *tv = targets(row, dtype, shape);
    for (int64_t i = 0; i < ag_shape_size(shape); i++) ag_tensor_set(pv, i, 4 * ag_tensor_get(pv, i));
    ref_array pr = ref_create(shape), tr = ref_create(shape);
    for (int64_t i = 0; i < ag_shape_size(shape); i++)
        pr.data[i] = ag_tensor_get(pv, i), tr.data[i] = ag_tensor_get(tv, i);
    ag_error error = {0};
    ag_tensor *y = run_program(loss(p, t), 2, (ag_feed[]){{p, pv}, {t, tv}}, (ag_clock){0}, &error);
    cr_assert(y && y->shape.rank == 0, "%s of %s: %s", name, AG_TEXT(shape), error.text);
    const double expected = row->reference(shape, pr.data, tr.data);
    const char *bad = approx_tensor_difference(y, &expected, dtype == AG_F64 ? 1e-12 : 2e-6, 1e-3);
    cr_expect(!bad, "%s of %s in %s: %s", name, AG_TEXT(shape), ag_dtype_name(dtype), bad);
    ag_tensor_free(pv), ag_tensor_free(tv), ag_tensor_free(y), ref_free(&pr), ref_free(&tr);
    ag_tape_free(tape);
}

static ag_node *loss_graph(ag_tape *tape, int n, ag_node *const *inputs, void *context) {
    (void)tape, (void)n;
    return ((const nn_loss_entry *)context)->loss(inputs[0], inputs[1]);
}

static void check_gradient(nn_loss_entry entry, const loss_case *row, ag_shape shape) {
    ag_tensor *values[] = {values_tensor(AG_F64, shape, VALUES_ANY, 13), targets(row, AG_F64, shape)};
    ag_error error = {0};
    ag_gradcheck_result result = {0};
    cr_expect(
        ag_gradcheck(entry.name, loss_graph, &entry, 2, values, (ag_gradcheck_params){0}, &result, &error),
        "%s of %s: %s", entry.name, AG_TEXT(shape), error.text);
    cr_expect(result.checked > 0 && result.kinks == 0, "%s: nothing was checked", entry.name);
    ag_tensor_free(values[0]), ag_tensor_free(values[1]);
}

Test(loss, computes_its_formula_and_has_the_gradient_of_finite_differences) {
    for (int i = 0; nn_loss_at(i).name; i++) {
        const nn_loss_entry entry = nn_loss_at(i);
        const loss_case *row = case_of(entry.name);
        for (int k = 0; row && k < 4; k++) {
            check_value(entry.name, entry.loss, row, row->shapes[k], AG_F64);
            check_value(entry.name, entry.loss, row, row->shapes[k], AG_F32);
            check_gradient(entry, row, row->shapes[k]);
        }
    }
}

// The loss and its gradient for one logit and one target.
static void bce_at(ag_dtype dtype, double logit, double target, double out[2]) {
    ag_tape *tape = ag_tape_create("bce", dtype);
    ag_node *l = ag_input(tape, "l", AG_SHAPE(1, 1)), *nodes[2], *gradient;
    nodes[0] = nn_bce_logits(l, ag_scalar(tape, target));
    cr_assert(ag_gradient(tape, nodes[0], 1, &l, &gradient), "%s", ag_tape_error(tape)->text);
    nodes[1] = gradient;
    ag_tensor *value = values_constant(dtype, AG_SHAPE(1, 1), logit);
    for (int i = 0; i < 2; i++) {
        ag_tensor *y = run_evaluate("bce", nodes[i], 1, &(ag_feed){l, value});
        out[i] = ag_tensor_get(y, 0);
        ag_tensor_free(y);
    }
    ag_tensor_free(value);
    ag_tape_free(tape);
}

Test(loss, binary_cross_entropy_keeps_its_digits_at_extreme_logits) {
    const double logits[] = {0, 1e-4, 1, 17, -17, 40, -40, 80, -80};
    for (int i = 0; i < COUNT(logits); i++) {
        for (int target = 0; target <= 1; target++) {
            const double l = logits[i], sign = target ? -1 : 1;
            const double loss = log1p(exp(sign * l)), gradient = sign / (1 + exp(-sign * l));
            double actual[2];
            bce_at(AG_F32, l, target, actual);
            cr_expect(fabs(actual[0] - loss) <= 2e-6 * loss, "logit %g, target %d: loss %.9g, not %.9g", l,
                      target, actual[0], loss);
            cr_expect(fabs(actual[1] - gradient) <= 2e-6 * fabs(gradient),
                      "logit %g, target %d: gradient %.9g, not %.9g", l, target, actual[1], gradient);
        }
    }
}

Test(loss, softmax_cross_entropy_survives_large_logits) {
    ag_tape *tape = ag_tape_create("softmax", AG_F32);
    ag_node *l = ag_input(tape, "l", AG_SHAPE(2, 3)), *t = ag_input(tape, "t", AG_SHAPE(2, 3)), *gradient;
    ag_node *loss = nn_softmax_cross_entropy(l, t);
    cr_assert(ag_gradient(tape, loss, 1, &l, &gradient));
    ag_tensor *lv = values_from(AG_F32, AG_SHAPE(2, 3), (double[]){1000, 0, -1000, -1000, -1000, -998});
    ag_tensor *tv = values_from(AG_F32, AG_SHAPE(2, 3), (double[]){1, 0, 0, 0, 0, 1});
    const ag_feed feeds[] = {{l, lv}, {t, tv}};
    ag_tensor *value = run_evaluate("softmax", loss, 2, feeds),
              *dl = run_evaluate("softmax", gradient, 2, feeds);
    const double p = 1 / (2 + exp(2)), expected = -log(1 - 2 * p) / 2;
    const double expected_gradient[] = {0, 0, 0, p / 2, p / 2, -p};
    const char *bad = approx_tensor_difference(value, &expected, 2e-6, 0);
    cr_expect(!bad, "loss: %s", bad);
    bad = approx_tensor_difference(dl, expected_gradient, 2e-6, 0.1);
    cr_expect(!bad, "gradient: %s", bad);
    ag_tensor_free(lv), ag_tensor_free(tv), ag_tensor_free(value), ag_tensor_free(dl);
    ag_tape_free(tape);
}

static void expect_refused(nn_loss loss, ag_shape prediction, ag_shape target, const char *sentence) {
    ag_tape *tape = ag_tape_create("refused", AG_F32);
    ag_node *y = loss(ag_input(tape, "p", prediction), ag_input(tape, "t", target));
    cr_expect(ag_node_failed(y), "prediction %s and target %s are taken", AG_TEXT(prediction),
              AG_TEXT(target));
    fixture_expect_sentence("the loss", ag_tape_error(tape)->text, sentence);
    ag_tape_free(tape);
}

Test(loss, targets_are_spread_over_the_predictions_and_never_the_other_way) {
    for (int i = 0; nn_loss_at(i).name; i++) {
        expect_refused(nn_loss_at(i).loss, AG_SHAPE(4, 1), AG_SHAPE(4), "[4]");
        expect_refused(nn_loss_at(i).loss, AG_SHAPE(4, 3), AG_SHAPE(4, 2), "[4,2]");
        expect_refused(nn_loss_at(i).loss, AG_SHAPE(1, 3), AG_SHAPE(4, 3), "[4,3]");
    }
    expect_refused(nn_softmax_cross_entropy, AG_SHAPE(4), AG_SHAPE(4),
                   "softmax_cross_entropy: logits [4] must have shape [N,classes]");
}

Test(loss, an_error_before_it_is_passed_on) {
    for (int i = 0; nn_loss_at(i).name; i++) {
        ag_tape *tape = ag_tape_create("broken", AG_F32);
        ag_node *good = ag_input(tape, "x", AG_SHAPE(2, 3));
        ag_node *broken = ag_reshape(good, AG_SHAPE(7));
        const ag_error first = *ag_tape_error(tape);
        cr_expect(ag_node_failed(nn_loss_at(i).loss(broken, good)) &&
                      ag_node_failed(nn_loss_at(i).loss(good, broken)),
                  "%s takes an error node", nn_loss_at(i).name);
        cr_expect(ag_node_failed(nn_loss_at(i).loss(NULL, good)), "%s takes NULL", nn_loss_at(i).name);
        cr_expect_str_eq(ag_tape_error(tape)->text, first.text);
        ag_tape_free(tape);
    }
}
