// SPDX-License-Identifier: MIT
// sgd_update: v := momentum v - rate g; w += v. Without a velocity: w -= rate g.
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/update.h"

typedef struct numbers {
    double rate, momentum;
    bool has_velocity;
} numbers;

static void update_chunk(const ag_update_chunk *c, const void *context) {
    const numbers *n = context;
    void *w = c->values[0], *v = c->values[1], *step = c->scratch;
    ag_update_apply(c, AG_POINTWISE_affine, step, c->gradient, NULL, -n->rate, 0);
    if (n->has_velocity) {
        ag_update_apply(c, AG_POINTWISE_affine, v, v, NULL, n->momentum, 0);
        ag_update_apply(c, AG_POINTWISE_add, v, v, step, 0, 0);
        step = v;
    }
    ag_update_apply(c, AG_POINTWISE_add, w, w, step, 0, 0);
}

static void forward(const ag_call *call) {
    const numbers n = {.rate = ag_load(call->in[1], 0, call->kernels->dtype),
                       .momentum = *(const double *)call->node->attributes,
                       .has_velocity = call->node->n_writes == 2};
    ag_update_run(call, update_chunk, &n);
}

static double flops(const ag_node *node) { return 4 * (double)ag_shape_size(node->input[0]->shape); }

static const ag_op sgd = {.name = "sgd_update",
                          .traits = AG_OP_EFFECT,
                          .infer = ag_update_infer,
                          .forward = forward,
                          .flops = flops,
                          .scratch = ag_update_scratch};

ag_node *ag_sgd_update(ag_parameter *w, ag_node *gradient, ag_parameter *velocity, ag_node *rate,
                       double momentum) {
    if (!ag_node_failed(gradient) && !ag_is_decay_rate(momentum))
        return ag_tape_fail(gradient->tape, "sgd_update: momentum %g must lie in [0, 1)", momentum);
    const int n_writes = velocity || momentum != 0 ? 2 : 1;
    return ag_update_record(&sgd, 2, (ag_node *[]){gradient, rate}, n_writes, (ag_parameter *[]){w, velocity},
                            &momentum, sizeof momentum);
}

const ag_op *const ag_ops_sgd[] = {&sgd, NULL};
