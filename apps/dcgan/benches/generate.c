// SPDX-License-Identifier: MIT
// Generating images of numbered latent vectors, in the chunks and by the code of `dcgan generate`.
#include <stdlib.h>

#include "apps/dcgan/bench.h"
#include "apps/dcgan/drawing.h"

// A chunk's plan is timed step by step on a program of its own, once after each iteration: the model does not
// show the one that it runs.
typedef struct subject {
    const bench_params *params;
    dcgan *model;
    drawing_memory memory;
    uint64_t *seeds;
    uint8_t *pixels;  // of a chunk
    ag_tape *tape;
    ag_program *program;
} subject;

static bool record(subject *s, ag_error *error) {
    s->tape = ag_tape_create("generator", AG_F32);
    if (!s->tape) return ag_fail(error, AG_STATUS_MEMORY, "no memory to record the generator");
    ag_node *z = ag_input(s->tape, "z", AG_SHAPE(DRAWING_CHUNK, dcgan_z_dim(s->model)));
    ag_node *y = nn_apply(dcgan_generator(s->model), z, NN_INFER);
    s->program = ag_program_compile(s->tape, 1, &y, NULL, error);
    return s->program && ag_program_feed(s->program, z, s->memory.z, ag_node_shape(z), error);
}

static bool fill(subject *s, ag_error *error) {
    const int64_t n = s->params->images, size = ag_shape_size(dcgan_image_shape(s->model));
    s->seeds = malloc((size_t)n * sizeof *s->seeds);
    s->pixels = malloc((size_t)(DRAWING_CHUNK * size));
    if (!s->seeds || !s->pixels)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory for %lld images", (long long)n);
    for (int64_t i = 0; i < n; i++) s->seeds[i] = (uint64_t)i;
    for (int i = 0; i < DRAWING_CHUNK; i++)
        dcgan_seed_z(s->model, (uint64_t)i, s->memory.z + i * dcgan_z_dim(s->model));
    return true;
}

static void subject_close(void *context) {
    subject *s = context;
    if (!s) return;
    ag_program_free(s->program);
    ag_tape_free(s->tape);
    drawing_memory_free(&s->memory);
    free(s->pixels);
    free(s->seeds);
    dcgan_free(s->model);
    free(s);
}

static void *subject_open(const bench_params *params, ag_error *error) {
    subject *s = calloc(1, sizeof *s);
    if (!s) return ag_fail(error, AG_STATUS_MEMORY, "no memory for a bench"), NULL;
    s->params = params;
    s->model = bench_model(params, error);
    if (s->model && drawing_memory_create(&s->memory, s->model, error) && fill(s, error) && record(s, error))
        return s;
    subject_close(s);
    return NULL;
}

static bool generate(const subject *s, int64_t n, ag_error *error) {
    for (int64_t first = 0; first < n; first += DRAWING_CHUNK) {
        const int64_t count = n - first < DRAWING_CHUNK ? n - first : DRAWING_CHUNK;
        if (!drawing_make(&s->memory, s->model, s->seeds + first, count, s->pixels, error)) return false;
    }
    return true;
}

static bool iterate(const subject *s, measurement *m, ag_error *error) {
    measurement_begin(m);
    if (!generate(s, s->params->images, error)) return false;
    measurement_end(m);
    if (!ag_program_run(s->program, (ag_clock){0}, error)) return false;
    measurement_keep(m);
    return true;
}

static bool measure(void *context, measurement *m, ag_error *error) {
    subject *s = context;
    const int64_t n = s->params->images;
    bool ok = generate(s, n < DRAWING_CHUNK ? n : DRAWING_CHUNK, error) &&
              ag_program_run(s->program, (ag_clock){0}, error) &&
              measurement_watch(m, "a chunk of 128", s->program, error);
    m->apart = true;
    while (ok && !measurement_done(m)) ok = iterate(s, m, error);
    return ok;
}

const bench bench_generate = {
    .name = "generate",
    .summary = "images of the untrained generator, in the chunks of 128 that `generate' makes",
    .images = OPTION_GENERATED,
    .rate = true,
    .shaped = true,
    .open = subject_open,
    .measure = measure,
    .close = subject_close,
};
