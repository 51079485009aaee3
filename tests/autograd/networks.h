// SPDX-License-Identifier: MIT
// Small convolutional networks that several tests record.
#pragma once

#include "autograd/autograd.h"

// A discriminator of images [N,6,6,1]: conv 3x3 stride 2 to C, leaky
// ReLU, conv 3x3 stride 2 to 2 C, leaky ReLU, dense to one logit.
typedef struct critic {
    ag_parameter_set *set;
    ag_parameter *w1, *b1, *w2, *b2, *w3, *b3;
} critic;

#define CRITIC_PARAMETERS 6

// With drawn values; asserts by Criterion. The caller frees c->set.
void critic_create(critic *c, ag_dtype dtype, int64_t channels);
// The six parameters in declaration order.
void critic_list(const critic *c, ag_parameter *out[CRITIC_PARAMETERS]);
void critic_set_trainable(const critic *c, bool trainable);
// [N,6,6,1] -> logits [N,1], reading the parameters; the same from given nodes instead of reads.
ag_node *critic_apply(const critic *c, ag_node *x);
ag_node *critic_from(ag_node *const weights[CRITIC_PARAMETERS], ag_node *x);

// A generator: z [N,3] -> dense to [N,3,3,4], batch norm,
// leaky ReLU, transposed conv 3x3 stride 2, tanh -> [N,6,6,1].
typedef struct painter {
    ag_parameter_set *set;
    ag_parameter *dense, *gamma, *beta, *kernel, *bias;
} painter;

#define PAINTER_PARAMETERS 5

void painter_create(painter *p, ag_dtype dtype);
void painter_list(const painter *p, ag_parameter *out[PAINTER_PARAMETERS]);
ag_node *painter_apply(const painter *p, ag_node *z);

// Images [N,6,6,2] to images [N,6,6,2]: conv 3x3 stride 2 to 4 channels, batch norm, leaky ReLU, transposed
// conv 3x3 stride 2, leaky ReLU. Inputs: kernel, bias, gamma, beta, kernel, bias, then the images.
#define AUTOENCODER_INPUTS 7

// Drawn values in f64, of two images; the caller frees each.
void autoencoder_draw(ag_tensor *out[AUTOENCODER_INPUTS]);
// A graph for the gradient checker. The normalization takes the batch's own moments, or given ones if `fixed`
// points at true.
ag_node *autoencoder_graph(ag_tape *tape, int n, ag_node *const *in, void *fixed);

// Fills all parameters of a set with drawn values of magnitude below `scale`.
void parameters_draw(ag_parameter_set *set, double scale, uint64_t seed);

// mean softplus(-logits): the non-saturating loss, binary cross-entropy against ones.
ag_node *loss_of_real(ag_node *logits);
