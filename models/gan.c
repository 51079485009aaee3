// SPDX-License-Identifier: MIT
// Variants and penalties by name, and the context that their expressions record through.
#include "models/gan.h"

#include <string.h>

#include "nn/given.h"

#define GAN_NAME(name) extern const gan_variant gan_##name;
#include "models/gan_list.def"
#undef GAN_NAME
#define GAN_NAME(name) extern const gan_penalty gan_##name;
#include "models/penalty_list.def"
#undef GAN_NAME

#define GAN_NAME(name) &gan_##name,
static const gan_variant *const variants[] = {
#include "models/gan_list.def"
    NULL};
static const gan_penalty *const penalties[] = {
#include "models/penalty_list.def"
    NULL};
#undef GAN_NAME

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)) - 1)

const gan_variant *gan_variant_at(int i) { return i >= 0 && i < COUNT(variants) ? variants[i] : NULL; }
const gan_penalty *gan_penalty_at(int i) { return i >= 0 && i < COUNT(penalties) ? penalties[i] : NULL; }

const gan_variant *gan_variant_find(const char *name) {
    if (!NN_GIVEN(name, "name", NULL)) return NULL;
    for (int i = 0; variants[i]; i++) {
        if (strcmp(variants[i]->name, name) == 0) return variants[i];
    }
    return NULL;
}

const gan_penalty *gan_penalty_find(const char *name) {
    if (!NN_GIVEN(name, "name", NULL)) return NULL;
    for (int i = 0; penalties[i]; i++) {
        if (strcmp(penalties[i]->name, name) == 0) return penalties[i];
    }
    return NULL;
}

gan_schedule gan_variant_schedule(const gan_variant *variant, gan_schedule wanted) {
    if (!NN_GIVEN(variant, "variant", NULL) || wanted != GAN_SCHEDULE_DEFAULT) return wanted;
    if (variant->schedule != GAN_SCHEDULE_DEFAULT) return variant->schedule;
    return variant->discriminator || variant->penalties[0] ? GAN_SCHEDULE_JOINT : GAN_SCHEDULE_SEPARATE;
}

int gan_variant_generator_every(const gan_variant *variant) {
    return NN_GIVEN(variant, "variant", NULL) && variant->generator_every ? variant->generator_every : 1;
}

nn_optimizer_params gan_variant_optimizer(const gan_variant *variant) {
    if (NN_GIVEN(variant, "variant", NULL) && variant->optimizer.kind) return variant->optimizer;
    return nn_adam(.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8);
}

// ---- the context ----

static ag_node *images(gan_context *c, ag_node *given, const char *what) {
    return given ? given
                 : ag_tape_fail(c->tape, "gan: this step has no %s images; its loss needs the joint schedule",
                                what);
}

ag_node *gan_real_images(gan_context *c) {
    return NN_GIVEN(c, "context", NULL) ? images(c, c->reals, "real") : NULL;
}

ag_node *gan_fake_images(gan_context *c) {
    return NN_GIVEN(c, "context", NULL) ? images(c, c->fakes, "fake") : NULL;
}

ag_node *gan_discriminate(gan_context *c, ag_node *x) {
    if (!NN_GIVEN(c, "context", NULL)) return NULL;
    ag_node *scores = nn_apply(c->discriminator, x, c->mode);
    c->mode.update_statistics = false;
    return scores;
}

ag_node *gan_real_scores(gan_context *c) {
    if (!NN_GIVEN(c, "context", NULL)) return NULL;
    if (!c->real_scores) c->real_scores = gan_discriminate(c, gan_real_images(c));
    return c->real_scores;
}

ag_node *gan_fake_scores(gan_context *c) {
    if (!NN_GIVEN(c, "context", NULL)) return NULL;
    if (!c->fake_scores) c->fake_scores = gan_discriminate(c, gan_fake_images(c));
    return c->fake_scores;
}

ag_node *gan_real_target(gan_context *c) {
    return NN_GIVEN(c, "context", NULL) ? ag_scalar(c->tape, 1 - c->label_smoothing) : NULL;
}

ag_node *gan_fake_target(gan_context *c) {
    return NN_GIVEN(c, "context", NULL) ? ag_scalar(c->tape, c->label_smoothing) : NULL;
}

ag_node *gan_uniform_per_sample(gan_context *c) {
    ag_node *reals = gan_real_images(c);
    if (ag_node_failed(reals)) return reals;
    const int64_t n = ag_node_shape(reals).dim[0];
    if (!c->uniform) c->uniform = ag_random_uniform(c->tape, AG_SHAPE(n, 1, 1, 1), AG_PURPOSE_PENALTY, 0);
    return c->uniform;
}

ag_node *gan_norm_per_sample(ag_node *x) {
    ag_node *squares = ag_sum_axes(ag_square(x), AG_AXIS(1) | AG_AXIS(2) | AG_AXIS(3), false);
    return ag_sqrt(ag_add_scalar(squares, 1e-12));
}

ag_node *gan_discriminator_loss(gan_context *c, const gan_variant *variant) {
    if (!NN_GIVEN(c, "context", NULL) || !NN_GIVEN(variant, "variant", NULL)) return NULL;
    ag_node *loss = variant->discriminator
                        ? variant->discriminator(c)
                        : ag_add(variant->discriminator_real(c), variant->discriminator_fake(c));
    for (int i = 0; i < GAN_MAX_PENALTIES && variant->penalties[i]; i++)
        loss = ag_add(loss, ag_scale(variant->penalties[i]->record(c), variant->penalties[i]->weight));
    return loss;
}
