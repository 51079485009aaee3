// SPDX-License-Identifier: MIT
// Small convolutional networks that several tests record.
#include "tests/autograd/networks.h"

#include <criterion/criterion.h>

#include "tests/support/values.h"

void parameters_draw(ag_parameter_set *set, double scale, uint64_t seed) {
    int64_t size;
    void *values = ag_parameter_set_values(set, &size);
    cr_assert(values != NULL, "%s has no values", ag_parameter_set_name(set));
    for (int64_t i = 0; i < size; i++) {
        double value = scale * (2 * values_uniform(&seed) - 1);
        if (ag_parameter_set_dtype(set) == AG_F32)
            ((float *)values)[i] = (float)value;
        else
            ((double *)values)[i] = value;
    }
}

static ag_parameter *declare(ag_parameter_set *set, const char *name, ag_shape shape) {
    ag_error error = {0};
    ag_parameter *parameter = ag_parameter_add(set, name, shape, AG_PARAMETER, &error);
    cr_assert(parameter != NULL, "%s", error.text);
    return parameter;
}

static void finish(ag_parameter_set *set, uint64_t seed) {
    ag_error error = {0};
    cr_assert(ag_parameter_set_seal(set, &error), "%s", error.text);
    parameters_draw(set, 0.6, seed);
}

void critic_create(critic *c, ag_dtype dtype, int64_t channels) {
    c->set = ag_parameter_set_create("critic", dtype);
    c->w1 = declare(c->set, "w1", AG_SHAPE(3, 3, 1, channels));
    c->b1 = declare(c->set, "b1", AG_SHAPE(channels));
    c->w2 = declare(c->set, "w2", AG_SHAPE(3, 3, channels, 2 * channels));
    c->b2 = declare(c->set, "b2", AG_SHAPE(2 * channels));
    c->w3 = declare(c->set, "w3", AG_SHAPE(8 * channels, 1));
    c->b3 = declare(c->set, "b3", AG_SHAPE(1));
    finish(c->set, 31);
}

void critic_list(const critic *c, ag_parameter *out[CRITIC_PARAMETERS]) {
    for (int i = 0; i < CRITIC_PARAMETERS; i++) out[i] = ag_parameter_set_at(c->set, i);
}

void critic_set_trainable(const critic *c, bool trainable) {
    for (int i = 0; i < CRITIC_PARAMETERS; i++) ag_parameter_set_at(c->set, i)->trainable = trainable;
}

static ag_node *conv_block(ag_node *x, ag_node *w, ag_node *b) {
    ag_conv_params halve = {.stride = 2, .padding = AG_PADDING_SAME};
    return ag_leaky_relu(ag_add(ag_conv2d(x, w, halve), b), 0.2);
}

ag_node *critic_from(ag_node *const w[CRITIC_PARAMETERS], ag_node *x) {
    ag_node *features = conv_block(conv_block(x, w[0], w[1]), w[2], w[3]);
    ag_shape shape = ag_node_shape(features);
    ag_node *flat = ag_reshape(features, AG_SHAPE(shape.dim[0], shape.dim[1] * shape.dim[2] * shape.dim[3]));
    return ag_add(ag_matmul(flat, w[4], false, false), w[5]);
}

ag_node *critic_apply(const critic *c, ag_node *x) {
    ag_node *weights[CRITIC_PARAMETERS];
    for (int i = 0; i < CRITIC_PARAMETERS; i++)
        weights[i] = ag_read(ag_node_tape(x), ag_parameter_set_at(c->set, i));
    return critic_from(weights, x);
}

void painter_create(painter *p, ag_dtype dtype) {
    p->set = ag_parameter_set_create("painter", dtype);
    p->dense = declare(p->set, "dense", AG_SHAPE(3, 36));
    p->gamma = declare(p->set, "gamma", AG_SHAPE(4));
    p->beta = declare(p->set, "beta", AG_SHAPE(4));
    p->kernel = declare(p->set, "kernel", AG_SHAPE(3, 3, 1, 4));
    p->bias = declare(p->set, "bias", AG_SHAPE(1));
    finish(p->set, 32);
}

void painter_list(const painter *p, ag_parameter *out[PAINTER_PARAMETERS]) {
    for (int i = 0; i < PAINTER_PARAMETERS; i++) out[i] = ag_parameter_set_at(p->set, i);
}

ag_node *painter_apply(const painter *p, ag_node *z) {
    ag_tape *tape = ag_node_tape(z);
    ag_node *dense = ag_matmul(z, ag_read(tape, p->dense), false, false);
    ag_node *x = ag_reshape(dense, AG_SHAPE(ag_node_shape(z).dim[0], 3, 3, 4));
    ag_node *mean = ag_batch_mean(x), *variance = ag_batch_variance(x, mean);
    ag_node *normal = ag_batch_norm(x, mean, variance, ag_read(tape, p->gamma), ag_read(tape, p->beta), 1e-3);
    ag_conv_params twice = {.stride = 2, .padding = AG_PADDING_SAME};
    ag_node *image = ag_conv2d_transpose(ag_leaky_relu(normal, 0.01), ag_read(tape, p->kernel), twice);
    return ag_tanh(ag_add(image, ag_read(tape, p->bias)));
}

void autoencoder_draw(ag_tensor *out[AUTOENCODER_INPUTS]) {
    const ag_shape shapes[] = {AG_SHAPE(3, 3, 2, 4), AG_SHAPE(4), AG_SHAPE(4),         AG_SHAPE(4),
                               AG_SHAPE(3, 3, 2, 4), AG_SHAPE(2), AG_SHAPE(2, 6, 6, 2)};
    for (int i = 0; i < AUTOENCODER_INPUTS; i++)
        out[i] = values_tensor(AG_F64, shapes[i], VALUES_ANY, 41 + (uint64_t)i);
}

static ag_node *own_norm(ag_node *x, ag_node *gamma, ag_node *beta) {
    ag_node *mean = ag_batch_mean(x);
    return ag_batch_norm(x, mean, ag_batch_variance(x, mean), gamma, beta, 1e-3);
}

static ag_node *fixed_norm(ag_node *x, ag_node *gamma, ag_node *beta) {
    ag_node *mean = ag_broadcast(ag_scalar(ag_node_tape(x), 0.25), ag_node_shape(gamma));
    ag_node *variance = ag_broadcast(ag_scalar(ag_node_tape(x), 3), ag_node_shape(gamma));
    return ag_batch_norm_fixed(x, mean, variance, gamma, beta, 1e-3);
}

ag_node *autoencoder_graph(ag_tape *tape, int n, ag_node *const *in, void *fixed) {
    const ag_conv_params params = {.stride = 2, .padding = AG_PADDING_SAME};
    (void)tape, (void)n;
    ag_node *code = ag_add(ag_conv2d(in[6], in[0], params), in[1]);
    ag_node *normal = *(bool *)fixed ? fixed_norm(code, in[2], in[3]) : own_norm(code, in[2], in[3]);
    ag_node *image = ag_conv2d_transpose(ag_leaky_relu(normal, 0.2), in[4], params);
    return ag_leaky_relu(ag_add(image, in[5]), 0.1);
}

ag_node *loss_of_real(ag_node *logits) { return ag_mean(ag_softplus(ag_neg(logits))); }
