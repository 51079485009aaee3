// SPDX-License-Identifier: MIT
// The Wasserstein GAN with gradient penalty: D is a critic whose scores have no bound.
#include "models/gan.h"
#include "models/penalties/penalties.h"

static ag_node *d_real(gan_context *c) { return ag_neg(ag_mean(gan_real_scores(c))); }
static ag_node *d_fake(gan_context *c) { return ag_mean(gan_fake_scores(c)); }
static ag_node *g_loss(gan_context *c) { return ag_neg(ag_mean(gan_fake_scores(c))); }

const gan_variant gan_wasserstein = {
    "wasserstein",
    "mean D(G(z)) - mean D(x) + gradient penalty (Gulrajani et al. 2017, algorithm 1)",
    .discriminator_real = d_real,
    .discriminator_fake = d_fake,
    .generator = g_loss,
    .penalties = {&gan_gradient_penalty},
    .schedule = GAN_SCHEDULE_JOINT,
    .generator_every = 5,
    .optimizer = {.kind = &nn_optimizer_adam, .rate = 1e-4, .beta1 = NN_BETA_ZERO, .beta2 = 0.9},
};
