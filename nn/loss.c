// SPDX-License-Identifier: MIT
// Losses as expressions of ops, and the table of all.
#include "nn/loss.h"

#include "autograd/op.h"
#include "nn/given.h"

// Made as large as the prediction, never the other way round: [N] against [N,1] is refused, not turned into
// [N,N].
static ag_node *target_like(ag_node *prediction, ag_node *target) {
    if (ag_node_failed(prediction)) return prediction;
    if (ag_node_failed(target)) return target;
    const ag_shape shape = ag_node_shape(prediction);
    return ag_shape_equal(shape, ag_node_shape(target)) ? target : ag_broadcast(target, shape);
}

// t softplus(-l) + (1 - t) softplus(l): the same function as the header's, and for targets 0 and 1 without
// the difference of large numbers, in the value and in the gradient.
ag_node *nn_bce_logits(ag_node *logits, ag_node *target) {
    ag_node *t = target_like(logits, target);
    ag_node *as_one = ag_mul(t, ag_softplus(ag_neg(logits)));
    ag_node *as_zero = ag_mul(ag_affine(t, -1, 1), ag_softplus(logits));
    return ag_mean(ag_add(as_one, as_zero));
}

ag_node *nn_mse(ag_node *prediction, ag_node *target) {
    return ag_mean(ag_square(ag_sub(prediction, target_like(prediction, target))));
}

ag_node *nn_l1(ag_node *prediction, ag_node *target) {
    return ag_mean(ag_abs(ag_sub(prediction, target_like(prediction, target))));
}

// [N,K] -> [N,1]: halves folded onto each other; in the middle they may overlap, which a maximum forgives.
static ag_node *row_maximum(ag_node *x, int64_t n, int64_t width) {
    while (width > 1) {
        const int64_t half = (width + 1) / 2;
        ag_node *left = ag_slice(x, (int64_t[]){0, 0}, AG_SHAPE(n, half));
        ag_node *right = ag_slice(x, (int64_t[]){0, width - half}, AG_SHAPE(n, half));
        x = ag_maximum(left, right);
        width = half;
    }
    return x;
}

ag_node *nn_softmax_cross_entropy(ag_node *logits, ag_node *target) {
    if (!NN_GIVEN(logits, "logits", NULL) || ag_node_failed(logits)) return logits;
    const ag_shape shape = ag_node_shape(logits);
    if (shape.rank != 2)
        return ag_tape_fail(ag_node_tape(logits),
                            "softmax_cross_entropy: logits %s must have shape [N,classes]", AG_TEXT(shape));
    // Any shift by row leaves the softmax as it is, its gradient too: the maximum is taken as a constant.
    ag_node *shifted = ag_sub(logits, ag_stop_gradient(row_maximum(logits, shape.dim[0], shape.dim[1])));
    ag_node *log_sum = ag_log(ag_sum_axes(ag_exp(shifted), AG_AXIS(1), true));
    ag_node *log_softmax = ag_sub(shifted, log_sum);
    return ag_scale(ag_sum(ag_mul(target_like(logits, target), log_softmax)), -1.0 / (double)shape.dim[0]);
}

nn_loss_entry nn_loss_at(int i) {
    static const nn_loss_entry losses[] = {
        {"bce_logits", nn_bce_logits},
        {"mse", nn_mse},
        {"l1", nn_l1},
        {"softmax_cross_entropy", nn_softmax_cross_entropy},
    };
    return i >= 0 && i < (int)(sizeof losses / sizeof *losses) ? losses[i] : (nn_loss_entry){0};
}
