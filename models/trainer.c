// SPDX-License-Identifier: MIT
// The training loop and its state.
#include "models/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/evaluation.h"
#include "models/state.h"
#include "models/steps.h"
#include "nn/given.h"

#define STEP_SETS 2  // full batches, and the short last one of an epoch

struct gan_trainer {
    gan_config config;
    nn_model *generator, *discriminator;
    nn_optimizer *g_optimizer, *d_optimizer;
    ag_workspace *workspace;
    bool owns_workspace;
    gan_steps steps[STEP_SETS];
    int n_steps;
    const nn_dataset *data;
    gan_evaluation *evaluation;
    uint32_t *order;      // the epoch's permutation of the images
    int64_t order_epoch;  // which; -1 for none
    int64_t step;         // iterations done
    double d_loss, g_loss;
    const char *environment;  // of the last iteration
    gan_history history;
};

// ---- life ----

// What the author of a variant must have given.
static bool check_variant(const gan_variant *v, ag_error *error) {
    const bool apart = v->discriminator_real && v->discriminator_fake;
    if (v->generator && (apart || v->discriminator) && v->generator_every >= 0) return true;
    return ag_fail(
        error, AG_STATUS_CONTRACT,
        "variant %s: it needs a generator's loss, a discriminator's loss, whole or as a real and a fake "
        "term, and generator_every %d must not be negative",
        v->name, v->generator_every);
}

static bool check_schedule(const gan_config *config, ag_error *error) {
    const gan_variant *v = config->variant;
    if (config->schedule != GAN_SCHEDULE_SEPARATE && config->schedule != GAN_SCHEDULE_JOINT)
        return ag_fail(error, AG_STATUS_USAGE, "schedule %d: it is default, separate or joint",
                       (int)config->schedule);
    return config->schedule == GAN_SCHEDULE_JOINT || !(v->discriminator || v->penalties[0]) ||
           ag_fail(error, AG_STATUS_USAGE,
                   "variant %s: its discriminator's loss is no sum of a real and a fake term; use the joint "
                   "schedule",
                   v->name);
}

static bool resolve(gan_config *config, ag_error *error) {
    if (!config->variant) config->variant = gan_variant_at(0);
    if (!check_variant(config->variant, error)) return false;
    if (!config->optimizer.kind) config->optimizer = gan_variant_optimizer(config->variant);
    if (!config->batch_size) config->batch_size = 128;
    config->schedule = gan_variant_schedule(config->variant, config->schedule);
    if (config->batch_size < 1 || config->batch_size > UINT32_MAX)
        return ag_fail(error, AG_STATUS_USAGE, "batch size %lld: a number from 1 to %lld",
                       (long long)config->batch_size, (long long)UINT32_MAX);
    if (!(config->label_smoothing >= 0 && config->label_smoothing < 0.5))
        return ag_fail(error, AG_STATUS_USAGE, "label smoothing %g: a number in [0, 0.5)",
                       config->label_smoothing);
    return check_schedule(config, error);
}

static bool check_models(const nn_model *generator, const nn_model *discriminator, ag_error *error) {
    const ag_shape image = nn_model_output_shape(generator), taken = nn_model_input_shape(discriminator);
    char a[AG_SHAPE_TEXT], b[AG_SHAPE_TEXT];
    if (!ag_shape_equal(image, taken))
        return ag_fail(error, AG_STATUS_USAGE, "trainer: the generator makes %s, the discriminator takes %s",
                       ag_shape_format(image, a), ag_shape_format(taken, b));
    if (ag_shape_size(nn_model_output_shape(discriminator)) != 1)
        return ag_fail(error, AG_STATUS_USAGE, "trainer: the discriminator gives %s, one logit is needed",
                       ag_shape_format(nn_model_output_shape(discriminator), a));
    if (nn_model_dtype(generator) != nn_model_dtype(discriminator))
        return ag_fail(error, AG_STATUS_USAGE, "trainer: the generator is %s, the discriminator %s",
                       ag_dtype_name(nn_model_dtype(generator)),
                       ag_dtype_name(nn_model_dtype(discriminator)));
    return true;
}

gan_trainer *gan_trainer_create(nn_model *generator, nn_model *discriminator, gan_config config,
                                ag_workspace *workspace, ag_error *error) {
    if (!NN_GIVEN(generator, "generator", error) || !NN_GIVEN(discriminator, "discriminator", error) ||
        !resolve(&config, error) || !check_models(generator, discriminator, error))
        return NULL;
    gan_trainer *t = calloc(1, sizeof *t);
    if (!t) return ag_fail(error, AG_STATUS_MEMORY, "trainer: out of memory"), NULL;
    *t = (gan_trainer){
        .config = config, .generator = generator, .discriminator = discriminator, .order_epoch = -1};
    t->owns_workspace = workspace == NULL;
    t->workspace = workspace ? workspace : ag_workspace_create();
    t->d_optimizer = nn_optimizer_create(discriminator, config.optimizer, error);
    t->g_optimizer = t->d_optimizer ? nn_optimizer_create(generator, config.optimizer, error) : NULL;
    if (t->workspace && t->g_optimizer) return t;
    ag_fail(error, AG_STATUS_MEMORY, "trainer: out of memory");
    gan_trainer_free(t);
    return NULL;
}

static void drop_data(gan_trainer *t) {
    for (int i = 0; i < t->n_steps; i++) gan_steps_free(&t->steps[i]);
    t->n_steps = 0;
    gan_evaluation_free(t->evaluation);
    t->evaluation = NULL;
    free(t->order);
    t->order = NULL;
    t->order_epoch = -1;
    t->data = NULL;
}

void gan_trainer_free(gan_trainer *t) {
    if (!t) return;
    drop_data(t);
    nn_optimizer_free(t->g_optimizer);
    nn_optimizer_free(t->d_optimizer);
    if (t->owns_workspace) ag_workspace_free(t->workspace);
    gan_history_free(&t->history);
    free(t);
}

// ---- data ----

static bool check_data(const gan_trainer *t, const nn_dataset *data, ag_error *error) {
    const ag_shape wanted = nn_model_output_shape(t->generator), got = AG_SHAPE(data->h, data->w, data->c);
    char a[AG_SHAPE_TEXT], b[AG_SHAPE_TEXT];
    if (!ag_shape_equal(wanted, got))
        return ag_fail(error, AG_STATUS_USAGE, "%s: images are %s, the model makes %s", data->path,
                       ag_shape_format(got, a), ag_shape_format(wanted, b));
    if (data->n < 2) return ag_fail(error, AG_STATUS_USAGE, "%s: 1 image, at least 2 are needed", data->path);
    if (data->n < t->config.batch_size)
        return ag_fail(error, AG_STATUS_USAGE, "%s: %lld images, fewer than a batch of %lld", data->path,
                       (long long)data->n, (long long)t->config.batch_size);
    return true;
}

static gan_progress progress_of(const gan_trainer *t) {
    return (gan_progress){.step = t->step,
                          .d_step = nn_optimizer_step(t->d_optimizer),
                          .g_step = nn_optimizer_step(t->g_optimizer),
                          .history = t->history};
}

static int64_t iterations_of(const gan_trainer *t, const nn_dataset *data) {
    return (data->n + t->config.batch_size - 1) / t->config.batch_size;
}

bool gan_trainer_set_data(gan_trainer *t, const nn_dataset *data, ag_error *error) {
    if (!NN_GIVEN(t, "trainer", error) || !NN_GIVEN(data, "data", error) ||
        !NN_GIVEN(data->images, "data->images", error))
        return false;
    const gan_progress progress = progress_of(t);
    if (!check_data(t, data, error) ||
        !gan_progress_check_epochs(&progress, t->config.batch_size, iterations_of(t, data), error))
        return false;
    drop_data(t);
    t->order = malloc((size_t)data->n * sizeof *t->order);
    if (!t->order)
        return ag_fail(error, AG_STATUS_MEMORY, "trainer: no memory for the order of %lld images",
                       (long long)data->n);
    t->evaluation =
        gan_evaluation_create(t->generator, t->discriminator, &t->config, data, t->workspace, error);
    t->data = t->evaluation ? data : NULL;
    return t->evaluation != NULL;
}

static void shuffle(gan_trainer *t, int64_t epoch) {
    if (t->order_epoch == epoch) return;
    ag_random_permutation((ag_stream){t->config.seed, AG_PURPOSE_SHUFFLE, (uint64_t)epoch}, t->data->n,
                          t->order);
    t->order_epoch = epoch;
}

// ---- an iteration ----

static gan_steps *find_steps(gan_trainer *t, int64_t n, ag_error *error) {
    for (int i = 0; i < t->n_steps; i++) {
        if (t->steps[i].n == n) return &t->steps[i];
    }
    const gan_recipe recipe = {.generator = t->generator,
                               .discriminator = t->discriminator,
                               .g_optimizer = t->g_optimizer,
                               .d_optimizer = t->d_optimizer,
                               .config = &t->config,
                               .workspace = t->workspace};
    if (t->n_steps == STEP_SETS) gan_steps_free(&t->steps[--t->n_steps]);
    gan_steps *steps = &t->steps[t->n_steps++];
    if (gan_steps_record(steps, &recipe, n, error)) return steps;
    gan_steps_free(steps);
    t->n_steps--;
    return NULL;
}

// Where the next iteration lies in its epoch.
typedef struct batch {
    const uint32_t *indices;
    int64_t n;
} batch;

static batch next_batch(gan_trainer *t) {
    const int64_t iterations = gan_trainer_iterations(t), first = t->step % iterations * t->config.batch_size;
    shuffle(t, t->step / iterations);
    const int64_t left = t->data->n - first;
    return (batch){t->order + first, left < t->config.batch_size ? left : t->config.batch_size};
}

// Every program of an iteration draws from a step of its own.
static ag_clock clock_of(const gan_trainer *t, gan_step_kind kind) {
    return (ag_clock){t->config.seed, (uint64_t)t->step * GAN_STEP_COUNT + (uint64_t)kind};
}

static bool feed(gan_trainer *t, gan_step *step, batch b, const void *fakes, ag_error *error) {
    if (step->fakes && !ag_program_feed(step->program, step->fakes, fakes, ag_node_shape(step->fakes), error))
        return false;
    if (!step->reals) return true;
    void *memory = ag_program_input(step->program, step->reals, error);
    return memory && nn_dataset_gather(t->data, b.indices, b.n, nn_model_dtype(t->generator), memory, error);
}

static bool run_step(gan_trainer *t, gan_steps *steps, gan_step_kind kind, batch b, const void *fakes,
                     double *loss, ag_error *error) {
    gan_step *step = &steps->steps[kind];
    return !step->program ||
           (feed(t, step, b, fakes, error) && gan_step_run(step, clock_of(t, kind), loss, error));
}

static bool iterate(gan_trainer *t, ag_error *error) {
    const batch b = next_batch(t);
    gan_steps *steps = find_steps(t, b.n, error);
    const void *fakes =
        steps ? gan_step_make(&steps->steps[GAN_STEP_FAKES], clock_of(t, GAN_STEP_FAKES), error) : NULL;
    double on_fakes = 0, on_reals = 0, joint = 0;
    if (!fakes || !run_step(t, steps, GAN_STEP_D_FAKE, b, fakes, &on_fakes, error) ||
        !run_step(t, steps, GAN_STEP_D_REAL, b, fakes, &on_reals, error) ||
        !run_step(t, steps, GAN_STEP_D_JOINT, b, fakes, &joint, error))
        return false;
    t->d_loss = (on_fakes + on_reals) / 2 + joint;
    if ((t->step + 1) % gan_variant_generator_every(t->config.variant) == 0 &&
        !run_step(t, steps, GAN_STEP_G, b, fakes, &t->g_loss, error))
        return false;
    t->environment = steps->environment;
    t->step++;
    return true;
}

// ---- the loop ----

static bool evaluate(gan_trainer *t, ag_error *error) {
    gan_epoch row = {.epoch = t->history.n, .iteration = t->step};
    return gan_evaluation_run(t->evaluation, &row, error) && gan_history_append(&t->history, &row, error);
}

// Both batch sizes of an epoch are recorded before the first iteration: iterations allocate nothing.
static bool record_steps(gan_trainer *t, ag_error *error) {
    const int64_t rest = t->data->n % t->config.batch_size;
    return find_steps(t, t->config.batch_size, error) && (rest == 0 || find_steps(t, rest, error));
}

gan_run gan_trainer_run(gan_trainer *t, int64_t epochs, const gan_hooks *hooks, ag_error *error) {
    if (!NN_GIVEN(t, "trainer", error)) return GAN_RUN_FAILED;
    if (!t->data) return ag_fail(error, AG_STATUS_USAGE, "trainer: no images were given"), GAN_RUN_FAILED;
    const gan_hooks none = {0}, *h = hooks ? hooks : &none;
    if (t->history.n < epochs && !record_steps(t, error)) return GAN_RUN_FAILED;
    while (t->history.n < epochs) {
        const bool in_epoch = t->step < (t->history.n + 1) * gan_trainer_iterations(t);
        if (!(in_epoch ? iterate(t, error) : evaluate(t, error))) return GAN_RUN_FAILED;
        if (in_epoch && h->iteration && !h->iteration(h->context, t)) return GAN_RUN_STOPPED;
        if (!in_epoch && h->epoch && !h->epoch(h->context, t, &t->history.rows[t->history.n - 1]) &&
            t->history.n < epochs)
            return GAN_RUN_STOPPED;
    }
    return GAN_RUN_DONE;
}

// ---- what others see ----

const gan_config *gan_trainer_config(const gan_trainer *t) {
    return NN_GIVEN(t, "trainer", NULL) ? &t->config : NULL;
}
const gan_history *gan_trainer_history(const gan_trainer *t) {
    return NN_GIVEN(t, "trainer", NULL) ? &t->history : NULL;
}
int64_t gan_trainer_step(const gan_trainer *t) { return NN_GIVEN(t, "trainer", NULL) ? t->step : 0; }
double gan_trainer_d_loss(const gan_trainer *t) { return NN_GIVEN(t, "trainer", NULL) ? t->d_loss : 0; }
double gan_trainer_g_loss(const gan_trainer *t) { return NN_GIVEN(t, "trainer", NULL) ? t->g_loss : 0; }
int64_t gan_trainer_workspace_bytes(const gan_trainer *t) {
    return NN_GIVEN(t, "trainer", NULL) ? ag_workspace_bytes(t->workspace) : 0;
}

int64_t gan_trainer_iterations(const gan_trainer *t) {
    return NN_GIVEN(t, "trainer", NULL) && t->data ? iterations_of(t, t->data) : 0;
}

int64_t gan_trainer_epoch(const gan_trainer *t) {
    if (!NN_GIVEN(t, "trainer", NULL)) return 0;
    return t->data ? t->step / iterations_of(t, t->data) : t->history.n;
}

const uint32_t *gan_trainer_order(const gan_trainer *t) {
    return NN_GIVEN(t, "trainer", NULL) ? t->order : NULL;
}

const char *gan_trainer_environment(const gan_trainer *t) {
    return NN_GIVEN(t, "trainer", NULL) ? t->environment : NULL;
}

nn_optimizer *gan_trainer_optimizer(gan_trainer *t, bool discriminator) {
    if (!NN_GIVEN(t, "trainer", NULL)) return NULL;
    return discriminator ? t->d_optimizer : t->g_optimizer;
}

ag_program *gan_trainer_program(gan_trainer *t, int64_t n, const char *name, ag_error *error) {
    if (!NN_GIVEN(t, "trainer", error) || !NN_GIVEN(name, "name", error)) return NULL;
    if (n < 1)
        return ag_fail(error, AG_STATUS_USAGE, "trainer: a program for batches of %lld; at least 1",
                       (long long)n),
               NULL;
    const gan_steps *steps = find_steps(t, n, error);
    for (int i = 0; i < GAN_STEP_COUNT && steps; i++) {
        if (steps->steps[i].program && strcmp(steps->steps[i].name, name) == 0)
            return steps->steps[i].program;
    }
    return NULL;
}

// ---- state ----

nn_json *gan_trainer_state(const gan_trainer *t, ag_error *error) {
    const gan_progress progress = progress_of(t);
    if (!gan_progress_check_updates(&progress, &t->config, NULL)) {
        ag_fail(error, AG_STATUS_DIVERGED,
                "trainer: iteration %lld failed between two updates and is not saved",
                (long long)t->step + 1);
        return NULL;
    }
    nn_json *state = gan_progress_to_json(&progress);
    if (!state) ag_fail(error, AG_STATUS_MEMORY, "trainer: no memory for its state");
    return state;
}

bool gan_trainer_restore(gan_trainer *t, const nn_json *state, ag_error *error) {
    gan_progress progress;
    if (!gan_progress_from_json(&progress, state, error)) return false;
    if (!gan_progress_check_epochs(&progress, t->config.batch_size, gan_trainer_iterations(t), error) ||
        !gan_progress_check_updates(&progress, &t->config, error)) {
        gan_history_free(&progress.history);
        return false;
    }
    // The steps are in range: the check has bounded them.
    gan_history_free(&t->history);
    t->history = progress.history;
    t->step = progress.step;
    nn_optimizer_set_step(t->d_optimizer, progress.d_step, NULL);
    nn_optimizer_set_step(t->g_optimizer, progress.g_step, NULL);
    return true;
}
