// SPDX-License-Identifier: MIT
// Parameters, inputs and constants: descriptors without code.
#include "autograd/ops/source.h"

const ag_op ag_op_parameter = {.name = "parameter", .traits = AG_OP_SOURCE};
const ag_op ag_op_input = {.name = "input", .traits = AG_OP_SOURCE};
const ag_op ag_op_constant = {.name = "constant", .traits = AG_OP_SOURCE};

const ag_op *const ag_ops_source[] = {&ag_op_parameter, &ag_op_input, &ag_op_constant, NULL};
