// SPDX-License-Identifier: MIT
// What the optimizer updates share: their checks, and one parallel loop over chunks of a parameter with its
// states and its gradient.
#pragma once

#include "autograd/kernel.h"
#include "autograd/op.h"

// A part of the parameter, of its states and of the gradient.
typedef struct ag_update_chunk {
    const ag_kernels *kernels;
    int64_t n;
    const void *gradient;
    void *values[4];  // w, then the states
    void *scratch;    // n elements, with ag_update_scratch; else undefined
} ag_update_chunk;

// In [0, 1).
bool ag_is_decay_rate(double beta);
// Finite and not negative.
bool ag_is_amount(double value);

// Records the effect. inputs: gradient, then scalars; writes: w, then its states. Refuses, by name, a w that
// is not trainable, a state that is not a buffer and whatever has another shape.
ag_node *ag_update_record(const ag_op *op, int n_inputs, ag_node *const *inputs, int n_writes,
                          ag_parameter *const *writes, const void *attributes, size_t attributes_bytes);

bool ag_update_infer(ag_node *node);
int64_t ag_update_scratch(const ag_node *node, int workers);

// body for each chunk, in parallel.
void ag_update_run(const ag_call *call, void (*body)(const ag_update_chunk *chunk, const void *context),
                   const void *context);

// out = f(a, b; p, q) over the chunk; b is NULL for functions of one operand.
void ag_update_apply(const ag_update_chunk *chunk, ag_pointwise function, void *out, const void *a,
                     const void *b, double p, double q);
