// SPDX-License-Identifier: MIT
// The class's model file: networks, optimizers' state and fixed z as tensors; the rest as JSON in the header,
// under the key "bobbin":
//   {"version": 1, "name": .., "z_dim": .., "image_shape": [h,w,c], "seed": .., "draws": .., "data": digest,
//    "environment": ..,
//    "config": {..}, "state": {"step": .., "d_step": .., "g_step": .., "history": [..]}}
// config and state are absent in a model that was never trained.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/environment.h"
#include "models/dcgan_private.h"
#include "models/state.h"
#include "nn/checkpoint.h"
#include "nn/given.h"

#define VERSION 1
#define KEY "bobbin"

// ---- save ----

static nn_json *shape_to_json(ag_shape shape) {
    nn_json *array = nn_json_array();
    bool ok = array != NULL;
    for (int i = 0; i < shape.rank && ok; i++) ok = nn_json_append(array, nn_json_int(shape.dim[i]));
    if (ok) return array;
    nn_json_free(array);
    return NULL;
}

// What the values come from: the last training, that of the loaded file, or this process.
static const char *environment_of(const dcgan *m) {
    const char *trained = m->trainer ? gan_trainer_environment(m->trainer) : NULL;
    if (trained) return trained;
    return m->made_with[0] ? m->made_with : ag_environment();
}

static nn_json *header_to_json(const dcgan *m, ag_error *error) {
    nn_json *o = nn_json_object();
    bool ok = o && nn_json_set(o, "version", nn_json_int(VERSION)) &&
              nn_json_set(o, "name", nn_json_string(m->name)) &&
              nn_json_set(o, "z_dim", nn_json_int(m->params.z_dim)) &&
              nn_json_set(o, "image_shape", shape_to_json(m->params.image_shape)) &&
              nn_json_set(o, "seed", nn_json_int((int64_t)m->params.seed)) &&
              nn_json_set(o, "draws", nn_json_int((int64_t)m->n_draws)) &&
              nn_json_set(o, "data", nn_json_string(m->data_digest)) &&
              nn_json_set(o, "environment", nn_json_string(environment_of(m)));
    if (ok && m->trainer)
        ok = nn_json_set(o, "config", gan_config_to_json(gan_trainer_config(m->trainer))) &&
             nn_json_set(o, "state", gan_trainer_state(m->trainer, error));
    if (ok) return o;
    nn_json_free(o);
    return ag_fail(error, AG_STATUS_MEMORY, "dcgan %s: no memory for the header", m->name), NULL;
}

static bool add_tensors(nn_checkpoint *file, const dcgan *m, ag_error *error) {
    const ag_shape fixed = AG_SHAPE(DCGAN_FIXED, m->params.z_dim);
    return nn_checkpoint_add_set(file, nn_model_set(m->generator, 0), error) &&
           nn_checkpoint_add_set(file, nn_model_set(m->discriminator, 0), error) &&
           nn_checkpoint_add(file, "fixed_z", AG_F32, fixed, m->fixed_z, error) &&
           (!m->trainer ||
            (nn_checkpoint_add_optimizer(file, gan_trainer_optimizer(m->trainer, false), error) &&
             nn_checkpoint_add_optimizer(file, gan_trainer_optimizer(m->trainer, true), error)));
}

static bool add_header(nn_checkpoint *file, const dcgan *m, ag_error *error) {
    nn_json *header = header_to_json(m, error);
    if (!header) return false;
    char *text = nn_json_print(header);
    nn_json_free(header);
    if (!text) return ag_fail(error, AG_STATUS_MEMORY, "dcgan %s: no memory for the header", m->name);
    const bool ok = nn_checkpoint_add_text(file, KEY, text, error);
    free(text);
    return ok;
}

bool dcgan_save(dcgan *m, const char *path, ag_error *error) {
    if (!NN_GIVEN(m, "model", error)) return false;
    char own[DCGAN_NAME_LIMIT + sizeof ".safetensors"];
    snprintf(own, sizeof own, "%s.safetensors", m->name);
    nn_checkpoint *file = nn_checkpoint_create();
    const bool ok = (file || ag_fail(error, AG_STATUS_MEMORY, "dcgan %s: out of memory", m->name)) &&
                    add_tensors(file, m, error) && add_header(file, m, error) &&
                    nn_checkpoint_save(file, path ? path : own, error);
    nn_checkpoint_free(file);
    return ok;
}

// ---- load ----

// Whether a sentence says "PATH: .." or quotes 'PATH'; any
// other occurrence may be chance, as paths can be one letter.
static bool names_path(const char *text, const char *path) {
    const size_t n = strlen(path);
    if (strncmp(text, path, n) == 0 && text[n] == ':') return true;
    for (const char *at = text; *at && (at = strstr(at, path)); at++) {
        if (at > text && at[-1] == '\'' && at[n] == '\'') return true;
    }
    return false;
}

bool dcgan_blame_file(const char *path, const ag_error *cause, ag_error *error) {
    const ag_status status = cause->status == AG_STATUS_MEMORY ? AG_STATUS_MEMORY : AG_STATUS_MODEL;
    const bool named = names_path(cause->text, path);
    return ag_fail(error, status, "%s%s%s", named ? "" : path, named ? "" : ": ", cause->text);
}

typedef struct header {
    nn_format_content *content;
    nn_json *json;  // owns the strings below
    const char *name, *digest, *environment;
    int64_t z_dim, seed, draws;
    ag_shape image_shape;
} header;

static void header_close(header *h) {
    nn_json_free(h->json);
    nn_format_free(h->content);
}

static bool read_shape(const nn_json *json, ag_shape *shape, ag_error *error) {
    const nn_json *array = nn_json_get(json, "image_shape");
    int64_t dim[3] = {0};
    bool ok = nn_json_count(array) == 3;
    for (int i = 0; i < 3 && ok; i++) ok = nn_json_read_int(nn_json_at(array, i), &dim[i]);
    *shape = ag_shape_of(3, dim);
    return ag_shape_size(*shape) > 0 ||
           ag_fail(
               error, AG_STATUS_MODEL,
               "header: image_shape [%lld,%lld,%lld] is missing or not 3 positive numbers of product 2^40 "
               "at most",
               (long long)dim[0], (long long)dim[1], (long long)dim[2]);
}

// A trained model has the digest of its images and a state; any other has neither.
static bool check_parts(const header *h, ag_error *error) {
    const bool trained = nn_json_get(h->json, "config") != NULL;
    const size_t digits = strlen(h->digest), wanted = trained ? NN_DIGEST_DIGITS : 0;
    if (digits != wanted)
        return ag_fail(error, AG_STATUS_MODEL, "header: data has %zu digits; %s config it has %zu", digits,
                       trained ? "with a" : "without a", wanted);
    return (nn_json_get(h->json, "state") != NULL) == trained ||
           ag_fail(error, AG_STATUS_MODEL, "header: config and state belong together; %s is missing",
                   trained ? "state" : "config");
}

static bool read_header(header *h, ag_error *error) {
    static const char part[] = "header";
    int64_t version;
    if (!gan_state_int(h->json, part, "version", &version, error)) return false;
    if (version != VERSION)
        return ag_fail(error, AG_STATUS_MODEL, "header: version %lld, this program reads %d",
                       (long long)version, VERSION);
    return gan_state_string(h->json, part, "name", &h->name, error) &&
           gan_state_string(h->json, part, "data", &h->digest, error) &&
           gan_state_string(h->json, part, "environment", &h->environment, error) &&
           gan_state_int(h->json, part, "z_dim", &h->z_dim, error) &&
           gan_state_int(h->json, part, "seed", &h->seed, error) &&
           gan_state_int(h->json, part, "draws", &h->draws, error) &&
           read_shape(h->json, &h->image_shape, error) && check_parts(h, error);
}

static bool header_open(header *h, const char *path, ag_error *error) {
    *h = (header){.content = nn_format_load(path, NULL, error)};
    if (!h->content) return false;
    const char *text = nn_format_metadata(h->content, KEY);
    if (!text)
        return ag_fail(error, AG_STATUS_MODEL, "no entry \"%s\" in the header; this is no model of dcgan",
                       KEY);
    h->json = nn_json_parse(text, strlen(text), path, AG_STATUS_MODEL, error);
    return h->json && read_header(h, error);
}

static bool check_header(const header *h, const dcgan *m, const char *path, ag_error *error) {
    char a[AG_SHAPE_TEXT], b[AG_SHAPE_TEXT];
    if (h->z_dim != m->params.z_dim)
        return ag_fail(error, AG_STATUS_MODEL, "%s: z_dim is %lld, this model's %lld", path,
                       (long long)h->z_dim, (long long)m->params.z_dim);
    return ag_shape_equal(h->image_shape, m->params.image_shape) ||
           ag_fail(error, AG_STATUS_MODEL, "%s: images are %s, this model's %s", path,
                   ag_shape_format(h->image_shape, a), ag_shape_format(m->params.image_shape, b));
}

static bool check_tensors(const header *h, const dcgan *m, gan_trainer *trainer, ag_error *error) {
    const ag_shape fixed = AG_SHAPE(DCGAN_FIXED, m->params.z_dim);
    return nn_checkpoint_check(h->content, "fixed_z", NN_FORMAT_F32, fixed, -INFINITY, error) &&
           nn_checkpoint_check_model(h->content, m->generator, error) &&
           nn_checkpoint_check_model(h->content, m->discriminator, error) &&
           (!trainer ||
            (nn_checkpoint_check_optimizer(h->content, gan_trainer_optimizer(trainer, false), error) &&
             nn_checkpoint_check_optimizer(h->content, gan_trainer_optimizer(trainer, true), error)));
}

// Cannot fail: all is checked, the sets sealed.
static void read_tensors(const header *h, dcgan *m, gan_trainer *trainer) {
    const ag_shape fixed = AG_SHAPE(DCGAN_FIXED, m->params.z_dim);
    nn_checkpoint_read_set(h->content, nn_model_set(m->generator, 0), NULL);
    nn_checkpoint_read_set(h->content, nn_model_set(m->discriminator, 0), NULL);
    for (int which = 0; which < 2 && trainer; which++)
        nn_checkpoint_read_optimizer(h->content, gan_trainer_optimizer(trainer, which == 1), NULL);
    nn_format_read(h->content, "fixed_z", NN_FORMAT_F32, fixed, m->fixed_z, NULL);
}

// The trainer that the file describes; *out NULL when it was never trained.
static bool make_trainer(const header *h, dcgan *m, gan_trainer **out, ag_error *error) {
    const nn_json *config_json = nn_json_get(h->json, "config");
    gan_config config;
    *out = NULL;
    if (!config_json) return true;
    if (!gan_config_from_json(&config, config_json, error)) return false;
    if (config.seed != (uint64_t)h->seed)
        return ag_fail(error, AG_STATUS_MODEL, "config: seed is %lld; the header makes it %lld",
                       (long long)config.seed, (long long)h->seed);
    *out = dcgan_create_trainer(m, config, error);
    return *out && gan_trainer_restore(*out, nn_json_get(h->json, "state"), error);
}

static bool apply_file(dcgan *m, const header *h, gan_trainer *trainer, ag_error *error) {
    char *path = strdup(h->content->path);
    if (!path) return ag_fail(error, AG_STATUS_MEMORY, "out of memory");
    if (!check_tensors(h, m, trainer, error) || !dcgan_set_name(m, h->name, error)) {
        free(path);
        return false;
    }
    read_tensors(h, m, trainer);
    snprintf(m->data_digest, sizeof m->data_digest, "%s", h->digest);
    snprintf(m->made_with, sizeof m->made_with, "%s", h->environment);
    m->params.seed = (uint64_t)h->seed;
    m->n_draws = (uint64_t)h->draws;
    m->n_seconds = 0;
    free(m->path);
    m->path = path;
    gan_trainer_free(m->trainer);
    m->trainer = trainer;
    return true;
}

static bool change(dcgan *m, const header *h, const char *path, ag_error *error) {
    gan_trainer *trainer = NULL;
    const bool ok = check_header(h, m, path, error) && make_trainer(h, m, &trainer, error) &&
                    apply_file(m, h, trainer, error);
    if (!ok) gan_trainer_free(trainer);
    return ok;
}

bool dcgan_change(dcgan *m, const char *path, ag_error *error) {
    if (!NN_GIVEN(m, "model", error) || !NN_GIVEN(path, "path", error)) return false;
    header h;
    ag_error cause = {0};
    const bool ok = header_open(&h, path, &cause) && change(m, &h, path, &cause);
    header_close(&h);
    return ok || dcgan_blame_file(path, &cause, error);
}

dcgan *dcgan_open(const char *path, ag_error *error) {
    if (!NN_GIVEN(path, "path", error)) return NULL;
    header h;
    ag_error cause = {0};
    dcgan *m = NULL;
    if (header_open(&h, path, &cause))
        m = dcgan_create((dcgan_params){.name = h.name, .z_dim = h.z_dim, .image_shape = h.image_shape},
                         &cause);
    const bool ok = m && change(m, &h, path, &cause);
    header_close(&h);
    if (ok) return m;
    dcgan_free(m);
    dcgan_blame_file(path, &cause, error);
    return NULL;
}
