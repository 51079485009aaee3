// SPDX-License-Identifier: MIT
// Batch normalization (Ioffe and Szegedy 2015) over all axes but the last.
#include "autograd/op.h"
#include "nn/layers.h"

enum { GAMMA, BETA, MOVING_MEAN, MOVING_VARIANCE };

static nn_batch_norm_params resolve(const nn_layer *layer) {
    nn_batch_norm_params params = *(const nn_batch_norm_params *)layer->params;
    if (params.momentum == 0) params.momentum = 0.99;
    if (params.epsilon == 0) params.epsilon = 1e-3;
    return params;
}

static bool build(nn_layer *layer, ag_error *error) {
    const nn_batch_norm_params params = resolve(layer);
    if (!(params.momentum > 0 && params.momentum < 1))
        return nn_layer_fail(layer, error, AG_STATUS_USAGE, "momentum %g must lie in (0, 1)",
                             params.momentum);
    if (!(params.epsilon > 0 && params.epsilon < 1))
        return nn_layer_fail(layer, error, AG_STATUS_USAGE, "epsilon %g must lie in (0, 1)", params.epsilon);
    if (layer->in.rank < 1)
        return nn_layer_fail(layer, error, AG_STATUS_CONTRACT, "input %s must have a channel axis",
                             AG_TEXT(layer->in));
    const ag_shape channels = AG_SHAPE(layer->in.dim[layer->in.rank - 1]);
    layer->out = layer->in;
    layer->nonnegative = 1u << MOVING_VARIANCE;
    return nn_layer_declare(layer, "gamma", channels, AG_PARAMETER, nn_ones, error) &&
           nn_layer_declare(layer, "beta", channels, AG_PARAMETER, nn_zeros, error) &&
           nn_layer_declare(layer, "moving_mean", channels, AG_BUFFER, nn_zeros, error) &&
           nn_layer_declare(layer, "moving_variance", channels, AG_BUFFER, nn_ones, error);
}

// moving := momentum moving + (1 - momentum) factor batch.
static void update(ag_parameter *moving, ag_node *batch, double momentum, double factor) {
    if (ag_node_failed(batch)) return;
    ag_node *kept = ag_scale(ag_read(ag_node_tape(batch), moving), momentum);
    ag_assign(moving, ag_add(kept, ag_scale(batch, (1 - momentum) * factor)));
}

// n / (n - 1), which makes the variance of n values unbiased; 1 for a single one, as TensorFlow's fused
// kernel.
static double bessel(const ag_node *x) {
    const ag_shape shape = ag_node_shape(x);
    const double n = (double)(ag_shape_size(shape) / shape.dim[shape.rank - 1]);
    return n > 1 ? n / (n - 1) : 1;
}

static ag_node *apply_batch(const nn_layer *layer, ag_node *x, bool update_statistics) {
    const nn_batch_norm_params params = resolve(layer);
    ag_tape *tape = ag_node_tape(x);
    ag_node *mean = ag_batch_mean(x), *variance = ag_batch_variance(x, mean);
    if (update_statistics) {
        const double factor = params.biased_moving_variance ? 1 : bessel(x);
        update(layer->parameters[MOVING_MEAN], mean, params.momentum, 1);
        update(layer->parameters[MOVING_VARIANCE], variance, params.momentum, factor);
    }
    return ag_batch_norm(x, mean, variance, ag_read(tape, layer->parameters[GAMMA]),
                         ag_read(tape, layer->parameters[BETA]), params.epsilon);
}

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    if (mode.batch_statistics) return apply_batch(layer, x, mode.update_statistics);
    ag_node *in[4];
    for (int i = 0; i < 4; i++) in[i] = ag_read(ag_node_tape(x), layer->parameters[i]);
    return ag_batch_norm_fixed(x, in[MOVING_MEAN], in[MOVING_VARIANCE], in[GAMMA], in[BETA],
                               resolve(layer).epsilon);
}

nn_layer *nn_batch_norm_create(nn_batch_norm_params params) {
    static const nn_layer_kind kind = {"batch_norm", build, apply};
    return nn_layer_create(&kind, &params, sizeof params);
}
