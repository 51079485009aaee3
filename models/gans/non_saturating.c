// SPDX-License-Identifier: MIT
// The non-saturating GAN: both networks minimize binary cross-entropy on D's logits.
#include "models/gan.h"

static ag_node *d_real(gan_context *c) { return nn_bce_logits(gan_real_scores(c), gan_real_target(c)); }
static ag_node *d_fake(gan_context *c) { return nn_bce_logits(gan_fake_scores(c), gan_fake_target(c)); }
static ag_node *g_loss(gan_context *c) { return nn_bce_logits(gan_fake_scores(c), gan_real_target(c)); }

const gan_variant gan_non_saturating = {
    "non_saturating",
    "G minimizes -mean log D(G(z)) (Goodfellow et al. 2014, section 3); the seed's",
    .discriminator_real = d_real,
    .discriminator_fake = d_fake,
    .generator = g_loss,
};
