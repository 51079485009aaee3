// SPDX-License-Identifier: MIT
// The precision of products: what the convolutions of f32 tapes may multiply, and the
// products of a small matrix with a wide one (ops/matmul.c: a dense layer in front of a
// convolution). Values, sums, statistics, losses and optimizers stay in f32, and so do
// passes with few products: layers of a few outputs or of one or three inputs, weight gradients in the direct
// form; and all other matrix products. The like of
// torch.set_float32_matmul_precision("medium") and of JAX's default_matmul_precision.
#pragma once

#include "autograd/check.h"

typedef enum ag_precision {
    AG_PRECISION_F32,
    AG_PRECISION_BF16,  // numbers rounded to bfloat16 (8 bits of significand, to nearest even), sums in f32
} ag_precision;

// For programs that this thread compiles from now on. AG_STATUS_USAGE, and nothing
// changes, where the processor has no instruction for bf16 products (AVX512-BF16);
// with AG_BF16=emulate in the environment it is done by others, slower than f32.
AG_API bool ag_precision_set(ag_precision precision, ag_error *error);
AG_API ag_precision ag_precision_get(void);
