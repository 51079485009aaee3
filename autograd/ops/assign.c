// SPDX-License-Identifier: MIT
// assign: parameter := value, trainable or not.
#include "autograd/kernel.h"
#include "autograd/ops.h"
#include "autograd/ops/strided.h"
#include "autograd/ops/update.h"

static void forward(const ag_call *call) {
    const ag_shape shape = call->node->input[0]->shape;
    ag_strided loop = ag_strided_over(shape);
    ag_strided_add(&loop, ag_strides_of(shape));
    ag_strided_add(&loop, ag_strides_of(shape));
    ag_strided_copy(&loop, call->kernels->dtype, ag_parameter_values(call->node->writes[0]), call->in[0]);
}

static const ag_op assign = {.name = "assign",
                             .traits = AG_OP_EFFECT,
                             .infer = ag_update_infer,
                             .forward = forward,
                             .flops = ag_no_flops};

ag_node *ag_assign(ag_parameter *parameter, ag_node *value) {
    if (ag_node_failed(value)) return value;
    if (!parameter) return ag_tape_fail(value->tape, "assign (%s): the parameter is NULL", value->label);
    if (!ag_shape_equal(parameter->shape, value->shape))
        return ag_tape_fail(value->tape,
                            "assign: %s/%s is %s and the value (%s) %s: the shapes must be equal",
                            ag_parameter_set_name(parameter->set), parameter->name, AG_TEXT(parameter->shape),
                            value->label, AG_TEXT(value->shape));
    return ag_apply_effect(&assign, value->tape, 1, &value, 1, &parameter, NULL, 0);
}

const ag_op *const ag_ops_assign[] = {&assign, NULL};
