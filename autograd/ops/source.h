// SPDX-License-Identifier: MIT
// The ops of nodes whose value lies elsewhere; the tape records them itself (ag_read, ag_input, ag_constant).
#pragma once

#include "autograd/op.h"

extern const ag_op ag_op_parameter, ag_op_input, ag_op_constant;
