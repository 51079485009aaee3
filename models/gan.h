// SPDX-License-Identifier: MIT
// CONTRACT of a GAN variant: two formulas and a row, in one file in gans/, and its name in gan_names in
// meson.build. The trainer, the program's --gan and --help, and the tests find it there.
#pragma once

#include "models/penalty.h"
#include "nn/loss.h"
#include "nn/model.h"
#include "nn/optimizer.h"

#define GAN_MAX_PENALTIES 4

typedef ag_node *(*gan_expression)(gan_context *context);

// How an iteration updates the discriminator.
typedef enum gan_schedule {
    GAN_SCHEDULE_DEFAULT,   // the variant's
    GAN_SCHEDULE_SEPARATE,  // two updates, on the fakes and then on the reals, as the Keras seed does
    GAN_SCHEDULE_JOINT,     // one update on the sum of all terms, penalties included
} gan_schedule;

typedef struct gan_variant {
    const char *name;
    const char *summary;  // one line with its source, for --help
    // The discriminator's loss: as a real and a fake term that are summed, or whole. Only the former may use
    // the separate schedule.
    gan_expression discriminator_real, discriminator_fake;
    gan_expression discriminator;
    gan_expression generator;
    const gan_penalty *penalties[GAN_MAX_PENALTIES];  // ended by NULL
    gan_schedule schedule;  // DEFAULT: separate when the terms are apart and nothing is added, else joint
    int generator_every;    // iterations from one generator update to the next; 0 means 1
    nn_optimizer_params
        optimizer;  // of both networks; without a kind: adam(rate 1e-3, 0.9, 0.999, epsilon 1e-8), the seed's
} gan_variant;

// All variants; NULL past the end. The first one is the default.
AG_API const gan_variant *gan_variant_at(int i);
AG_API const gan_variant *gan_variant_find(const char *name);  // NULL when absent

// ---- what a loss expression may use; each records on demand, once ----
AG_API ag_node *gan_real_images(gan_context *context);  // [N,H,W,C] in [-1,1]
AG_API ag_node *gan_fake_images(gan_context *context);
AG_API ag_node *gan_real_scores(gan_context *context);  // [N,1]: D's logits
AG_API ag_node *gan_fake_scores(gan_context *context);
AG_API ag_node *gan_discriminate(gan_context *context,
                                 ag_node *images);  // D's logits of any images; for penalties
// Targets with label smoothing: 1 - epsilon for real, 0 + epsilon for fake. Scalars.
AG_API ag_node *gan_real_target(gan_context *context);
AG_API ag_node *gan_fake_target(gan_context *context);
// [N,1,1,1], uniform on [0,1): one number per sample.
AG_API ag_node *gan_uniform_per_sample(gan_context *context);
// [N,H,W,C] -> [N]: sqrt(sum of squares + 1e-12), differentiable at 0.
AG_API ag_node *gan_norm_per_sample(ag_node *x);

// ---- for those who record a step: the trainer, the evaluation, tests ----
struct gan_context {
    ag_tape *tape;
    const nn_model *discriminator;
    nn_mode mode;  // of the discriminator; its moving statistics are updated by the first application at most
    ag_node *reals, *fakes;              // images, NULL when this step has none
    ag_node *real_scores, *fake_scores;  // NULL until asked for, or given
    ag_node *uniform;                    // NULL until asked for, or given
    double label_smoothing;
};

// The discriminator's whole loss, penalties included; the variant's own form decides how.
AG_API ag_node *gan_discriminator_loss(gan_context *context, const gan_variant *variant);
// What a variant's zeros mean: the schedule that runs when `wanted` is asked for, the generator's interval
// (>= 1), the optimizer.
AG_API gan_schedule gan_variant_schedule(const gan_variant *variant, gan_schedule wanted);
AG_API int gan_variant_generator_every(const gan_variant *variant);
AG_API nn_optimizer_params gan_variant_optimizer(const gan_variant *variant);
