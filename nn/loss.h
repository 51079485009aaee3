// SPDX-License-Identifier: MIT
// Losses: each one expression of ops, a mean over the batch -> scalar. Targets are nodes: inputs, constants,
// scalars; they are broadcast to the prediction, never the reverse. What does not fit becomes the tape's
// error.
#pragma once

#include "autograd/ops.h"

typedef ag_node *(*nn_loss)(ag_node *prediction, ag_node *target);

// mean(max(l,0) - l t + log(1 + exp(-|l|))) over all elements: binary cross-entropy of sigmoid(l) against t
// in [0,1], on the logits, without clipping. Gradient (sigmoid(l) - t) / n. Keras:
// BinaryCrossentropy(from_logits=True). t broadcasts.
AG_API ag_node *nn_bce_logits(ag_node *logits, ag_node *target);
// mean((p - t)^2) and mean(|p - t|) over all elements; t broadcasts to p's shape.
AG_API ag_node *nn_mse(ag_node *prediction, ag_node *target);
AG_API ag_node *nn_l1(ag_node *prediction, ag_node *target);
// -mean over rows of sum over classes of t log softmax(l); logits, target [N,classes]. Keras:
// CategoricalCrossentropy(from_logits=True).
AG_API ag_node *nn_softmax_cross_entropy(ag_node *logits, ag_node *target);

// All losses by name, for tests; NULL name past the end.
typedef struct nn_loss_entry {
    const char *name;
    nn_loss loss;
} nn_loss_entry;
AG_API nn_loss_entry nn_loss_at(int i);
