// SPDX-License-Identifier: MIT
// WGAN-GP's penalty: D's slope is pulled to 1 on the straight lines between real and fake images.
#include "autograd/gradient.h"
#include "models/gan.h"
#include "models/penalties/penalties.h"

// x = fake + u (real - fake), u uniform per sample; mean over samples of (|grad_x D(x)| - 1)^2.
static ag_node *record(gan_context *c) {
    ag_node *fakes = gan_fake_images(c), *slope = NULL;
    ag_node *between = ag_add(fakes, ag_mul(gan_uniform_per_sample(c), ag_sub(gan_real_images(c), fakes)));
    ag_node *scores = ag_sum(gan_discriminate(c, between));
    if (!ag_gradient(c->tape, scores, 1, &between, &slope)) return scores;
    return ag_mean(ag_square(ag_add_scalar(gan_norm_per_sample(slope), -1)));
}

const gan_penalty gan_gradient_penalty = {
    "gradient_penalty",
    "mean (|grad D| - 1)^2 between real and fake images (Gulrajani et al. 2017, eq. 3)",
    .weight = 10,
    .record = record,
};
