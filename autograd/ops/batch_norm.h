// SPDX-License-Identifier: MIT
// What the fused forms of batch normalization (batch_norm_fused.c)
// share with it, and what rewrites ask of both.
#pragma once

#include "autograd/kernel.h"
#include "autograd/rewrite.h"

// Inputs of a normalization; those of a gradient follow its dy.
enum { AG_NORM_X, AG_NORM_MEAN, AG_NORM_VARIANCE, AG_NORM_GAMMA, AG_NORM_BETA, AG_NORM_INPUTS };

// First in the attributes of all nodes of the family.
double ag_batch_norm_epsilon(const ag_node *node);

// 1 / sqrt(variance + epsilon) of channel c, the variance being input `variance`.
double ag_batch_norm_r(const ag_call *call, int variance, int64_t c);

// scale[c] = gamma / sqrt(variance + epsilon) of a normalization whose inputs
// are the call's from `x` on, the first of them unused.
void ag_batch_norm_scale(const ag_call *call, int x, double epsilon, void *scale);

// The loop over x, which is input `x`, its moments and gamma behind it:
// vectors in scratch, so that the result may lie over any input, scale filled
// with gamma r, shift where there is a beta behind gamma (`shifted`). slope 1.
ag_normalize_call ag_batch_norm_loop(const ag_call *call, int x, bool shifted);
int64_t ag_batch_norm_vectors_bytes(const ag_node *x);

// Fills the loop's a and b, which the gradient of x has besides.
void ag_batch_norm_add_sums(const ag_call *call, ag_normalize_call *loop, int x, const void *dbeta,
                            const void *dgamma);

// batch_norm or batch_norm_fixed, without an activation.
bool ag_is_batch_norm(const ag_node *node);

// One of them, or what ag_batch_norm_fuse made of one and leaky_relu(.., *slope);
// without an activation *slope is 1.
bool ag_is_activated_batch_norm(const ag_node *node, double *slope);

// Whether dx is what batch_norm recorded for its x when dy reached z, a batch_norm: inputs dy, z's inputs but
// beta, dgamma, dbeta, the sums of that dy.
bool ag_is_batch_norm_gradient(const ag_node *dx, const ag_node *z, const ag_node *dy);
enum { AG_NORM_DGAMMA = AG_NORM_GAMMA + 2, AG_NORM_DBETA };

// Puts leaky_relu(normalization, slope) in the place of `at`.
void ag_batch_norm_fuse(ag_graph *graph, const ag_node *at, const ag_node *normalization, double slope);

// For dz = leaky_relu_gradient(dy, z) that nobody reads but dx, dgamma and dbeta of the normalization z:
// computes these from dy. In the place of dz come both sums.
void ag_batch_norm_fuse_gradient(ag_graph *graph, const ag_node *dz, const ag_node *z, const ag_node *dx,
                                 double slope);
