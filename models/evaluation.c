// SPDX-License-Identifier: MIT
// Scores of h reals, h fresh fakes and 2h fixed fakes; then the variant's losses, recorded over scores
// instead of images.
#include "models/evaluation.h"

#include <math.h>
#include <stdlib.h>

#include "nn/compile.h"
#include "nn/number.h"

#define CHUNK 128  // images generated and scored at a time

struct gan_evaluation {
    const gan_config *config;
    const nn_dataset *data;
    ag_dtype dtype;
    int64_t half, z_size, image_size;
    uint32_t *reals;  // indices of the h reals
    nn_predictor *generate, *discriminate;
    void *latents, *images;                           // of a chunk
    void *real_scores, *fresh_scores, *fixed_scores;  // h, h, 2h
    ag_tape *tape;
    ag_node *real_input, *fresh_input, *fixed_input, *d_loss, *g_loss;
    ag_program *program;
};

static int64_t half_of(int64_t n) { return n >= 10000 ? 1250 : n >= 2500 ? n / 8 : n / 2; }

static ag_node *discriminator_loss(const gan_variant *variant, gan_context *c) {
    if (variant->discriminator) return variant->discriminator(c);
    // The mean over both halves of the labelled set, as Keras's evaluate.
    return ag_scale(ag_add(variant->discriminator_real(c), variant->discriminator_fake(c)), 0.5);
}

static bool record_losses(gan_evaluation *e, ag_workspace *workspace, ag_error *error) {
    const gan_variant *variant = e->config->variant;
    e->tape = ag_tape_create("evaluation", e->dtype);
    if (!e->tape) return ag_fail(error, AG_STATUS_MEMORY, "evaluation: out of memory");
    e->real_input = ag_input(e->tape, "real_scores", AG_SHAPE(e->half, 1));
    e->fresh_input = ag_input(e->tape, "fresh_scores", AG_SHAPE(e->half, 1));
    e->fixed_input = ag_input(e->tape, "fixed_scores", AG_SHAPE(2 * e->half, 1));
    gan_context d = {.tape = e->tape, .real_scores = e->real_input, .fake_scores = e->fresh_input};
    gan_context g = {.tape = e->tape,
                     .real_scores = ag_concat(2, (ag_node *[]){e->real_input, e->real_input}, 0),
                     .fake_scores = e->fixed_input};
    e->d_loss = discriminator_loss(variant, &d);
    e->g_loss = variant->generator(&g);
    e->program = ag_program_compile(e->tape, 2, (ag_node *[]){e->d_loss, e->g_loss}, workspace, error);
    return e->program != NULL;
}

static bool choose_reals(gan_evaluation *e, ag_error *error) {
    uint32_t *order = malloc((size_t)e->data->n * sizeof *order);
    if (!order) return ag_fail(error, AG_STATUS_MEMORY, "evaluation: out of memory");
    ag_random_permutation((ag_stream){e->config->seed, AG_PURPOSE_EVALUATE, 0}, e->data->n, order);
    for (int64_t i = 0; i < e->half; i++) e->reals[i] = order[i];
    free(order);
    return true;
}

static bool allocate(gan_evaluation *e, ag_error *error) {
    const size_t value = ag_dtype_bytes(e->dtype), half = (size_t)e->half;
    e->reals = calloc(half, sizeof *e->reals);
    e->latents = calloc(CHUNK * (size_t)e->z_size, value);
    e->images = calloc(CHUNK * (size_t)e->image_size, value);
    e->real_scores = calloc(half, value);
    e->fresh_scores = calloc(half, value);
    e->fixed_scores = calloc(2 * half, value);
    if (e->reals && e->latents && e->images && e->real_scores && e->fresh_scores && e->fixed_scores)
        return true;
    return ag_fail(error, AG_STATUS_MEMORY, "evaluation: out of memory");
}

gan_evaluation *gan_evaluation_create(nn_model *generator, nn_model *discriminator, const gan_config *config,
                                      const nn_dataset *data, ag_workspace *workspace, ag_error *error) {
    gan_evaluation *e = calloc(1, sizeof *e);
    if (!e) return ag_fail(error, AG_STATUS_MEMORY, "evaluation: out of memory"), NULL;
    *e = (gan_evaluation){.config = config,
                          .data = data,
                          .dtype = nn_model_dtype(generator),
                          .half = half_of(data->n),
                          .z_size = ag_shape_size(nn_model_input_shape(generator)),
                          .image_size = ag_shape_size(nn_model_output_shape(generator))};
    e->generate = nn_predictor_create(generator, CHUNK, workspace, error);
    e->discriminate = nn_predictor_create(discriminator, CHUNK, workspace, error);
    if (e->generate && e->discriminate && allocate(e, error) && choose_reals(e, error) &&
        record_losses(e, workspace, error))
        return e;
    gan_evaluation_free(e);
    return NULL;
}

void gan_evaluation_free(gan_evaluation *e) {
    if (!e) return;
    nn_predictor_free(e->generate);
    nn_predictor_free(e->discriminate);
    ag_program_free(e->program);
    ag_tape_free(e->tape);
    free(e->reals);
    free(e->latents);
    free(e->images);
    free(e->real_scores);
    free(e->fresh_scores);
    free(e->fixed_scores);
    free(e);
}

static void *at(const gan_evaluation *e, void *values, int64_t i) {
    return (char *)values + i * (int64_t)ag_dtype_bytes(e->dtype);
}

static int64_t chunk_size(int64_t n, int64_t first) { return n - first < CHUNK ? n - first : CHUNK; }

static bool score_reals(gan_evaluation *e, ag_error *error) {
    for (int64_t i = 0; i < e->half; i += CHUNK) {
        const int64_t n = chunk_size(e->half, i);
        if (!nn_dataset_gather(e->data, e->reals + i, n, e->dtype, e->images, error) ||
            !nn_predict(e->discriminate, e->images, n, at(e, e->real_scores, i), error))
            return false;
    }
    return true;
}

static bool score_fakes(gan_evaluation *e, ag_stream stream, int64_t count, void *scores, ag_error *error) {
    for (int64_t i = 0; i < count; i += CHUNK) {
        const int64_t n = chunk_size(count, i);
        ag_random_normal_fill(stream, (uint64_t)(i * e->z_size), n * e->z_size, e->dtype, e->latents);
        if (!nn_predict(e->generate, e->latents, n, e->images, error) ||
            !nn_predict(e->discriminate, e->images, n, at(e, scores, i), error))
            return false;
    }
    return true;
}

static double score(const gan_evaluation *e, const void *scores, int64_t i) {
    return e->dtype == AG_F64 ? ((const double *)scores)[i] : (double)((const float *)scores)[i];
}

static void count_probabilities(const gan_evaluation *e, gan_epoch *row) {
    int64_t right = 0;
    double real = 0, fake = 0;
    for (int64_t i = 0; i < e->half; i++) {
        const double p = 1 / (1 + exp(-score(e, e->real_scores, i))),
                     q = 1 / (1 + exp(-score(e, e->fresh_scores, i)));
        right += (p > 0.5) + !(q > 0.5);
        real += p;
        fake += q;
    }
    row->d_accuracy = (double)right / (double)(2 * e->half);
    row->prob_real = real / (double)e->half;
    row->prob_fake = fake / (double)e->half;
}

static bool compute_losses(gan_evaluation *e, gan_epoch *row, ag_error *error) {
    const ag_shape half = AG_SHAPE(e->half, 1), whole = AG_SHAPE(2 * e->half, 1);
    if (!ag_program_feed(e->program, e->real_input, e->real_scores, half, error) ||
        !ag_program_feed(e->program, e->fresh_input, e->fresh_scores, half, error) ||
        !ag_program_feed(e->program, e->fixed_input, e->fixed_scores, whole, error) ||
        !ag_program_run(e->program, (ag_clock){0}, error))
        return false;
    row->d_loss = ag_program_output_scalar(e->program, e->d_loss, error);
    row->g_loss = ag_program_output_scalar(e->program, e->g_loss, error);
    return true;
}

bool gan_evaluation_run(gan_evaluation *e, gan_epoch *row, ag_error *error) {
    const ag_stream fresh = {e->config->seed, AG_PURPOSE_EVALUATE, (uint64_t)row->epoch + 1};
    const ag_stream fixed = {e->config->seed, AG_PURPOSE_FIXED, 1};
    if (!score_reals(e, error) || !score_fakes(e, fresh, e->half, e->fresh_scores, error) ||
        !score_fakes(e, fixed, 2 * e->half, e->fixed_scores, error) || !compute_losses(e, row, error))
        return false;
    count_probabilities(e, row);
    if (isfinite(row->d_loss) && isfinite(row->g_loss) && isfinite(row->prob_real) &&
        isfinite(row->prob_fake))
        return true;
    char d[NN_NUMBER_TEXT], g[NN_NUMBER_TEXT];
    return ag_fail(error, AG_STATUS_DIVERGED, "evaluation of epoch %lld: d_loss is %s, g_loss %s",
                   (long long)row->epoch, nn_number_format(row->d_loss, d), nn_number_format(row->g_loss, g));
}
