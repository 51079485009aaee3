// SPDX-License-Identifier: MIT
// rmsprop_update: s := rho s + (1 - rho) g^2; w -= rate g / (sqrt(s) + epsilon).
// Tieleman and Hinton 2012, epsilon outside the root, as in Keras's legacy optimizer
// (tf.keras.optimizers.legacy); Keras's present one has it inside.
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/update.h"

typedef struct numbers {
    double rho, epsilon, rate;  // rate is read at each run
} numbers;

static void update_chunk(const ag_update_chunk *c, const void *context) {
    const numbers *n = context;
    void *w = c->values[0], *square = c->values[1], *t = c->scratch;
    ag_update_apply(c, AG_POINTWISE_square, t, c->gradient, NULL, 0, 0);
    ag_update_apply(c, AG_POINTWISE_affine, t, t, NULL, 1 - n->rho, 0);
    ag_update_apply(c, AG_POINTWISE_affine, square, square, NULL, n->rho, 0);
    ag_update_apply(c, AG_POINTWISE_add, square, square, t, 0, 0);
    ag_update_apply(c, AG_POINTWISE_sqrt, t, square, NULL, 0, 0);
    ag_update_apply(c, AG_POINTWISE_affine, t, t, NULL, 1, n->epsilon);
    ag_update_apply(c, AG_POINTWISE_div, t, c->gradient, t, 0, 0);
    ag_update_apply(c, AG_POINTWISE_affine, t, t, NULL, n->rate, 0);
    ag_update_apply(c, AG_POINTWISE_sub, w, w, t, 0, 0);
}

static void forward(const ag_call *call) {
    numbers n = *(const numbers *)call->node->attributes;
    n.rate = ag_load(call->in[1], 0, call->kernels->dtype);
    ag_update_run(call, update_chunk, &n);
}

static double flops(const ag_node *node) { return 9 * (double)ag_shape_size(node->input[0]->shape); }

static const ag_op rmsprop = {.name = "rmsprop_update",
                              .traits = AG_OP_EFFECT,
                              .infer = ag_update_infer,
                              .forward = forward,
                              .flops = flops,
                              .scratch = ag_update_scratch};

ag_node *ag_rmsprop_update(ag_parameter *w, ag_node *gradient, ag_parameter *square, ag_node *rate,
                           double rho, double epsilon) {
    if (!ag_node_failed(gradient) && !ag_is_decay_rate(rho))
        return ag_tape_fail(gradient->tape, "rmsprop_update: rho %g must lie in [0, 1)", rho);
    if (!ag_node_failed(gradient) && !ag_is_amount(epsilon))
        return ag_tape_fail(gradient->tape, "rmsprop_update: epsilon %g must be at least 0 and finite",
                            epsilon);
    const numbers attributes = {.rho = rho, .epsilon = epsilon};
    return ag_update_record(&rmsprop, 2, (ag_node *[]){gradient, rate}, 2, (ag_parameter *[]){w, square},
                            &attributes, sizeof attributes);
}

const ag_op *const ag_ops_rmsprop[] = {&rmsprop, NULL};
