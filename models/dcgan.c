// SPDX-License-Identifier: MIT
// The public class: create, generate, discriminate, evaluate, draw z.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/dcgan_private.h"
#include "nn/given.h"
#include "nn/json.h"
#include "nn/number.h"

#define CHUNK 128  // images predicted at a time

// ---- life ----

static bool resolve(dcgan_params *params, ag_error *error) {
    if (!params->name) params->name = "dcgan";
    if (!params->z_dim) params->z_dim = 100;
    if (params->image_shape.rank == 0) params->image_shape = AG_SHAPE(28, 28, 1);
    if (params->z_dim < 1 || params->z_dim > 65536)
        return ag_fail(error, AG_STATUS_USAGE, "z_dim %lld: a number from 1 to 65536",
                       (long long)params->z_dim);
    return dcgan_check_image(params->image_shape, error);
}

static bool check_model(const nn_model *model, ag_shape in, ag_shape out, ag_error *error) {
    char a[AG_SHAPE_TEXT], b[AG_SHAPE_TEXT];
    const ag_shape takes = nn_model_input_shape(model), gives = nn_model_output_shape(model);
    if (!ag_shape_equal(takes, in))
        return ag_fail(error, AG_STATUS_USAGE, "model %s takes %s, %s is needed", nn_model_name(model),
                       ag_shape_format(takes, a), ag_shape_format(in, b));
    if (!ag_shape_equal(gives, out))
        return ag_fail(error, AG_STATUS_USAGE, "model %s gives %s, %s is needed", nn_model_name(model),
                       ag_shape_format(gives, a), ag_shape_format(out, b));
    return nn_model_dtype(model) == AG_F32 ||
           ag_fail(error, AG_STATUS_USAGE, "model %s is f64, f32 is needed", nn_model_name(model));
}

static bool create_models(dcgan *m, ag_error *error) {
    const dcgan_params *p = &m->params;
    if (!m->generator)
        m->generator = dcgan_generator_create(p->z_dim, p->image_shape, DCGAN_WIDTH, AG_F32, error);
    if (!m->discriminator)
        m->discriminator = dcgan_discriminator_create(p->image_shape, DCGAN_WIDTH, AG_F32, error);
    if (!m->generator || !m->discriminator) return false;
    if (!check_model(m->generator, AG_SHAPE(p->z_dim), p->image_shape, error) ||
        !check_model(m->discriminator, p->image_shape, AG_SHAPE(1), error))
        return false;
    m->combined = nn_chain(error, "combined", m->generator, m->discriminator);
    const uint64_t first = (uint64_t)ag_parameter_set_count(nn_model_set(m->generator, 0));
    return m->combined && nn_model_initialize(m->generator, p->seed, 0, error) &&
           nn_model_initialize(m->discriminator, p->seed, first, error);
}

static bool create_rest(dcgan *m, ag_error *error) {
    m->workspace = ag_workspace_create();
    m->fixed_z = calloc((size_t)(DCGAN_FIXED * m->params.z_dim), sizeof *m->fixed_z);
    if (!m->workspace || !m->fixed_z) return ag_fail(error, AG_STATUS_MEMORY, "dcgan: out of memory");
    ag_random_normal_fill((ag_stream){m->params.seed, AG_PURPOSE_FIXED, 0}, 0, DCGAN_FIXED * m->params.z_dim,
                          AG_F32, m->fixed_z);
    m->generate = nn_predictor_create(m->generator, CHUNK, m->workspace, error);
    m->discriminate = m->generate ? nn_predictor_create(m->discriminator, CHUNK, m->workspace, error) : NULL;
    return m->discriminate != NULL;
}

dcgan *dcgan_create(dcgan_params params, ag_error *error) {
    dcgan *m = calloc(1, sizeof *m);
    if (!m) {
        nn_model_free(params.generator);
        nn_model_free(params.discriminator);
        return ag_fail(error, AG_STATUS_MEMORY, "dcgan: out of memory"), NULL;
    }
    m->generator = params.generator;
    m->discriminator = params.discriminator;
    if (resolve(&params, error)) {
        m->params = params;
        if (dcgan_set_name(m, params.name, error) && create_models(m, error) && create_rest(m, error))
            return m;
    }
    dcgan_free(m);
    return NULL;
}

void dcgan_free(dcgan *m) {
    if (!m) return;
    gan_trainer_free(m->trainer);
    nn_predictor_free(m->generate);
    nn_predictor_free(m->discriminate);
    nn_model_free(m->combined);
    nn_model_free(m->generator);
    nn_model_free(m->discriminator);
    ag_workspace_free(m->workspace);
    free(m->fixed_z);
    free(m->seconds);
    free(m->path);
    free(m->name);
    free(m);
}

// ---- latent vectors ----

static void fill_z(const dcgan *m, ag_stream stream, int64_t n, float *z) {
    ag_random_normal_fill(stream, 0, n * m->params.z_dim, AG_F32, z);
}

void dcgan_draw_z(dcgan *m, int64_t n, float *z) {
    if (!NN_GIVEN(m, "model", NULL) || (n > 0 && !NN_GIVEN(z, "z", NULL))) return;
    fill_z(m, (ag_stream){m->params.seed, AG_PURPOSE_SAMPLE, ++m->n_draws}, n > 0 ? n : 0, z);
}

void dcgan_seed_z(const dcgan *m, uint64_t number, float *z) {
    if (!NN_GIVEN(m, "model", NULL) || !NN_GIVEN(z, "z", NULL)) return;
    fill_z(m, (ag_stream){number, AG_PURPOSE_SAMPLE, 0}, 1, z);
}

// ---- use ----

// The caller's values: what is wrong with them is AG_STATUS_USAGE. `row` is what one of them is called.
static bool check_given(const char *op, const char *row, const float *x, int64_t n, int64_t size, bool unit,
                        ag_error *error) {
    char text[NN_NUMBER_TEXT];
    for (int64_t i = 0; i < n * size; i++) {
        if (isfinite(x[i]) && (!unit || (x[i] >= 0 && x[i] <= 1))) continue;
        return ag_fail(error, AG_STATUS_USAGE, "%s: %s %lld has the value %s; %s", op, row,
                       (long long)(i / size), nn_number_format((double)x[i], text),
                       unit ? "images lie in [0,1]" : "finite numbers are needed");
    }
    return true;
}

// A network's output. Finite weights can still be so large that it is not.
static bool check_output(const char *op, const nn_model *model, const float *y, int64_t n, int64_t size,
                         ag_error *error) {
    char text[NN_NUMBER_TEXT];
    for (int64_t i = 0; i < n * size; i++) {
        if (!isfinite(y[i]))
            return ag_fail(error, AG_STATUS_MODEL,
                           "%s: the %s's output %lld has the value %s; its weights are of no use", op,
                           nn_model_name(model), (long long)(i / size), nn_number_format((double)y[i], text));
    }
    return true;
}

// Whether n rows of that many floats can lie in memory.
static bool check_count(const char *op, int64_t n, int64_t row, ag_error *error) {
    int64_t bytes;
    return (n >= 0 && !__builtin_mul_overflow(n, row * (int64_t)sizeof(float), &bytes)) ||
           ag_fail(error, AG_STATUS_USAGE,
                   "%s: %lld rows of %lld numbers: at least 0, and no more than memory can hold", op,
                   (long long)n, (long long)row);
}

bool dcgan_generate(dcgan *m, const float *z, int64_t n, float *images, ag_error *error) {
    if (!NN_GIVEN(m, "model", error) ||
        (n > 0 && (!NN_GIVEN(z, "z", error) || !NN_GIVEN(images, "images", error))))
        return false;
    const int64_t size = ag_shape_size(m->params.image_shape);
    if (!check_count("generate", n, m->params.z_dim, error) || !check_count("generate", n, size, error))
        return false;
    if (!check_given("generate", "z", z, n, m->params.z_dim, false, error) ||
        !nn_predict(m->generate, z, n, images, error) ||
        !check_output("generate", m->generator, images, n, size, error))
        return false;
    for (int64_t i = 0; i < n * size; i++) images[i] = 0.5f * (images[i] + 1);
    return true;
}

static bool check_images(const dcgan *m, const char *op, const float *images, int64_t n, ag_error *error) {
    const int64_t size = ag_shape_size(m->params.image_shape);
    return check_count(op, n, size, error) && check_given(op, "image", images, n, size, true, error);
}

// Logits of checked images, chunk by chunk.
static bool discriminate_logits(dcgan *m, const char *op, const float *images, int64_t n, float *logits,
                                ag_error *error) {
    const int64_t size = ag_shape_size(m->params.image_shape);
    float *scaled = malloc((size_t)(CHUNK * size) * sizeof *scaled);
    bool ok = scaled || ag_fail(error, AG_STATUS_MEMORY, "%s: out of memory", op);
    for (int64_t first = 0; first < n && ok; first += CHUNK) {
        const int64_t count = n - first < CHUNK ? n - first : CHUNK;
        for (int64_t i = 0; i < count * size; i++) scaled[i] = 2 * images[first * size + i] - 1;
        ok = nn_predict(m->discriminate, scaled, count, logits + first, error);
    }
    free(scaled);
    return ok && check_output(op, m->discriminator, logits, n, 1, error);
}

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

// Binary cross-entropy on the logit.
static double cross_entropy(double logit, double target) {
    return fmax(logit, 0) - logit * target + log1p(exp(-fabs(logit)));
}

bool dcgan_discriminate(dcgan *m, const float *images, int64_t n, float *probabilities, ag_error *error) {
    if (!NN_GIVEN(m, "model", error) ||
        (n > 0 && (!NN_GIVEN(images, "images", error) || !NN_GIVEN(probabilities, "probabilities", error))) ||
        !check_images(m, "discriminate", images, n, error) ||
        !discriminate_logits(m, "discriminate", images, n, probabilities, error))
        return false;
    for (int64_t i = 0; i < n; i++) probabilities[i] = (float)sigmoid((double)probabilities[i]);
    return true;
}

static void score_images(const float *logits, const float *labels, int64_t n, dcgan_scores *scores) {
    int64_t right = 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        right += (labels[i] > 0.5f) == (sigmoid((double)logits[i]) > 0.5);
        sum += cross_entropy((double)logits[i], (double)labels[i]);
    }
    scores->d_loss = sum / (double)n;
    scores->d_accuracy = (double)right / (double)n;
}

static bool score_generator(dcgan *m, int64_t n, float *logits, dcgan_scores *scores, ag_error *error) {
    const int64_t size = ag_shape_size(m->params.image_shape);
    float *z = malloc((size_t)(n * m->params.z_dim) * sizeof *z);
    float *images = malloc((size_t)(CHUNK * size) * sizeof *images);
    bool ok = (z && images) || ag_fail(error, AG_STATUS_MEMORY, "evaluate: out of memory");
    if (ok) dcgan_draw_z(m, n, z);
    for (int64_t first = 0; first < n && ok; first += CHUNK) {
        const int64_t count = n - first < CHUNK ? n - first : CHUNK;
        ok = nn_predict(m->generate, z + first * m->params.z_dim, count, images, error) &&
             check_output("evaluate", m->generator, images, count, size, error) &&
             nn_predict(m->discriminate, images, count, logits + first, error) &&
             check_output("evaluate", m->discriminator, logits + first, count, 1, error);
    }
    double sum = 0;
    for (int64_t i = 0; i < n && ok; i++) sum += cross_entropy((double)logits[i], 1);
    if (ok) scores->g_loss = sum / (double)n;
    free(z);
    free(images);
    return ok;
}

static bool check_labelled(const dcgan *m, const float *images, const float *labels, int64_t n,
                           ag_error *error) {
    if (n < 1)
        return ag_fail(error, AG_STATUS_USAGE, "evaluate: %lld images, at least 1 is needed", (long long)n);
    if (!check_count("evaluate", n, m->params.z_dim, error)) return false;
    for (int64_t i = 0; i < n; i++) {
        if (labels[i] != 0 && labels[i] != 1)
            return ag_fail(error, AG_STATUS_USAGE, "evaluate: label %lld is %g; 1 is real, 0 is fake",
                           (long long)i, (double)labels[i]);
    }
    return check_images(m, "evaluate", images, n, error);
}

bool dcgan_evaluate(dcgan *m, const float *images, const float *labels, int64_t n, dcgan_scores *scores,
                    ag_error *error) {
    if (!NN_GIVEN(m, "model", error) || !NN_GIVEN(images, "images", error) ||
        !NN_GIVEN(labels, "labels", error) || !NN_GIVEN(scores, "scores", error) ||
        !check_labelled(m, images, labels, n, error))
        return false;
    float *logits = malloc((size_t)n * sizeof *logits);
    dcgan_scores result = {0};
    bool ok = logits || ag_fail(error, AG_STATUS_MEMORY, "evaluate: out of memory");
    ok = ok && discriminate_logits(m, "evaluate", images, n, logits, error);
    if (ok) score_images(logits, labels, n, &result);
    ok = ok && score_generator(m, n, logits, &result, error);
    if (ok) *scores = result;
    free(logits);
    return ok;
}

// ---- properties ----

const char *dcgan_name(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->name : NULL; }

static bool is_file_name(const char *name) {
    if (strlen(name) > DCGAN_NAME_LIMIT) return false;
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F || *c == '/') return false;
    }
    nn_json *text = nn_json_string(name);  // only UTF-8 makes a string
    nn_json_free(text);
    return text && *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool dcgan_set_name(dcgan *m, const char *name, ag_error *error) {
    if (!NN_GIVEN(m, "model", error) || !NN_GIVEN(name, "name", error)) return false;
    if (!is_file_name(name))
        return ag_fail(error, AG_STATUS_USAGE,
                       "name '%s': 1 to %d bytes of UTF-8 without slash or control character, not '.' or "
                       "'..', as it names files",
                       name, DCGAN_NAME_LIMIT);
    char *copy = strdup(name);
    if (!copy) return ag_fail(error, AG_STATUS_MEMORY, "dcgan: out of memory");
    free(m->name);
    m->name = copy;
    return true;
}

int64_t dcgan_z_dim(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->params.z_dim : 0; }
uint64_t dcgan_seed(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->params.seed : 0; }
ag_shape dcgan_image_shape(const dcgan *m) {
    return NN_GIVEN(m, "model", NULL) ? m->params.image_shape : (ag_shape){0};
}
const float *dcgan_fixed_z(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->fixed_z : NULL; }
nn_model *dcgan_generator(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->generator : NULL; }
nn_model *dcgan_discriminator(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->discriminator : NULL; }
nn_model *dcgan_combined(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->combined : NULL; }
gan_trainer *dcgan_trainer(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->trainer : NULL; }
const char *dcgan_data_digest(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->data_digest : NULL; }
const char *dcgan_made_with(const dcgan *m) { return NN_GIVEN(m, "model", NULL) ? m->made_with : NULL; }
