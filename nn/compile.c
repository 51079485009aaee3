// SPDX-License-Identifier: MIT
// Keras's compile: programs recorded for each batch size when it is first used.
#include "nn/compile.h"

#include <stdio.h>
#include <stdlib.h>

#include "autograd/op.h"
#include "nn/given.h"

#define NAME_BYTES 160

// One recording: the model's step or its loss, for one batch size.
typedef struct specialisation {
    int64_t n;
    bool training;
    ag_tape *tape;
    ag_program *program;
    ag_node *x, *y, *loss;
    nn_update update;
    struct specialisation *next;
} specialisation;

struct nn_program {
    nn_model *model;
    nn_loss loss;
    nn_optimizer *optimizer;
    ag_workspace *workspace;
    uint64_t seed;
    specialisation *first;
};

static void specialisation_free(specialisation *s) {
    if (!s) return;
    ag_program_free(s->program);
    ag_tape_free(s->tape);
    free(s);
}

static bool check_loss(nn_loss loss, ag_error *error) {
    return loss || ag_fail(error, AG_STATUS_CONTRACT, "nn_compile: loss is NULL; it must be given");
}

nn_program *nn_compile(nn_model *model, nn_loss loss, nn_optimizer_params optimizer, ag_error *error) {
    if (!NN_GIVEN(model, "model", error) || !check_loss(loss, error)) return NULL;
    nn_program *p = calloc(1, sizeof *p);
    if (!p) return ag_fail(error, AG_STATUS_MEMORY, "compile %s: out of memory", nn_model_name(model)), NULL;
    p->model = model;
    p->loss = loss;
    p->workspace = ag_workspace_create();
    p->optimizer = nn_optimizer_create(model, optimizer, error);
    if (!p->workspace) ag_fail(error, AG_STATUS_MEMORY, "compile %s: out of memory", nn_model_name(model));
    if (p->workspace && p->optimizer) return p;
    nn_program_free(p);
    return NULL;
}

void nn_program_free(nn_program *p) {
    if (!p) return;
    while (p->first) {
        specialisation *next = p->first->next;
        specialisation_free(p->first);
        p->first = next;
    }
    nn_optimizer_free(p->optimizer);
    ag_workspace_free(p->workspace);
    free(p);
}

void nn_program_set_seed(nn_program *p, uint64_t seed) {
    if (NN_GIVEN(p, "program", NULL)) p->seed = seed;
}

// ---- recording ----

static ag_shape batch_of(int64_t n, ag_shape shape) {
    ag_shape batch = {.rank = shape.rank + 1, .dim = {n}};
    for (int i = 0; i < shape.rank; i++) batch.dim[i + 1] = shape.dim[i];
    return batch;
}

static ag_tape *open_tape(const nn_model *model, const char *suffix, ag_error *error) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", nn_model_name(model), suffix);
    ag_tape *tape = ag_tape_create(name, nn_model_dtype(model));
    if (!tape) ag_fail(error, AG_STATUS_MEMORY, "tape %s: out of memory", name);
    return tape;
}

static void record(nn_program *p, specialisation *s) {
    s->x = ag_input(s->tape, "x", batch_of(s->n, nn_model_input_shape(p->model)));
    s->y = ag_input(s->tape, "y", batch_of(s->n, nn_model_output_shape(p->model)));
    s->loss = p->loss(nn_apply(p->model, s->x, s->training ? NN_TRAIN : NN_INFER), s->y);
    if (s->training) nn_optimizer_record(p->optimizer, s->loss, &s->update);
}

// Recorded under the flags of the time of nn_compile.
static bool specialise(nn_program *p, specialisation *s, ag_error *error) {
    s->tape = open_tape(p->model, s->training ? "train" : "test", error);
    if (!s->tape) return false;
    nn_optimizer_begin(p->optimizer);
    record(p, s);
    nn_optimizer_end(p->optimizer);
    s->program = ag_program_compile(s->tape, 1, &s->loss, p->workspace, error);
    return s->program != NULL;
}

static specialisation *find_or_record(nn_program *p, int64_t n, bool training, ag_error *error) {
    for (specialisation *s = p->first; s; s = s->next) {
        if (s->n == n && s->training == training) return s;
    }
    specialisation *s = calloc(1, sizeof *s);
    if (!s)
        return ag_fail(error, AG_STATUS_MEMORY, "compile %s: out of memory", nn_model_name(p->model)), NULL;
    *s = (specialisation){.n = n, .training = training, .next = p->first};
    if (specialise(p, s, error)) return p->first = s;
    specialisation_free(s);
    return NULL;
}

// ---- running ----

static bool check_batch(const nn_program *p, const void *x, const void *y, const double *out_loss,
                        const char *function, ag_error *error) {
    return nn_given_at(p, function, "program", error, __FILE__, __LINE__) &&
           nn_given_at(x, function, "x", error, __FILE__, __LINE__) &&
           nn_given_at(y, function, "y", error, __FILE__, __LINE__) &&
           nn_given_at(out_loss, function, "out_loss", error, __FILE__, __LINE__);
}

static bool run(const nn_program *p, specialisation *s, const void *x, const void *y, double *out_loss,
                ag_error *error) {
    const ag_clock clock = {.seed = p->seed, .step = (uint64_t)nn_optimizer_step(p->optimizer)};
    if (!ag_program_feed(s->program, s->x, x, ag_node_shape(s->x), error) ||
        !ag_program_feed(s->program, s->y, y, ag_node_shape(s->y), error) ||
        !ag_program_run(s->program, clock, error))
        return false;
    *out_loss = ag_program_output_scalar(s->program, s->loss, error);
    return true;
}

bool nn_train_on_batch(nn_program *p, const void *x, const void *y, int64_t n, double *out_loss,
                       ag_error *error) {
    if (!check_batch(p, x, y, out_loss, __func__, error)) return false;
    specialisation *s = find_or_record(p, n, true, error);
    if (!s || !nn_optimizer_feed(p->optimizer, s->program, &s->update, error)) return false;
    if (!run(p, s, x, y, out_loss, error)) return false;
    nn_optimizer_advance(p->optimizer);
    return true;
}

bool nn_test_on_batch(nn_program *p, const void *x, const void *y, int64_t n, double *out_loss,
                      ag_error *error) {
    if (!check_batch(p, x, y, out_loss, __func__, error)) return false;
    specialisation *s = find_or_record(p, n, false, error);
    return s && run(p, s, x, y, out_loss, error);
}

const ag_program *nn_program_plan(nn_program *p, int64_t n, ag_error *error) {
    if (!NN_GIVEN(p, "program", error)) return NULL;
    const specialisation *s = find_or_record(p, n, true, error);
    return s ? s->program : NULL;
}
