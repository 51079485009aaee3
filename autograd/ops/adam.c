// SPDX-License-Identifier: MIT
// adam_update: Adam (Kingma and Ba 2015, algorithm 1) in the two forms that its epsilon has, and AdamW.
#include <math.h>

#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/update.h"

// Keras folds both bias corrections into the rate (section 2, "epsilon hat"); PyTorch corrects sqrt(v) first
// and adds epsilon then.
static ag_adam_step step_of(const ag_adam_params *p, double rate, double t) {
    const double correction1 = 1 - pow(p->beta1, t), correction2 = sqrt(1 - pow(p->beta2, t));
    return (ag_adam_step){.rate = p->torch_epsilon ? rate / correction1 : rate * correction2 / correction1,
                          .root_scale = p->torch_epsilon ? 1 / correction2 : 1,
                          .beta1 = p->beta1,
                          .beta2 = p->beta2,
                          .epsilon = p->epsilon,
                          .decay = rate * p->weight_decay};
}

static void update_chunk(const ag_update_chunk *chunk, const void *context) {
    ag_adam_step step = *(const ag_adam_step *)context;
    step.n = chunk->n;
    step.g = chunk->gradient;
    step.w = chunk->values[0];
    step.m = chunk->values[1];
    step.v = chunk->values[2];
    chunk->kernels->adam(&step);
}

static void forward(const ag_call *call) {
    const ag_dtype dtype = call->kernels->dtype;
    const ag_adam_step step =
        step_of(call->node->attributes, ag_load(call->in[1], 0, dtype), ag_load(call->in[2], 0, dtype));
    ag_update_run(call, update_chunk, &step);
}

static double flops(const ag_node *node) { return 12 * (double)ag_shape_size(node->input[0]->shape); }

static const ag_op adam = {.name = "adam_update",
                           .traits = AG_OP_EFFECT,
                           .infer = ag_update_infer,
                           .forward = forward,
                           .flops = flops};

static bool is_decay_rate(double beta) { return beta >= 0 && beta < 1; }

ag_node *ag_adam_update(ag_parameter *w, ag_node *gradient, ag_parameter *m, ag_parameter *v, ag_node *rate,
                        ag_node *t, ag_adam_params params) {
    if (!ag_node_failed(gradient) && !(is_decay_rate(params.beta1) && is_decay_rate(params.beta2)))
        return ag_tape_fail(gradient->tape, "adam_update: beta1 %g and beta2 %g must lie in [0, 1)",
                            params.beta1, params.beta2);
    return ag_update_record(&adam, 3, (ag_node *[]){gradient, rate, t}, 3, (ag_parameter *[]){w, m, v},
                            &params, sizeof params);
}

const ag_op *const ag_ops_adam[] = {&adam, NULL};
