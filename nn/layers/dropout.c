// SPDX-License-Identifier: MIT
// Inverted dropout (Srivastava et al. 2014): y = x mask, mask = u >= rate ? 1 / (1 - rate) : 0, u uniform.
#include "nn/layers.h"

static bool build(nn_layer *layer, ag_error *error) {
    const double rate = *(const double *)layer->params;
    layer->out = layer->in;
    return (rate >= 0 && rate < 1) ||
           nn_layer_fail(layer, error, AG_STATUS_USAGE, "rate %g must lie in [0, 1)", rate);
}

// A lane that no other draw of the tape's first 65536 nodes has, so that two layers, two models and two uses
// of one layer share no mask: the node's position, under 8 bits of the tape's name (FNV-1a), which keep the
// programs of one step apart.
static uint32_t lane_of(const ag_tape *tape) {
    uint32_t hash = 2166136261u;
    for (const char *c = ag_tape_name(tape); *c; c++) hash = (hash ^ (unsigned char)*c) * 16777619u;
    return (hash >> 24) << 16 | ((uint32_t)ag_tape_count(tape) & 0xffff);
}

// The comparison as arithmetic: u - rate is 0 or more than 2^-60 in size, so that 2^120 of it drowns any
// scale, and the clamp leaves exactly 0 or the scale.
static ag_node *mask(ag_node *u, double rate) {
    const double scale = 1 / (1 - rate);
    return ag_clamp(ag_affine(ag_add_scalar(u, -rate), 0x1p120, scale), 0, scale);
}

static ag_node *apply(const nn_layer *layer, ag_node *x, nn_mode mode) {
    const double rate = *(const double *)layer->params;
    if (!mode.dropout || rate == 0) return x;
    ag_tape *tape = ag_node_tape(x);
    ag_node *u = ag_random_uniform(tape, ag_node_shape(x), AG_PURPOSE_DROPOUT, lane_of(tape));
    return ag_mul(x, mask(u, rate));
}

nn_layer *nn_dropout(double rate) {
    static const nn_layer_kind kind = {"dropout", build, apply};
    return nn_layer_create(&kind, &rate, sizeof rate);
}
