// SPDX-License-Identifier: MIT
// The faithful training iteration on made images, as `dcgan train` runs it.
#include <stdlib.h>

#include "apps/dcgan/bench.h"

#define WARM_UP 3          // iterations that are not counted
#define MOST_IMAGES 60000  // as many as Fashion-MNIST has

typedef struct subject {
    const bench_params *params;
    dcgan *model;
    nn_dataset *images;
    measurement *m;
    ag_error why;  // what stopped a run from inside
} subject;

static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }

// Whole batches, at most an epoch of the real set.
static nn_dataset *make_images(const bench_params *p, ag_error *error) {
    const int64_t most = MOST_IMAGES / p->images, wanted = p->iterations + WARM_UP;
    const int64_t *side = p->image.dim;
    nn_dataset *images =
        nn_dataset_create(p->images * (most > 0 ? min(most, wanted) : 1), side[0], side[1], side[2], error);
    for (int64_t i = 0; images && i < images->n * ag_shape_size(p->image); i++)
        images->images[i] = (uint8_t)((uint32_t)i * 2654435761u >> 13);
    return images;
}

static void subject_close(void *context) {
    subject *s = context;
    if (!s) return;
    dcgan_free(s->model);
    nn_dataset_free(s->images);
    free(s);
}

static void *subject_open(const bench_params *params, ag_error *error) {
    subject *s = calloc(1, sizeof *s);
    if (!s) return ag_fail(error, AG_STATUS_MEMORY, "no memory for a bench"), NULL;
    s->params = params;
    s->model = bench_model(params, error);
    s->images = s->model ? make_images(params, error) : NULL;
    if (s->images) return s;
    subject_close(s);
    return NULL;
}

static bool watch_all(subject *s) {
    static const char *const names[] = {"fakes", "discriminator on fakes", "discriminator on reals",
                                        "generator"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ag_program *program =
            gan_trainer_program(dcgan_trainer(s->model), s->params->images, names[i], &s->why);
        if (!program || !measurement_watch(s->m, names[i], program, &s->why)) return false;
    }
    return true;
}

static bool after_iteration(void *context, const gan_trainer *trainer) {
    subject *s = context;
    if (gan_trainer_step(trainer) > WARM_UP) {
        measurement_end(s->m);
        measurement_keep(s->m);
    }
    if (gan_trainer_step(trainer) == WARM_UP && !watch_all(s)) return false;
    if (measurement_done(s->m)) return false;
    measurement_begin(s->m);
    return true;
}

// The evaluation between two epochs belongs to no iteration.
static bool after_epoch(void *context, const gan_trainer *trainer, const gan_epoch *row) {
    (void)trainer, (void)row;
    measurement_begin(((subject *)context)->m);
    return true;
}

static bool measure(void *context, measurement *m, ag_error *error) {
    subject *s = context;
    s->m = m;
    const dcgan_train_params params = {.epochs = s->params->iterations + WARM_UP,  // more than there is to do
                                       .batch_size = s->params->images,
                                       .hooks = {s, after_iteration, after_epoch}};
    const gan_run run = dcgan_train(s->model, s->images, params, NULL, error);
    return run != GAN_RUN_FAILED &&
           (s->why.status == AG_OK || ag_fail(error, s->why.status, "%s", s->why.text));
}

const bench bench_train = {
    .name = "train",
    .summary = "training iterations on made images, the first three uncounted",
    .images = OPTION_BATCH,
    .rate = true,
    .shaped = true,
    .rounded = true,
    .open = subject_open,
    .measure = measure,
    .close = subject_close,
};
