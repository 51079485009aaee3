// SPDX-License-Identifier: MIT
// All pointwise ops: one table, a row for each kernel slot with its name and its gradient. Gradients that
// need a choice or reuse a value (tanh_gradient, ..) are rows themselves and so have gradients in turn.
#include "autograd/kernel.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/recorded.h"
#include "autograd/ops/strided.h"

// The numbers of ops that have some: a factor and a term, a slope, two limits.
typedef struct numbers {
    double p, q;
} numbers;

_Static_assert(sizeof(numbers) == AG_POINTWISE_ATTRIBUTES, "rewrites copy the numbers");

static const ag_op table[AG_POINTWISE_COUNT];

static bool infer(ag_node *node) {
    node->shape = node->input[0]->shape;
    for (int i = 1; i < node->n_inputs; i++) {
        const ag_shape so_far = node->shape;
        if (!ag_shape_broadcast(so_far, node->input[i]->shape, &node->shape))
            return ag_node_fail(
                node, "input %d (%s) is %s and does not broadcast with %s: dimensions must be equal or 1", i,
                node->input[i]->label, AG_TEXT(node->input[i]->shape), AG_TEXT(so_far));
    }
    return true;
}

static void run(void *context, const ag_run *r) {
    const ag_call *call = context;
    const ag_dtype dtype = call->kernels->dtype;
    const numbers *n = call->node->attributes;
    ag_pointwise_call piece = {.n = r->n, .out = ag_at(call->out, r->offset[0], dtype), .p = n->p, .q = n->q};
    for (int i = 0; i < call->node->n_inputs; i++) {
        piece.in[i] = ag_const_at(call->in[i], r->offset[i + 1], dtype);
        piece.step[i] = (int)r->step[i + 1];
    }
    call->kernels->pointwise[call->node->op - table](&piece);
}

static void forward(const ag_call *call) {
    const ag_node *node = call->node;
    ag_strided loop = ag_strided_over(node->shape);
    ag_strided_add(&loop, ag_strides_of(node->shape));
    for (int i = 0; i < node->n_inputs; i++)
        ag_strided_add(&loop, ag_strides_broadcast(node->input[i]->shape, node->shape));
    ag_strided_run(&loop, run, (void *)call);
}

// ---- recording

static ag_node *unary(ag_pointwise slot, ag_node *x, double p, double q) {
    return ag_apply_inputs(&table[slot], 1, &x, &(numbers){p, q}, sizeof(numbers));
}

static ag_node *binary(ag_pointwise slot, ag_node *a, ag_node *b, double p, double q) {
    return ag_apply_inputs(&table[slot], 2, (ag_node *[]){a, b}, &(numbers){p, q}, sizeof(numbers));
}

ag_node *ag_add(ag_node *a, ag_node *b) { return binary(AG_POINTWISE_add, a, b, 0, 0); }
ag_node *ag_sub(ag_node *a, ag_node *b) { return binary(AG_POINTWISE_sub, a, b, 0, 0); }
ag_node *ag_mul(ag_node *a, ag_node *b) { return binary(AG_POINTWISE_mul, a, b, 0, 0); }
ag_node *ag_div(ag_node *a, ag_node *b) { return binary(AG_POINTWISE_div, a, b, 0, 0); }
ag_node *ag_minimum(ag_node *a, ag_node *b) { return binary(AG_POINTWISE_minimum, a, b, 0, 0); }
ag_node *ag_maximum(ag_node *a, ag_node *b) { return binary(AG_POINTWISE_maximum, a, b, 0, 0); }
ag_node *ag_neg(ag_node *x) { return unary(AG_POINTWISE_neg, x, 0, 0); }
ag_node *ag_scale(ag_node *x, double factor) { return unary(AG_POINTWISE_affine, x, factor, 0); }
ag_node *ag_add_scalar(ag_node *x, double term) { return unary(AG_POINTWISE_affine, x, 1, term); }
ag_node *ag_affine(ag_node *x, double factor, double term) {
    return unary(AG_POINTWISE_affine, x, factor, term);
}
ag_node *ag_square(ag_node *x) { return unary(AG_POINTWISE_square, x, 0, 0); }
ag_node *ag_sqrt(ag_node *x) { return unary(AG_POINTWISE_sqrt, x, 0, 0); }
ag_node *ag_exp(ag_node *x) { return unary(AG_POINTWISE_exp, x, 0, 0); }
ag_node *ag_log(ag_node *x) { return unary(AG_POINTWISE_log, x, 0, 0); }
ag_node *ag_tanh(ag_node *x) { return unary(AG_POINTWISE_tanh, x, 0, 0); }
ag_node *ag_sigmoid(ag_node *x) { return unary(AG_POINTWISE_sigmoid, x, 0, 0); }
ag_node *ag_softplus(ag_node *x) { return unary(AG_POINTWISE_softplus, x, 0, 0); }
ag_node *ag_relu(ag_node *x) { return unary(AG_POINTWISE_leaky_relu, x, 0, 0); }
ag_node *ag_leaky_relu(ag_node *x, double slope) { return unary(AG_POINTWISE_leaky_relu, x, slope, 0); }
ag_node *ag_abs(ag_node *x) { return unary(AG_POINTWISE_abs, x, 0, 0); }

ag_node *ag_clamp(ag_node *x, double low, double high) {
    if (!ag_node_failed(x) && !(low <= high))
        return ag_tape_fail(x->tape, "clamp (%s): the limits [%g, %g] are not in order", x->label, low, high);
    return unary(AG_POINTWISE_clamp, x, low, high);
}

static const numbers *numbers_of(const ag_node *node) { return node->attributes; }

bool ag_is_affine(const ag_node *y, double factor, double term) {
    return y->op == &table[AG_POINTWISE_affine] && numbers_of(y)->p == factor && numbers_of(y)->q == term;
}

bool ag_is_add(const ag_node *y) { return y->op == &table[AG_POINTWISE_add]; }

static bool is_with_slope(const ag_node *y, ag_pointwise slot, double *slope) {
    if (y->op != &table[slot]) return false;
    *slope = numbers_of(y)->p;
    return true;
}

bool ag_is_leaky_relu(const ag_node *y, double *slope) {
    return is_with_slope(y, AG_POINTWISE_leaky_relu, slope);
}

bool ag_is_leaky_relu_gradient(const ag_node *y, double *slope) {
    return is_with_slope(y, AG_POINTWISE_leaky_relu_gradient, slope);
}

// ---- gradients

// Sums over the axes along which the input was broadcast.
static ag_node *fit(ag_node *gradient, const ag_node *node, int input) {
    return ag_sum_to(gradient, node->input[input]->shape);
}

// dy where a < b, half of it where they are equal, else 0.
static ag_node *where_less(ag_node *dy, ag_node *a, ag_node *b) {
    return ag_apply_inputs(&table[AG_POINTWISE_less_gradient], 3, (ag_node *[]){dy, a, b}, &(numbers){0, 0},
                           sizeof(numbers));
}

static ag_node *add_vjp(ag_node *node, ag_node *dy, int input) { return fit(dy, node, input); }

static ag_node *sub_vjp(ag_node *node, ag_node *dy, int input) {
    return fit(input == 0 ? dy : ag_neg(dy), node, input);
}

static ag_node *mul_vjp(ag_node *node, ag_node *dy, int input) {
    return fit(ag_mul(dy, node->input[1 - input]), node, input);
}

static ag_node *div_vjp(ag_node *node, ag_node *dy, int input) {
    ag_node *quotient = ag_div(dy, node->input[1]);
    return fit(input == 0 ? quotient : ag_neg(ag_mul(quotient, node)), node, input);
}

static ag_node *minimum_vjp(ag_node *node, ag_node *dy, int input) {
    return fit(where_less(dy, node->input[input], node->input[1 - input]), node, input);
}

static ag_node *maximum_vjp(ag_node *node, ag_node *dy, int input) {
    return fit(where_less(dy, node->input[1 - input], node->input[input]), node, input);
}

static ag_node *neg_vjp(ag_node *node, ag_node *dy, int input) { return (void)node, (void)input, ag_neg(dy); }

static ag_node *affine_vjp(ag_node *node, ag_node *dy, int input) {
    return (void)input, ag_scale(dy, numbers_of(node)->p);
}

static ag_node *square_vjp(ag_node *node, ag_node *dy, int input) {
    return ag_mul(ag_scale(dy, 2), node->input[input]);
}

static ag_node *sqrt_vjp(ag_node *node, ag_node *dy, int input) {
    return (void)input, ag_div(ag_scale(dy, 0.5), node);
}

static ag_node *exp_vjp(ag_node *node, ag_node *dy, int input) { return (void)input, ag_mul(dy, node); }

static ag_node *log_vjp(ag_node *node, ag_node *dy, int input) { return ag_div(dy, node->input[input]); }

static ag_node *tanh_vjp(ag_node *node, ag_node *dy, int input) {
    return (void)input, binary(AG_POINTWISE_tanh_gradient, dy, node, 0, 0);
}

static ag_node *sigmoid_vjp(ag_node *node, ag_node *dy, int input) {
    return (void)input, binary(AG_POINTWISE_sigmoid_gradient, dy, node, 0, 0);
}

static ag_node *softplus_vjp(ag_node *node, ag_node *dy, int input) {
    return ag_mul(dy, ag_sigmoid(node->input[input]));
}

static ag_node *abs_vjp(ag_node *node, ag_node *dy, int input) {
    return binary(AG_POINTWISE_abs_gradient, dy, node->input[input], 0, 0);
}

static ag_node *leaky_relu_vjp(ag_node *node, ag_node *dy, int input) {
    return binary(AG_POINTWISE_leaky_relu_gradient, dy, node->input[input], numbers_of(node)->p, 0);
}

static ag_node *clamp_vjp(ag_node *node, ag_node *dy, int input) {
    const numbers *limits = numbers_of(node);
    return binary(AG_POINTWISE_clamp_gradient, dy, node->input[input], limits->p, limits->q);
}

// d/d dy and d/dy of dy (1 - y^2).
static ag_node *tanh_gradient_vjp(ag_node *node, ag_node *g, int input) {
    ag_node *dy = node->input[0], *y = node->input[1];
    if (input == 0) return binary(AG_POINTWISE_tanh_gradient, g, y, 0, 0);
    return ag_mul(ag_scale(ag_mul(g, dy), -2), y);
}

// d/d dy and d/dy of dy y (1 - y).
static ag_node *sigmoid_gradient_vjp(ag_node *node, ag_node *g, int input) {
    ag_node *dy = node->input[0], *y = node->input[1];
    if (input == 0) return binary(AG_POINTWISE_sigmoid_gradient, g, y, 0, 0);
    return ag_mul(ag_mul(g, dy), ag_affine(y, -2, 1));
}

// Gradients of piecewise linear functions are linear in dy and constant between the kinks of the rest: the
// same choice again, of the gradient that arrives.
static ag_node *choice_vjp(ag_node *node, ag_node *g, int input) {
    if (input != 0) return NULL;
    ag_node *inputs[AG_MAX_INPUTS] = {g};
    for (int i = 1; i < node->n_inputs; i++) inputs[i] = node->input[i];
    return ag_apply_inputs(node->op, node->n_inputs, inputs, node->attributes, sizeof(numbers));
}

// ---- the table

#define ROW(slot, gradient)   \
    [AG_POINTWISE_##slot] = { \
        .name = #slot, .traits = AG_OP_INPLACE, .infer = infer, .forward = forward, .vjp = gradient}

static const ag_op table[AG_POINTWISE_COUNT] = {
    ROW(add, add_vjp),
    ROW(sub, sub_vjp),
    ROW(mul, mul_vjp),
    ROW(div, div_vjp),
    ROW(minimum, minimum_vjp),
    ROW(maximum, maximum_vjp),
    ROW(neg, neg_vjp),
    ROW(affine, affine_vjp),
    ROW(square, square_vjp),
    ROW(sqrt, sqrt_vjp),
    ROW(exp, exp_vjp),
    ROW(log, log_vjp),
    ROW(tanh, tanh_vjp),
    ROW(sigmoid, sigmoid_vjp),
    ROW(softplus, softplus_vjp),
    ROW(abs, abs_vjp),
    ROW(leaky_relu, leaky_relu_vjp),
    ROW(clamp, clamp_vjp),
    ROW(tanh_gradient, tanh_gradient_vjp),
    ROW(sigmoid_gradient, sigmoid_gradient_vjp),
    ROW(leaky_relu_gradient, choice_vjp),
    ROW(abs_gradient, choice_vjp),
    ROW(clamp_gradient, choice_vjp),
    ROW(less_gradient, choice_vjp),
};

const ag_op *const ag_ops_pointwise[] = {
#define AG_POINTWISE(name, arity, expression) &table[AG_POINTWISE_##name],
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE
    NULL,
};
