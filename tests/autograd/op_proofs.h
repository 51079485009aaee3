// SPDX-License-Identifier: MIT
// The proofs that every row of op_case.h goes through; each takes one row, sweeps its configurations and
// reports by Criterion, naming the row, the configuration and the first bad entry.
#pragma once

#include "tests/autograd/op_case.h"

// f64 to 1e-12 and f32 to the row's bound against the reference, by plain evaluation and by a poisoned
// program.
void op_prove_forward(const op_case *row);
// Pointwise: all combinations of 0, -0, +-1, +-inf, NaN and large numbers. Others: one NaN at the first, a
// middle and the last entry of each input must reach the entries that the reference says and no others.
void op_prove_special_values(const op_case *row);
// f(2 x - y / 2) = 2 f(x) - f(y) / 2, and <f(x), dy> = <x, vjp(dy)>, for the sets of inputs in which f is
// linear.
void op_prove_linearity(const op_case *row);
void op_prove_adjointness(const op_case *row);
// Central differences of first and second order.
void op_prove_gradient(const op_case *row);
void op_prove_second_order(const op_case *row);
