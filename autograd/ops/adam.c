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
    const double rate = ag_load(call->in[1], 0, dtype), t = ag_load(call->in[2], 0, dtype);
    // At t = 0 both corrections are 0 and the step is 0 / 0.
    const ag_adam_step step = step_of(call->node->attributes, rate, fmax(t, 1));
    ag_update_run(call, update_chunk, &step);
}

static double flops(const ag_node *node) { return 12 * (double)ag_shape_size(node->input[0]->shape); }

static const ag_op adam = {.name = "adam_update",
                           .traits = AG_OP_EFFECT,
                           .infer = ag_update_infer,
                           .forward = forward,
                           .flops = flops};

static ag_node *refuse(ag_tape *tape, const ag_adam_params *p) {
    if (!ag_is_decay_rate(p->beta1) || !ag_is_decay_rate(p->beta2))
        return ag_tape_fail(tape, "adam_update: beta1 %g and beta2 %g must lie in [0, 1)", p->beta1,
                            p->beta2);
    if (!ag_is_amount(p->epsilon))
        return ag_tape_fail(tape, "adam_update: epsilon %g must be at least 0 and finite", p->epsilon);
    if (!ag_is_amount(p->weight_decay))
        return ag_tape_fail(tape, "adam_update: weight_decay %g must be at least 0 and finite",
                            p->weight_decay);
    return NULL;
}

ag_node *ag_adam_update(ag_parameter *w, ag_node *gradient, ag_parameter *m, ag_parameter *v, ag_node *rate,
                        ag_node *t, ag_adam_params params) {
    ag_node *refused = ag_node_failed(gradient) ? NULL : refuse(gradient->tape, &params);
    if (refused) return refused;
    return ag_update_record(&adam, 3, (ag_node *[]){gradient, rate, t}, 3, (ag_parameter *[]){w, m, v},
                            &params, sizeof params);
}

const ag_op *const ag_ops_adam[] = {&adam, NULL};
