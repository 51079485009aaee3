// SPDX-License-Identifier: MIT
// dcgan gradcheck: the networks' own gradients against finite differences, in f64, through compiled programs.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/dcgan/command.h"
#include "apps/dcgan/text.h"
#include "autograd/gradcheck.h"
#include "autograd/gradient.h"
#include "models/dcgan.h"

#define BATCH 4
#define Z_DIM 100
#define IMAGE AG_SHAPE(28, 28, 1)
#define KINK_LIMIT 0.01  // of all entries

// One of the two losses, with its gradient for every parameter of the network that it trains.
typedef struct subject {
    ag_tape *tape;
    ag_program *program;
    ag_node *loss, **gradients;
    ag_parameter **parameters;
    int n;
} subject;

typedef struct check {
    const options *options;
    const gan_variant *variant;
    nn_model *generator, *discriminator;
    ag_tensor *reals, *fakes;
    ag_clock clock;
    int64_t checked, kinks;
    int wrong;  // tensors
    double worst;
} check;

// ---- recording ----

static ag_shape batch_of(ag_shape image) { return AG_SHAPE(BATCH, image.dim[0], image.dim[1], image.dim[2]); }

static ag_node *draw_fakes(const check *c, ag_tape *tape, nn_mode mode) {
    ag_node *z = ag_random_normal(tape, AG_SHAPE(BATCH, Z_DIM), AG_PURPOSE_LATENT_GENERATOR, 0);
    return nn_apply(c->generator, z, mode);
}

// Real images are noise in (-1,1), fakes what the generator makes of its first latent vectors.
static bool make_images(check *c, ag_error *error) {
    ag_tape *tape = ag_tape_create("images", AG_F64);
    if (!tape) return ag_fail(error, AG_STATUS_MEMORY, "no memory for images");
    ag_node *noise = ag_random_normal(tape, batch_of(IMAGE), AG_PURPOSE_TEST, 0);
    c->reals = ag_evaluate(ag_tanh(noise), 0, NULL, c->clock, error);
    c->fakes = c->reals ? ag_evaluate(draw_fakes(c, tape, NN_INFER), 0, NULL, c->clock, error) : NULL;
    ag_tape_free(tape);
    return c->fakes != NULL;
}

// As the trainer records its steps (models/steps.c), but for the updates.
static ag_node *record_discriminator_loss(const check *c, ag_tape *tape) {
    gan_context context = {.tape = tape,
                           .discriminator = c->discriminator,
                           .mode = {.batch_statistics = true},
                           .reals = ag_constant(tape, c->reals),
                           .fakes = ag_constant(tape, c->fakes)};
    return gan_discriminator_loss(&context, c->variant);
}

static ag_node *record_generator_loss(const check *c, ag_tape *tape) {
    const nn_mode mode = {.batch_statistics = true};
    gan_context context = {.tape = tape,
                           .discriminator = c->discriminator,
                           .mode = mode,
                           .reals = ag_constant(tape, c->reals),
                           .fakes = draw_fakes(c, tape, mode)};
    ag_freeze(tape);
    ag_node *loss = c->variant->generator(&context);
    ag_thaw(tape);
    return loss;
}

static void subject_close(subject *s) {
    ag_program_free(s->program);
    ag_tape_free(s->tape);
    free(s->gradients);
    free(s->parameters);
}

static bool collect(subject *s, const nn_model *model, ag_error *error) {
    const ag_parameter_set *set = nn_model_set(model, 0);
    const size_t most = (size_t)ag_parameter_set_count(set);
    s->parameters = calloc(most, sizeof *s->parameters);
    s->gradients = calloc(most + 1, sizeof *s->gradients);
    if (!s->parameters || !s->gradients) return ag_fail(error, AG_STATUS_MEMORY, "no memory for gradients");
    for (int i = 0; i < (int)most; i++) {
        ag_parameter *parameter = ag_parameter_set_at(set, i);
        if (parameter->kind == AG_PARAMETER) s->parameters[s->n++] = parameter;
    }
    return true;
}

// The loss and all gradients are outputs of one program.
static bool compile(subject *s, ag_error *error) {
    ag_node **reads = calloc((size_t)s->n, sizeof *reads);
    if (!reads) return ag_fail(error, AG_STATUS_MEMORY, "no memory for gradients");
    for (int i = 0; i < s->n; i++) reads[i] = ag_read(s->tape, s->parameters[i]);
    ag_gradient(s->tape, s->loss, s->n, reads, s->gradients);
    free(reads);
    s->gradients[s->n] = s->loss;
    s->program = ag_program_compile(s->tape, s->n + 1, s->gradients, NULL, error);
    return s->program != NULL;
}

static bool subject_open(subject *s, const check *c, bool discriminator, ag_error *error) {
    const nn_model *trained = discriminator ? c->discriminator : c->generator;
    *s = (subject){.tape = ag_tape_create(nn_model_name(trained), AG_F64)};
    if (!s->tape) return ag_fail(error, AG_STATUS_MEMORY, "no memory to record a loss");
    s->loss = discriminator ? record_discriminator_loss(c, s->tape) : record_generator_loss(c, s->tape);
    return collect(s, trained, error) && compile(s, error);
}

// ---- checking ----

static void check_parameter(check *c, const subject *s, int i) {
    const ag_parameter *parameter = s->parameters[i];
    // Kinks are judged over all tensors; one entry of a few would be more than 1 % of its tensor.
    const ag_gradcheck_params params = {.samples = options_integer(c->options, OPTION_SAMPLES),
                                        .kink_limit = 1};
    ag_gradcheck_result result = {0};
    ag_error wrong = {0};
    char name[128], shape[AG_SHAPE_TEXT];
    const bool ok = ag_gradcheck_parameter(s->program, s->parameters[i], s->loss, s->gradients[i], c->clock,
                                           params, &result, &wrong);
    snprintf(name, sizeof name, "%s/%s", ag_parameter_set_name(parameter->set), parameter->name);
    printf("%-46s %-16s %7lld %6lld %11.2e  %s\n", name, ag_shape_format(parameter->shape, shape),
           (long long)result.checked, (long long)result.kinks, result.worst, ok ? "right" : wrong.text);
    fflush(stdout);
    c->checked += result.checked;
    c->kinks += result.kinks;
    c->worst = fmax(c->worst, result.worst);
    c->wrong += !ok;
}

static bool check_network(check *c, bool discriminator, ag_error *error) {
    subject s;
    const bool ok = subject_open(&s, c, discriminator, error);
    for (int i = 0; i < s.n && ok; i++) check_parameter(c, &s, i);
    subject_close(&s);
    return ok;
}

static exit_code conclude(const check *c) {
    char tensors[TEXT_NUMBER];
    const bool too_many = (double)c->kinks > KINK_LIMIT * (double)c->checked;
    printf("%lld entries, %lld on kinks, worst relative error %.2e: %s\n", (long long)c->checked,
           (long long)c->kinks, c->worst, c->wrong || too_many ? "failed" : "all gradients are right");
    if (c->wrong)
        fprintf(stderr, "dcgan: the gradients of %s are wrong\n", text_things(c->wrong, "tensor", tensors));
    if (too_many)
        fprintf(stderr, "dcgan: %lld of %lld entries lie on kinks, more than 1 %%; try another --seed\n",
                (long long)c->kinks, (long long)c->checked);
    return c->wrong || too_many ? EXIT_WRONG : EXIT_OK;
}

static bool create_networks(check *c, ag_error *error) {
    c->generator = dcgan_generator_create(Z_DIM, IMAGE, DCGAN_WIDTH, AG_F64, error);
    c->discriminator = c->generator ? dcgan_discriminator_create(IMAGE, DCGAN_WIDTH, AG_F64, error) : NULL;
    if (!c->discriminator) return false;
    const uint64_t first = (uint64_t)ag_parameter_set_count(nn_model_set(c->generator, 0));
    return nn_model_initialize(c->generator, c->clock.seed, 0, error) &&
           nn_model_initialize(c->discriminator, c->clock.seed, first, error);
}

static exit_code run(const options *o, ag_error *error) {
    check c = {.options = o,
               .variant = gan_variant_find(options_text(o, OPTION_GAN)),
               .clock = {.seed = (uint64_t)options_integer(o, OPTION_SEED)}};
    exit_code code = EXIT_OK;
    if (create_networks(&c, error) && make_images(&c, error)) {
        printf("%s, batch %d, f64\n%-46s %-16s %7s %6s %11s\n", c.variant->name, BATCH, "tensor", "shape",
               "entries", "kinks", "worst error");
        if (check_network(&c, false, error) && check_network(&c, true, error)) code = conclude(&c);
    }
    ag_tensor_free(c.reals);
    ag_tensor_free(c.fakes);
    nn_model_free(c.generator);
    nn_model_free(c.discriminator);
    return code;
}

const command command_gradcheck = {
    .name = "gradcheck",
    .summary = "Check all gradients against finite differences",
    .options = (const option_id[]){OPTION_GAN, OPTION_SEED, OPTION_SAMPLES, OPTION_THREADS, OPTION_END},
    .run = run,
};
