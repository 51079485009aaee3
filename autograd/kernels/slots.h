// SPDX-License-Identifier: MIT
// The functions of one table, as table.c puts them in and the other sources define them. Every source here is
// compiled once per instruction set and element type; the build gives KERNEL_ISA (scalar, baseline, avx2,
// avx512), KERNEL_BITS (32, 64) and KERNEL_VECTOR_BYTES, and KERNEL(name) makes the names differ.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/kernel.h"

#if KERNEL_BITS == 32
typedef float real;
#define KERNEL_TYPE f32
#define KERNEL_DTYPE AG_F32
#else
typedef double real;
#define KERNEL_TYPE f64
#define KERNEL_DTYPE AG_F64
#endif

#define KERNEL_JOIN(isa, type, name) ag_##isa##_##type##_##name
#define KERNEL_EXPAND(isa, type, name) KERNEL_JOIN(isa, type, name)
#define KERNEL(name) KERNEL_EXPAND(KERNEL_ISA, KERNEL_TYPE, name)

extern const ag_kernels KERNEL(table);

#define AG_POINTWISE(name, arity, expression) void KERNEL(name)(const ag_pointwise_call *call);
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE

double KERNEL(sum)(int64_t n, const void *x);
void KERNEL(column_sum)(int64_t rows, int64_t cols, const void *x, void *out);
void KERNEL(column_square)(int64_t rows, int64_t cols, const void *x, const void *mean, void *out);
void KERNEL(column_dot)(int64_t rows, int64_t cols, const void *dy, const void *x, const void *mean,
                        void *out);

void KERNEL(normalize)(const ag_normalize_call *call);
void KERNEL(column_gradient)(const ag_normalize_call *call);
void KERNEL(normalize_gradient)(const ag_normalize_call *call);

#define KERNEL_CONV(pass)                                                        \
    int64_t KERNEL(pass##_bytes)(const ag_conv_geometry *geometry, int workers); \
    int64_t KERNEL(pass##_tasks)(const ag_conv_geometry *geometry, int stage);   \
    void KERNEL(pass##_run)(const ag_conv_call *call, int stage, int64_t task);
KERNEL_CONV(forward)
KERNEL_CONV(input_gradient)
KERNEL_CONV(weight_gradient)
KERNEL_CONV(winograd_forward)
KERNEL_CONV(winograd_input_gradient)
KERNEL_CONV(winograd_weight_gradient)
#undef KERNEL_CONV

void KERNEL(adam)(const ag_adam_step *step);
