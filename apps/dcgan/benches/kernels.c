// SPDX-License-Identifier: MIT
// The convolution passes of both networks' layers, each a program of one step.
#include <stdio.h>
#include <stdlib.h>

#include "apps/dcgan/bench.h"
#include "autograd/gradient.h"
#include "autograd/ops.h"

typedef struct layer {
    const char *name;
    int64_t side, in, out, stride;  // pixels, channels
    bool transposed;
} layer;

static const layer layers[] = {
    {"generator 1", 7, 256, 128, 2, true},     {"generator 2", 14, 128, 64, 1, true},
    {"generator 3", 14, 64, 1, 2, true},       {"discriminator 1", 28, 1, 32, 2, false},
    {"discriminator 2", 14, 32, 64, 2, false}, {"discriminator 3", 7, 64, 128, 2, false},
};

typedef enum layer_pass { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT, PASSES } layer_pass;

static const char *const pass_names[PASSES] = {"forward", "input gradient", "weight gradient"};

enum { COUNT = sizeof layers / sizeof *layers * PASSES };
_Static_assert(COUNT <= MEASUREMENT_PROGRAMS, "a measurement has room for all");

typedef struct kernel {
    char name[64];
    ag_tape *tape;
    ag_program *program;
} kernel;

typedef struct subject {
    ag_workspace *workspace;
    kernel kernels[COUNT];
} subject;

// Values without a pattern, none of them tiny.
static bool feed(const kernel *k, const ag_node *input, ag_error *error) {
    if (!ag_program_needs(k->program, input)) return true;
    float *values = ag_program_input(k->program, input, error);
    for (int64_t i = 0; values && i < ag_shape_size(ag_node_shape(input)); i++)
        values[i] = (float)(i * 7919 % 1009) / 1009.f - 0.5f;
    return values != NULL;
}

static bool compile(kernel *k, const layer *l, layer_pass pass, int64_t batch, ag_workspace *workspace,
                    ag_error *error) {
    const ag_conv_params params = {.stride = l->stride};
    ag_node *x = ag_input(k->tape, "x", AG_SHAPE(batch, l->side, l->side, l->in)), *dy, *out;
    ag_node *w =
        ag_input(k->tape, "w", l->transposed ? AG_SHAPE(3, 3, l->out, l->in) : AG_SHAPE(3, 3, l->in, l->out));
    ag_node *y = out = l->transposed ? ag_conv2d_transpose(x, w, params) : ag_conv2d(x, w, params);
    dy = ag_input(k->tape, "dy", ag_node_shape(y));
    if (pass != FORWARD) ag_vjp(k->tape, y, dy, 1, pass == INPUT_GRADIENT ? &x : &w, &out);
    k->program = ag_program_compile(k->tape, 1, &out, workspace, error);
    return k->program && feed(k, x, error) && feed(k, w, error) && feed(k, dy, error);
}

static void subject_close(void *context) {
    subject *s = context;
    if (!s) return;
    for (int i = 0; i < COUNT; i++) {
        ag_program_free(s->kernels[i].program);
        ag_tape_free(s->kernels[i].tape);
    }
    ag_workspace_free(s->workspace);
    free(s);
}

static bool record(subject *s, int i, int64_t batch, ag_error *error) {
    kernel *k = &s->kernels[i];
    const layer *l = &layers[i / PASSES];
    snprintf(k->name, sizeof k->name, "%s %s", l->name, pass_names[i % PASSES]);
    k->tape = ag_tape_create(k->name, AG_F32);
    if (!k->tape) return ag_fail(error, AG_STATUS_MEMORY, "no memory to record %s", k->name);
    return compile(k, l, (layer_pass)(i % PASSES), batch, s->workspace, error);
}

static void *subject_open(const bench_params *params, ag_error *error) {
    subject *s = calloc(1, sizeof *s);
    bool ok = s && (s->workspace = ag_workspace_create());
    if (!ok) ag_fail(error, AG_STATUS_MEMORY, "no memory for a bench");
    for (int i = 0; i < COUNT && ok; i++) ok = record(s, i, params->images, error);
    if (ok) return s;
    subject_close(s);
    return NULL;
}

static bool run_all(const subject *s, ag_error *error) {
    for (int i = 0; i < COUNT; i++) {
        if (!ag_program_run(s->kernels[i].program, (ag_clock){0}, error)) return false;
    }
    return true;
}

static bool measure(void *context, measurement *m, ag_error *error) {
    const subject *s = context;
    bool ok = run_all(s, error);
    for (int i = 0; i < COUNT && ok; i++)
        ok = measurement_watch(m, s->kernels[i].name, s->kernels[i].program, error);
    while (ok && !measurement_done(m)) {
        measurement_begin(m);
        ok = run_all(s, error);
        measurement_end(m);
        measurement_keep(m);
    }
    return ok;
}

const bench bench_kernels = {
    .name = "kernels",
    .summary = "the three passes of each convolution of both networks",
    .images = OPTION_BATCH,
    .rounded = true,
    .open = subject_open,
    .measure = measure,
    .close = subject_close,
};
