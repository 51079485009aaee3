// SPDX-License-Identifier: MIT
// The functions of one table, as table.c puts them in and the other sources define them. Every source here is
// compiled once per instruction set and element type; the build gives KERNEL_ISA (scalar, baseline, avx2,
// avx512), KERNEL_BITS (32, 64), KERNEL_BF16 (1: bf16 products) and KERNEL_VECTOR_BYTES, and
// KERNEL(name) makes the names differ.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "autograd/kernel.h"

#if KERNEL_BITS == 32
typedef float real;
#define KERNEL_REAL f32
#define KERNEL_DTYPE AG_F32
#else
typedef double real;
#define KERNEL_REAL f64
#define KERNEL_DTYPE AG_F64
#endif
#if KERNEL_BF16
#define KERNEL_TYPE bf16
#else
#define KERNEL_TYPE KERNEL_REAL
#endif

#define KERNEL_JOIN(isa, type, name) ag_##isa##_##type##_##name
#define KERNEL_EXPAND(isa, type, name) KERNEL_JOIN(isa, type, name)
#define KERNEL(name) KERNEL_EXPAND(KERNEL_ISA, KERNEL_TYPE, name)
// Of what a table of bf16 products has in common with its type's own.
#define KERNEL_SHARED(name) KERNEL_EXPAND(KERNEL_ISA, KERNEL_REAL, name)

extern const ag_kernels KERNEL(table);

#define AG_POINTWISE(name, arity, expression) void KERNEL_SHARED(name)(const ag_pointwise_call *call);
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE

double KERNEL_SHARED(sum)(int64_t n, const void *x);
void KERNEL_SHARED(column_sum)(int64_t rows, int64_t cols, const void *x, void *out);
void KERNEL_SHARED(column_square)(int64_t rows, int64_t cols, const void *x, const void *mean, void *out);
void KERNEL_SHARED(column_dot)(int64_t rows, int64_t cols, const void *dy, const void *x, const void *mean,
                               void *out);

void KERNEL_SHARED(normalize)(const ag_normalize_call *call);
void KERNEL_SHARED(column_gradient)(const ag_normalize_call *call);
void KERNEL_SHARED(normalize_gradient)(const ag_normalize_call *call);

// The direct weight gradient is a small part of a network's products: with vectors, it multiplies unrounded
// numbers in both tables.
#if KERNEL_VECTOR
#define KERNEL_UNROUNDED KERNEL_SHARED
#else
#define KERNEL_UNROUNDED KERNEL
#endif

#define KERNEL_CONV(kernel, pass)                                                \
    int64_t kernel(pass##_bytes)(const ag_conv_geometry *geometry, int workers); \
    int64_t kernel(pass##_tasks)(const ag_conv_geometry *geometry, int stage);   \
    void kernel(pass##_run)(const ag_conv_call *call, int stage, int64_t task);
KERNEL_CONV(KERNEL, forward)
KERNEL_CONV(KERNEL, input_gradient)
KERNEL_CONV(KERNEL_UNROUNDED, weight_gradient)
KERNEL_CONV(KERNEL, winograd_forward)
KERNEL_CONV(KERNEL, winograd_input_gradient)
KERNEL_CONV(KERNEL, winograd_weight_gradient)
// Of few inputs or outputs, which a table of bf16 products leaves unrounded too.
KERNEL_CONV(KERNEL_SHARED, forward)
KERNEL_CONV(KERNEL_SHARED, input_gradient)
#undef KERNEL_CONV

void KERNEL(matmul)(const ag_matmul_call *call);
void KERNEL_SHARED(adam)(const ag_adam_step *step);
