// SPDX-License-Identifier: MIT
// One table of kernels: the slots of this instruction set and element type.
#include "autograd/kernels/slots.h"

#define STRING(name) #name
#define NAME(name) STRING(name)
#define CONV(pass) \
    { KERNEL(pass##_bytes), KERNEL(pass##_tasks), KERNEL(pass##_run) }

const ag_kernels KERNEL(table) = {
    .isa = NAME(KERNEL_ISA),
    .dtype = KERNEL_DTYPE,
    .lanes = KERNEL_VECTOR_BYTES / (int)sizeof(real),
    .pointwise =
        {
#define AG_POINTWISE(name, arity, expression) [AG_POINTWISE_##name] = KERNEL(name),
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE
        },
    .sum = KERNEL(sum),
    .column_sum = KERNEL(column_sum),
    .column_square = KERNEL(column_square),
    .column_dot = KERNEL(column_dot),
    .normalize = KERNEL(normalize),
    .column_gradient = KERNEL(column_gradient),
    .normalize_gradient = KERNEL(normalize_gradient),
    .conv =
        {
            [AG_CONV_FORWARD] = CONV(forward),
            [AG_CONV_INPUT_GRADIENT] = CONV(input_gradient),
            [AG_CONV_WEIGHT_GRADIENT] = CONV(weight_gradient),
        },
#if KERNEL_VECTOR
    .winograd =
        {
            [AG_CONV_FORWARD] = CONV(winograd_forward),
            [AG_CONV_INPUT_GRADIENT] = CONV(winograd_input_gradient),
            [AG_CONV_WEIGHT_GRADIENT] = CONV(winograd_weight_gradient),
        },
#endif
    .adam = KERNEL(adam),
};
