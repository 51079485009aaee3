// SPDX-License-Identifier: MIT
// One table of kernels: the slots of this instruction set and element type.
#include "autograd/kernels/slots.h"

#define STRING(name) #name
#define NAME(name) STRING(name)
#define CONV(kernel, pass) \
    { kernel(pass##_bytes), kernel(pass##_tasks), kernel(pass##_run) }

const ag_kernels KERNEL(table) = {
    .isa = NAME(KERNEL_ISA),
    .dtype = KERNEL_DTYPE,
    .bf16 = KERNEL_BF16,
    .pointwise =
        {
#define AG_POINTWISE(name, arity, expression) [AG_POINTWISE_##name] = KERNEL_SHARED(name),
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE
        },
    .sum = KERNEL_SHARED(sum),
    .column_sum = KERNEL_SHARED(column_sum),
    .column_square = KERNEL_SHARED(column_square),
    .column_dot = KERNEL_SHARED(column_dot),
    .normalize = KERNEL_SHARED(normalize),
    .column_gradient = KERNEL_SHARED(column_gradient),
    .normalize_gradient = KERNEL_SHARED(normalize_gradient),
    .conv =
        {
            [AG_CONV_FORWARD] = CONV(KERNEL, forward),
            [AG_CONV_INPUT_GRADIENT] = CONV(KERNEL, input_gradient),
            [AG_CONV_WEIGHT_GRADIENT] = CONV(KERNEL_UNROUNDED, weight_gradient),
        },
#if KERNEL_VECTOR
    .winograd =
        {
            [AG_CONV_FORWARD] = CONV(KERNEL, winograd_forward),
            [AG_CONV_INPUT_GRADIENT] = CONV(KERNEL, winograd_input_gradient),
            [AG_CONV_WEIGHT_GRADIENT] = CONV(KERNEL, winograd_weight_gradient),
        },
#endif
    .matmul = KERNEL(matmul),
    .adam = KERNEL_SHARED(adam),
};
