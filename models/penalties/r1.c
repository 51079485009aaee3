// SPDX-License-Identifier: MIT
// The R1 penalty: D's slope at real images is pulled to 0.
#include "autograd/gradient.h"
#include "models/gan.h"
#include "models/penalties/penalties.h"

// mean over samples of the sum over pixels of (d D(x) / d x)^2.
static ag_node *record(gan_context *c) {
    ag_node *reals = gan_real_images(c), *slope = NULL;
    ag_node *scores = ag_sum(gan_discriminate(c, reals));
    if (!ag_gradient(c->tape, scores, 1, &reals, &slope)) return scores;
    const int64_t n = ag_node_shape(reals).dim[0];
    return ag_scale(ag_sum(ag_square(slope)), 1.0 / (double)n);
}

const gan_penalty gan_r1 = {
    "r1",
    "gamma / 2 mean |grad D|^2 at real images, gamma 10 (Mescheder et al. 2018, eq. 9)",
    .weight = 5,
    .record = record,
};
