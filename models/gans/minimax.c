// SPDX-License-Identifier: MIT
// The min-max GAN: G minimizes what D maximizes, mean log(1 - D(G(z))) = -mean softplus(logit).
#include "models/gan.h"

static ag_node *d_real(gan_context *c) { return nn_bce_logits(gan_real_scores(c), gan_real_target(c)); }
static ag_node *d_fake(gan_context *c) { return nn_bce_logits(gan_fake_scores(c), gan_fake_target(c)); }
static ag_node *g_loss(gan_context *c) {
    return ag_neg(nn_bce_logits(gan_fake_scores(c), gan_fake_target(c)));
}

const gan_variant gan_minimax = {
    "minimax",
    "G minimizes mean log(1 - D(G(z))) (Goodfellow et al. 2014, eq. 1)",
    .discriminator_real = d_real,
    .discriminator_fake = d_fake,
    .generator = g_loss,
};
