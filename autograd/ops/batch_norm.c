// SPDX-License-Identifier: MIT
// Batch normalization (Ioffe and Szegedy 2015) over all axes but the last. With xhat = (x - mean) r and
// r = 1 / sqrt(variance + epsilon):
//
//     batch_variance             v  = sum (x - mean)^2 / n
//     batch_norm                 y  = gamma xhat + beta
//     batch_norm_gamma_gradient  dgamma = sum dy xhat
//     batch_norm_gradient        dx = gamma r (dy - dbeta / n - xhat dgamma / n)
//
// batch_norm accepts no moments but those of x itself: its gradient for x is the full one, through both
// moments, in one node, and the one for the moments is zero, so that nothing is counted twice. All other
// functions here are differentiated as what they are, functions of independent inputs; the moments bring
// their own gradients, and second derivatives come out right.
#include <math.h>

#include "autograd/kernel.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/ops/columns.h"
#include "autograd/ops/recorded.h"
#include "autograd/threads.h"

static const ag_op batch_norm, batch_norm_gamma_gradient, batch_norm_gradient;

double ag_batch_norm_epsilon(const ag_node *node) { return *(const double *)node->attributes; }

static bool has_batch(const ag_node *x) { return x->shape.rank >= 2; }

// The first n_full inputs have x's shape, all others are [C].
static bool check(ag_node *node, int n_full) {
    const ag_shape x = node->input[n_full - 1]->shape;
    if (!has_batch(node->input[n_full - 1]))
        return ag_node_fail(node, "x is %s: it needs a batch axis and a channel axis", AG_TEXT(x));
    const ag_shape vector = AG_SHAPE(ag_columns_in(x));
    for (int i = 0; i < node->n_inputs; i++) {
        const ag_shape expected = i < n_full ? x : vector;
        if (!ag_shape_equal(node->input[i]->shape, expected))
            return ag_node_fail(node, "input %d (%s) is %s: for x %s it must be %s", i, node->input[i]->label,
                                AG_TEXT(node->input[i]->shape), AG_TEXT(x), AG_TEXT(expected));
    }
    return true;
}

// ---- graph pieces

static unsigned row_axes(const ag_node *x) { return AG_AXIS(x->shape.rank - 1) - 1; }

static ag_node *sum_rows(ag_node *x) { return ag_node_failed(x) ? x : ag_sum_axes(x, row_axes(x), false); }

// 1 / r
static ag_node *deviation(const ag_node *node, ag_node *variance) {
    return ag_sqrt(ag_add_scalar(variance, ag_batch_norm_epsilon(node)));
}

// vector factor / (variance + epsilon): with factor -1/2, d r / d variance = -r^3 / 2 of a vector with one r.
static ag_node *over_variance(const ag_node *node, ag_node *vector, ag_node *variance, double factor) {
    return ag_div(ag_scale(vector, factor), ag_add_scalar(variance, ag_batch_norm_epsilon(node)));
}

static ag_node *gamma_gradient(const ag_node *node, ag_node *dy, ag_node *x, ag_node *mean,
                               ag_node *variance) {
    return AG_APPLY(&batch_norm_gamma_gradient, (const double *)node->attributes, dy, x, mean, variance);
}

// ---- moments

ag_node *ag_batch_mean(ag_node *x) {
    if (ag_node_failed(x)) return x;
    if (!has_batch(x))
        return ag_tape_fail(x->tape, "batch_mean (%s): x is %s: it needs a batch axis and a channel axis",
                            x->label, AG_TEXT(x->shape));
    return ag_mean_axes(x, row_axes(x), false);
}

static bool variance_infer(ag_node *node) {
    if (!check(node, 1)) return false;
    node->shape = node->input[1]->shape;
    return true;
}

static int64_t sums_scratch(const ag_node *node, int workers) {
    (void)workers;
    const ag_shape x = node->input[0]->shape;
    return ag_columns_scratch(ag_rows_in(x), ag_columns_in(x), ag_tape_dtype(node->tape));
}

static void variance_forward(const ag_call *call) {
    const ag_shape x = call->node->input[0]->shape;
    const ag_dtype dtype = call->kernels->dtype;
    const ag_columns sums = {.kernels = call->kernels,
                             .rows = ag_rows_in(x),
                             .cols = ag_columns_in(x),
                             .x = call->in[0],
                             .mean = call->in[1],
                             .scratch = call->scratch,
                             .out = call->out};
    ag_columns_sum(&sums);
    for (int64_t c = 0; c < sums.cols; c++)
        ag_store(call->out, c, dtype, ag_load(call->out, c, dtype) / (double)sums.rows);
}

// 2/n (x - mean) dy; -2/n sum (x - mean) dy.
static ag_node *variance_vjp(ag_node *node, ag_node *dy, int input) {
    ag_node *x = node->input[0], *centred = ag_sub(x, node->input[1]);
    const double factor = 2 / (double)ag_rows_in(x->shape);
    if (input == 0) return ag_mul(centred, ag_scale(dy, factor));
    return ag_mul(sum_rows(centred), ag_scale(dy, -factor));
}

static double sums_flops(const ag_node *node) { return 3 * (double)ag_shape_size(node->input[0]->shape); }

static const ag_op batch_variance = {.name = "batch_variance",
                                     .infer = variance_infer,
                                     .forward = variance_forward,
                                     .vjp = variance_vjp,
                                     .flops = sums_flops,
                                     .scratch = sums_scratch};

ag_node *ag_batch_variance(ag_node *x, ag_node *mean) {
    return ag_apply_inputs(&batch_variance, 2, (ag_node *[]){x, mean}, NULL, 0);
}

// ---- normalization

enum { X = AG_NORM_X, MEAN, VARIANCE, GAMMA, BETA };

enum { VECTORS = 5 };

int64_t ag_batch_norm_vectors_bytes(const ag_node *x) {
    return VECTORS * ag_columns_in(x->shape) * (int64_t)ag_dtype_bytes(ag_tape_dtype(x->tape));
}

static int64_t vectors_scratch(const ag_node *node, int workers) {
    (void)workers;
    return ag_batch_norm_vectors_bytes(node);
}

static double r_of(const ag_call *call, int variance, double epsilon, int64_t c) {
    return 1 / sqrt(ag_load(call->in[variance], c, call->kernels->dtype) + epsilon);
}

double ag_batch_norm_r(const ag_call *call, int variance, int64_t c) {
    return r_of(call, variance, ag_batch_norm_epsilon(call->node), c);
}

void ag_batch_norm_scale(const ag_call *call, int x, double epsilon, void *scale) {
    const ag_dtype dtype = call->kernels->dtype;
    const int64_t cols = ag_columns_in(call->node->input[x + GAMMA]->shape);
    for (int64_t c = 0; c < cols; c++)
        ag_store(scale, c, dtype,
                 r_of(call, x + VARIANCE, epsilon, c) * ag_load(call->in[x + GAMMA], c, dtype));
}

ag_normalize_call ag_batch_norm_loop(const ag_call *call, int x, bool shifted) {
    const ag_shape shape = call->node->input[x]->shape;
    const ag_dtype dtype = call->kernels->dtype;
    const int64_t cols = ag_columns_in(shape);
    void *vector[VECTORS];
    for (int i = 0; i < VECTORS; i++) vector[i] = ag_at(call->scratch, i * cols, dtype);
    ag_batch_norm_scale(call, x, ag_batch_norm_epsilon(call->node), vector[1]);
    for (int64_t c = 0; c < cols; c++) {
        ag_store(vector[0], c, dtype, ag_load(call->in[x + MEAN], c, dtype));
        if (shifted) ag_store(vector[2], c, dtype, ag_load(call->in[x + BETA], c, dtype));
    }
    return (ag_normalize_call){.rows = ag_rows_in(shape),
                               .cols = cols,
                               .x = call->in[x],
                               .mean = vector[0],
                               .scale = vector[1],
                               .shift = vector[2],
                               .a = vector[3],
                               .b = vector[4],
                               .slope = 1,
                               .out = call->out};
}

void ag_batch_norm_add_sums(const ag_call *call, ag_normalize_call *loop, int x, const void *dbeta,
                            const void *dgamma) {
    const ag_dtype dtype = call->kernels->dtype;
    const double n = (double)loop->rows;
    for (int64_t c = 0; c < loop->cols; c++) {
        ag_store((void *)loop->a, c, dtype, ag_load(dbeta, c, dtype) / n);
        ag_store((void *)loop->b, c, dtype,
                 ag_batch_norm_r(call, x + VARIANCE, c) * ag_load(dgamma, c, dtype) / n);
    }
}

static bool fixed_infer(ag_node *node) {
    if (!check(node, 1)) return false;
    node->shape = node->input[X]->shape;
    return true;
}

static bool norm_infer(ag_node *node) {
    if (!fixed_infer(node)) return false;
    const ag_node *x = node->input[X], *mean = node->input[MEAN], *variance = node->input[VARIANCE];
    const bool own = ag_is_mean(mean, x, row_axes(x)) && variance->op == &batch_variance &&
                     variance->input[0] == x && variance->input[1] == mean;
    return own || ag_node_fail(node, "%s and %s are not the moments of x (%s); use ag_batch_norm_fixed",
                               mean->label, variance->label, x->label);
}

static void norm_forward(const ag_call *call) {
    const ag_normalize_call loop = ag_batch_norm_loop(call, X, true);
    ag_columns_normalize(call->kernels, &loop);
}

bool ag_is_batch_norm_gradient(const ag_node *dx, const ag_node *z, const ag_node *dy) {
    bool same = z->op == &batch_norm && dx->op == &batch_norm_gradient && dx->input[0]->index == dy->index &&
                ag_batch_norm_epsilon(dx) == ag_batch_norm_epsilon(z);
    for (int k = X; k <= GAMMA && same; k++) same = dx->input[1 + k]->index == z->input[k]->index;
    return same;
}

// The batch_norm_gradient recorded for this node and dy, whose dgamma and dbeta serve gamma and beta too.
// NULL where there is none.
static ag_node *recorded_gradient(const ag_node *node, const ag_node *dy) {
    for (int i = ag_tape_count(node->tape) - 1; i > dy->index; i--) {
        ag_node *other = ag_tape_at(node->tape, i);
        if (ag_is_batch_norm_gradient(other, node, dy)) return other;
    }
    return NULL;
}

static ag_node *dgamma_of(const ag_node *node, ag_node *dy) {
    return gamma_gradient(node, dy, node->input[X], node->input[MEAN], node->input[VARIANCE]);
}

static ag_node *norm_vjp(ag_node *node, ag_node *dy, int input) {
    if (input == MEAN || input == VARIANCE) return NULL;
    const ag_node *recorded = recorded_gradient(node, dy);
    ag_node *dgamma = input == BETA ? NULL : recorded ? recorded->input[AG_NORM_DGAMMA] : dgamma_of(node, dy);
    ag_node *dbeta = input == GAMMA ? NULL : recorded ? recorded->input[AG_NORM_DBETA] : sum_rows(dy);
    if (input != X) return input == GAMMA ? dgamma : dbeta;
    return AG_APPLY(&batch_norm_gradient, (const double *)node->attributes, dy, node->input[X],
                    node->input[MEAN], node->input[VARIANCE], node->input[GAMMA], dgamma, dbeta);
}

static ag_node *fixed_vjp(ag_node *node, ag_node *dy, int input) {
    ag_node *gamma = node->input[GAMMA], *variance = node->input[VARIANCE];
    switch (input) {
        case X:
            return ag_mul(dy, ag_div(gamma, deviation(node, variance)));
        case MEAN:
            return ag_neg(ag_mul(sum_rows(dy), ag_div(gamma, deviation(node, variance))));
        case VARIANCE:
            return over_variance(node, ag_mul(gamma, dgamma_of(node, dy)), variance, -0.5);
        case GAMMA:
            return dgamma_of(node, dy);
        default:
            return sum_rows(dy);
    }
}

static double norm_flops(const ag_node *node) { return 3 * (double)ag_shape_size(node->shape); }

#define NORMALIZATION(label, check_inputs, gradient)                                            \
    {                                                                                           \
        .name = label, .traits = AG_OP_INPLACE, .infer = check_inputs, .forward = norm_forward, \
        .vjp = gradient, .flops = norm_flops, .scratch = vectors_scratch                        \
    }

static const ag_op batch_norm = NORMALIZATION("batch_norm", norm_infer, norm_vjp);
static const ag_op batch_norm_fixed = NORMALIZATION("batch_norm_fixed", fixed_infer, fixed_vjp);

bool ag_is_batch_norm(const ag_node *node) {
    return node->op == &batch_norm || node->op == &batch_norm_fixed;
}

ag_node *ag_batch_norm(ag_node *x, ag_node *mean, ag_node *variance, ag_node *gamma, ag_node *beta,
                       double epsilon) {
    return AG_APPLY(&batch_norm, &epsilon, x, mean, variance, gamma, beta);
}

ag_node *ag_batch_norm_fixed(ag_node *x, ag_node *mean, ag_node *variance, ag_node *gamma, ag_node *beta,
                             double epsilon) {
    return AG_APPLY(&batch_norm_fixed, &epsilon, x, mean, variance, gamma, beta);
}

// ---- gradient of gamma: (dy, x, mean, variance) -> [C]

static bool gamma_infer(ag_node *node) {
    if (!check(node, 2)) return false;
    node->shape = node->input[2]->shape;
    return true;
}

static void gamma_forward(const ag_call *call) {
    const ag_shape x = call->node->input[1]->shape;
    const ag_dtype dtype = call->kernels->dtype;
    const ag_columns sums = {.kernels = call->kernels,
                             .rows = ag_rows_in(x),
                             .cols = ag_columns_in(x),
                             .dy = call->in[0],
                             .x = call->in[1],
                             .mean = call->in[2],
                             .scratch = call->scratch,
                             .out = call->out};
    ag_columns_sum(&sums);
    for (int64_t c = 0; c < sums.cols; c++)
        ag_store(call->out, c, dtype, ag_batch_norm_r(call, 3, c) * ag_load(call->out, c, dtype));
}

static ag_node *gamma_vjp(ag_node *node, ag_node *g, int input) {
    ag_node *dy = node->input[0], *x = node->input[1], *mean = node->input[2], *variance = node->input[3];
    if (input == 3) return over_variance(node, ag_mul(g, node), variance, -0.5);
    ag_node *gr = ag_div(g, deviation(node, variance));
    switch (input) {
        case 0:
            return ag_mul(ag_sub(x, mean), gr);
        case 1:
            return ag_mul(dy, gr);
        default:
            return ag_neg(ag_mul(sum_rows(dy), gr));
    }
}

static const ag_op batch_norm_gamma_gradient = {.name = "batch_norm_gamma_gradient",
                                                .infer = gamma_infer,
                                                .forward = gamma_forward,
                                                .vjp = gamma_vjp,
                                                .flops = sums_flops,
                                                .scratch = sums_scratch};

// ---- gradient of x: (dy, x, mean, variance, gamma, dgamma, dbeta) -> dx

static bool gradient_infer(ag_node *node) {
    if (!check(node, 2)) return false;
    node->shape = node->input[1]->shape;
    return true;
}

static void gradient_forward(const ag_call *call) {
    ag_normalize_call loop = ag_batch_norm_loop(call, 1, false);
    loop.dy = call->in[0];
    ag_batch_norm_add_sums(call, &loop, 1, call->in[AG_NORM_DBETA], call->in[AG_NORM_DGAMMA]);
    ag_columns_normalize(call->kernels, &loop);
}

// sum g dx / (gamma r), with xhat dgamma counted `times` times: [C].
static ag_node *projection(ag_node *node, ag_node *g, double times) {
    ag_node *const *in = node->input;
    ag_node *means = ag_add(ag_mul(in[6], sum_rows(g)),
                            ag_scale(ag_mul(in[5], gamma_gradient(node, g, in[1], in[2], in[3])), times));
    return ag_sub(sum_rows(ag_mul(g, in[0])), ag_scale(means, 1 / (double)ag_rows_in(node->shape)));
}

static ag_node *gradient_vjp(ag_node *node, ag_node *g, int input) {
    ag_node *const *in = node->input;
    ag_node *dgamma = in[5], *r_inverse = deviation(node, in[3]), *scale = ag_div(in[4], r_inverse);
    const double n = (double)ag_rows_in(node->shape);
    switch (input) {
        case 0:
            return ag_mul(g, scale);
        case 1:
            return ag_mul(g, ag_scale(ag_div(ag_mul(scale, dgamma), r_inverse), -1 / n));
        case 2:
            return ag_mul(sum_rows(g), ag_scale(ag_div(ag_mul(scale, dgamma), r_inverse), 1 / n));
        case 3:
            return over_variance(node, ag_mul(scale, projection(node, g, 2)), in[3], -0.5);
        case 4:
            return ag_div(projection(node, g, 1), r_inverse);
        case 5:
            return ag_scale(ag_mul(scale, gamma_gradient(node, g, in[1], in[2], in[3])), -1 / n);
        default:
            return ag_scale(ag_mul(scale, sum_rows(g)), -1 / n);
    }
}

static double gradient_flops(const ag_node *node) { return 5 * (double)ag_shape_size(node->shape); }

static const ag_op batch_norm_gradient = {.name = "batch_norm_gradient",
                                          .traits = AG_OP_INPLACE,
                                          .infer = gradient_infer,
                                          .forward = gradient_forward,
                                          .vjp = gradient_vjp,
                                          .flops = gradient_flops,
                                          .scratch = vectors_scratch};

const ag_op *const ag_ops_batch_norm[] = {
    &batch_variance, &batch_norm, &batch_norm_fixed, &batch_norm_gamma_gradient, &batch_norm_gradient, NULL};
