// SPDX-License-Identifier: MIT
// Recording the steps of an iteration.
#include "models/steps.h"

#include <math.h>
#include <string.h>

#include "autograd/environment.h"
#include "nn/number.h"

static const char *const step_names[GAN_STEP_COUNT] = {
    "fakes", "discriminator on fakes", "discriminator on reals", "discriminator", "generator"};

static ag_shape batch_shape(int64_t n, ag_shape sample) {
    ag_shape shape = {.rank = sample.rank + 1, .dim = {n}};
    for (int i = 0; i < sample.rank; i++) shape.dim[i + 1] = sample.dim[i];
    return shape;
}

static ag_node *record_latents(gan_step *step, const gan_recipe *r, int64_t n, ag_purpose purpose) {
    const ag_shape shape = batch_shape(n, nn_model_input_shape(r->generator));
    step->latents = r->feed_latents ? ag_input(step->tape, "latents", shape)
                                    : ag_random_normal(step->tape, shape, purpose, 0);
    return step->latents;
}

static gan_context context_of(const gan_recipe *r, ag_tape *tape, nn_mode mode) {
    return (gan_context){.tape = tape,
                         .discriminator = r->discriminator,
                         .mode = mode,
                         .label_smoothing = r->config->label_smoothing};
}

static void record_fakes(gan_step *step, const gan_recipe *r, int64_t n) {
    ag_freeze(step->tape);
    step->result =
        nn_apply(r->generator, record_latents(step, r, n, AG_PURPOSE_LATENT_DISCRIMINATOR), NN_INFER);
    ag_thaw(step->tape);
}

static void record_discriminator(gan_step *step, const gan_recipe *r, int64_t n, gan_step_kind kind) {
    const gan_variant *variant = r->config->variant;
    const ag_shape images = batch_shape(n, nn_model_input_shape(r->discriminator));
    gan_context c = context_of(r, step->tape, NN_TRAIN);
    if (kind != GAN_STEP_D_REAL) c.fakes = step->fakes = ag_input(step->tape, "fakes", images);
    if (kind != GAN_STEP_D_FAKE) c.reals = step->reals = ag_input(step->tape, "reals", images);
    step->optimizer = r->d_optimizer;
    nn_optimizer_begin(step->optimizer);
    step->result = kind == GAN_STEP_D_FAKE   ? variant->discriminator_fake(&c)
                   : kind == GAN_STEP_D_REAL ? variant->discriminator_real(&c)
                                             : gan_discriminator_loss(&c, variant);
    nn_optimizer_record(step->optimizer, step->result, &step->update);
    nn_optimizer_end(step->optimizer);
}

// The combined model: G trains through a frozen D.
static void record_generator(gan_step *step, const gan_recipe *r, int64_t n) {
    const nn_mode mode = {.batch_statistics = true, .dropout = true};
    gan_context c = context_of(r, step->tape, mode);
    c.reals = step->reals =
        ag_input(step->tape, "reals", batch_shape(n, nn_model_input_shape(r->discriminator)));
    step->optimizer = r->g_optimizer;
    nn_optimizer_begin(step->optimizer);
    c.fakes = nn_apply(r->generator, record_latents(step, r, n, AG_PURPOSE_LATENT_GENERATOR), NN_TRAIN);
    ag_freeze(step->tape);
    step->result = r->config->variant->generator(&c);
    ag_thaw(step->tape);
    nn_optimizer_record(step->optimizer, step->result, &step->update);
    nn_optimizer_end(step->optimizer);
}

static bool is_used(const gan_step *step, const ag_node *input) {
    return input && ag_program_needs(step->program, input);
}

static bool record(gan_steps *steps, const gan_recipe *r, gan_step_kind kind, ag_error *error) {
    gan_step *step = &steps->steps[kind];
    step->name = step_names[kind];
    step->tape = ag_tape_create(step->name, nn_model_dtype(r->generator));
    if (!step->tape) return ag_fail(error, AG_STATUS_MEMORY, "trainer: no memory to record %s", step->name);
    if (kind == GAN_STEP_FAKES)
        record_fakes(step, r, steps->n);
    else if (kind == GAN_STEP_G)
        record_generator(step, r, steps->n);
    else
        record_discriminator(step, r, steps->n, kind);
    step->program = ag_program_compile(step->tape, 1, &step->result, r->workspace, error);
    if (!step->program) return false;
    if (!is_used(step, step->reals)) step->reals = NULL;
    if (!is_used(step, step->fakes)) step->fakes = NULL;
    if (step->fakes) step->maker = &steps->steps[GAN_STEP_FAKES];
    return true;
}

bool gan_steps_record(gan_steps *steps, const gan_recipe *r, int64_t n, ag_error *error) {
    *steps = (gan_steps){.n = n, .environment = ag_environment()};
    const bool joint = r->config->schedule == GAN_SCHEDULE_JOINT;
    if (!record(steps, r, GAN_STEP_FAKES, error) || !record(steps, r, GAN_STEP_G, error)) return false;
    if (joint) return record(steps, r, GAN_STEP_D_JOINT, error);
    return record(steps, r, GAN_STEP_D_FAKE, error) && record(steps, r, GAN_STEP_D_REAL, error);
}

void gan_steps_free(gan_steps *steps) {
    for (int i = 0; i < GAN_STEP_COUNT; i++) {
        ag_program_free(steps->steps[i].program);
        ag_tape_free(steps->steps[i].tape);
    }
}

const void *gan_step_make(gan_step *step, ag_clock clock, ag_error *error) {
    step->clock = clock;
    if (!ag_program_run(step->program, clock, error)) return NULL;
    return ag_program_output(step->program, step->result, error);
}

// Neither the generator nor its clock has changed since it made the fakes: made again, they go wrong at the
// same node.
static const char *find_nonfinite(gan_step *step) {
    const char *bad = ag_program_find_nonfinite(step->program, step->clock);
    if (!bad || !step->fakes || !step->maker || strcmp(bad, ag_node_label(step->fakes)) != 0) return bad;
    const char *made = ag_program_find_nonfinite(step->maker->program, step->maker->clock);
    return made ? made : bad;
}

static bool diverged(gan_step *step, double loss, ag_error *error) {
    char text[NN_NUMBER_TEXT];
    const char *bad = find_nonfinite(step);
    return ag_fail(error, AG_STATUS_DIVERGED,
                   "%s: the loss is %s; the first value that is not finite is in %s", step->name,
                   nn_number_format(loss, text), bad ? bad : "the loss itself");
}

bool gan_step_run(gan_step *step, ag_clock clock, double *out_loss, ag_error *error) {
    step->clock = clock;
    if (!nn_optimizer_feed(step->optimizer, step->program, &step->update, error) ||
        !ag_program_compute(step->program, clock, error))
        return false;
    const double loss = ag_program_output_scalar(step->program, step->result, error);
    if (!isfinite(loss)) return diverged(step, loss, error);
    if (!ag_program_apply(step->program, error)) return false;
    nn_optimizer_advance(step->optimizer);
    *out_loss = loss;
    return true;
}
