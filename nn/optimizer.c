// SPDX-License-Identifier: MIT
// Optimizers: what is trained, its state, and the recording of one step.
#include "nn/optimizer.h"

#include <stdio.h>
#include <stdlib.h>

#include "autograd/gradient.h"
#include "nn/given.h"
#include "nn/optimizer_private.h"

#define NAME_BYTES 256
#define NN_STEP_LIMIT (INT64_C(1) << 53)  // t is fed as a double

// A parameter of the model; buffers are left out.
typedef struct target {
    ag_parameter *parameter;
    bool trained;  // trainable at creation
    bool today;    // its flag before nn_optimizer_begin
    ag_parameter *states[NN_OPTIMIZER_STATES];
} target;

struct nn_optimizer {
    nn_optimizer_params params;  // resolved
    int64_t step;
    int n_targets, n_trained;
    target *targets;
    int n_states;
    ag_parameter_set **states;
};

const nn_optimizer_kind *nn_optimizer_kind_at(int i) {
#define NN_OPTIMIZER_FILE(name) &nn_optimizer_##name,
    static const nn_optimizer_kind *const kinds[] = {
#include "nn/optimizer_list.def"
    };
#undef NN_OPTIMIZER_FILE
    return i >= 0 && i < (int)(sizeof kinds / sizeof *kinds) ? kinds[i] : NULL;
}

// ---- creation ----

static int count_parameters(const nn_model *model) {
    int n = 0;
    for (int i = 0; i < nn_model_set_count(model); i++) n += ag_parameter_set_count(nn_model_set(model, i));
    return n;
}

static bool allocate(nn_optimizer *o, const nn_model *model) {
    const size_t n_states = (size_t)nn_model_set_count(model) * NN_OPTIMIZER_STATES;
    o->targets = calloc((size_t)count_parameters(model) + 1, sizeof *o->targets);
    o->states = calloc(n_states + 1, sizeof *o->states);
    return o->targets && o->states;
}

// A set's parameters as targets; returns how many of them are trained.
static int list_targets(nn_optimizer *o, const ag_parameter_set *set) {
    int n_trained = 0;
    for (int i = 0; i < ag_parameter_set_count(set); i++) {
        ag_parameter *parameter = ag_parameter_set_at(set, i);
        if (parameter->kind != AG_PARAMETER) continue;
        o->targets[o->n_targets++] = (target){.parameter = parameter, .trained = parameter->trainable};
        n_trained += parameter->trainable;
    }
    return n_trained;
}

// The state set "MODEL.m" for the targets from `first` on, which are all parameters of `set` in order.
static bool add_state(nn_optimizer *o, const ag_parameter_set *set, int first, int state, ag_error *error) {
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", ag_parameter_set_name(set), o->params.kind->states[state]);
    ag_parameter_set *values = ag_parameter_set_like(set, name, error);
    if (!values) return false;
    o->states[o->n_states++] = values;
    for (int i = first; i < o->n_targets; i++)
        o->targets[i].states[state] = ag_parameter_set_at(values, i - first);
    return ag_parameter_set_seal(values, error);
}

static bool add_set(nn_optimizer *o, const ag_parameter_set *set, ag_error *error) {
    const int first = o->n_targets, n_trained = list_targets(o, set);
    o->n_trained += n_trained;
    for (int i = 0; i < o->params.kind->n_states && n_trained > 0; i++) {
        if (!add_state(o, set, first, i, error)) return false;
    }
    return true;
}

static bool build(nn_optimizer *o, const nn_model *model, ag_error *error) {
    if (!allocate(o, model))
        return ag_fail(error, AG_STATUS_MEMORY, "optimizer %s of %s: out of memory", o->params.kind->name,
                       nn_model_name(model));
    for (int i = 0; i < nn_model_set_count(model); i++) {
        if (!add_set(o, nn_model_set(model, i), error)) return false;
    }
    return o->n_trained > 0 ||
           ag_fail(error, AG_STATUS_CONTRACT, "optimizer %s: no parameter of model %s is trainable",
                   o->params.kind->name, nn_model_name(model));
}

nn_optimizer *nn_optimizer_create(const nn_model *model, nn_optimizer_params params, ag_error *error) {
    if (!NN_GIVEN(model, "model", error)) return NULL;
    if (!params.kind) return ag_fail(error, AG_STATUS_CONTRACT, "optimizer: its kind is not set"), NULL;
    params = nn_optimizer_resolve(params);
    if (!nn_optimizer_check(&params, error)) return NULL;
    nn_optimizer *o = calloc(1, sizeof *o);
    if (!o) return ag_fail(error, AG_STATUS_MEMORY, "optimizer %s: out of memory", params.kind->name), NULL;
    o->params = params;
    if (build(o, model, error)) return o;
    nn_optimizer_free(o);
    return NULL;
}

void nn_optimizer_free(nn_optimizer *o) {
    if (!o) return;
    for (int i = 0; i < o->n_states; i++) ag_parameter_set_free(o->states[i]);
    free(o->states);
    free(o->targets);
    free(o);
}

// ---- recording ----

void nn_optimizer_begin(nn_optimizer *o) {
    if (!NN_GIVEN(o, "optimizer", NULL)) return;
    for (int i = 0; i < o->n_targets; i++) {
        o->targets[i].today = o->targets[i].parameter->trainable;
        o->targets[i].parameter->trainable = o->targets[i].trained;
    }
}

void nn_optimizer_end(nn_optimizer *o) {
    if (!NN_GIVEN(o, "optimizer", NULL)) return;
    for (int i = 0; i < o->n_targets; i++) o->targets[i].parameter->trainable = o->targets[i].today;
}

// The node by which the tape has read it to be trained. A new one would not lie on any path to the loss.
static ag_node *find_read(const nn_optimizer *o, ag_tape *tape, ag_parameter *parameter) {
    const int count = ag_tape_count(tape);
    ag_node *node = ag_read(tape, parameter);
    if (ag_tape_count(tape) == count && !node->frozen) return node;
    return ag_tape_fail(tape,
                        "optimizer %s: parameter %s/%s was not read to be trained; record the loss between "
                        "nn_optimizer_begin and nn_optimizer_end",
                        o->params.kind->name, ag_parameter_set_name(parameter->set), parameter->name);
}

static bool read_targets(const nn_optimizer *o, ag_tape *tape, ag_node **reads) {
    int n = 0;
    for (int i = 0; i < o->n_targets; i++) {
        if (!o->targets[i].trained) continue;
        reads[n] = find_read(o, tape, o->targets[i].parameter);
        if (ag_node_failed(reads[n++])) return false;
    }
    return true;
}

static bool record_updates(const nn_optimizer *o, ag_tape *tape, ag_node *const *gradients,
                           nn_update update) {
    for (int i = 0; i < o->n_targets; i++) {
        const target *t = &o->targets[i];
        if (!t->trained) continue;
        ag_scope_push(tape, ag_parameter_set_name(t->parameter->set));
        ag_scope_push(tape, t->parameter->name);
        ag_node *node =
            o->params.kind->record(&o->params, t->parameter, *gradients++, t->states, update.rate, update.t);
        ag_scope_pop(tape);
        ag_scope_pop(tape);
        if (ag_node_failed(node)) return false;
    }
    return true;
}

bool nn_optimizer_record(nn_optimizer *o, ag_node *loss, nn_update *out_update) {
    if (!NN_GIVEN(o, "optimizer", NULL) || !NN_GIVEN(loss, "loss", NULL) ||
        !NN_GIVEN(out_update, "out_update", NULL) || ag_node_failed(loss))
        return false;
    ag_tape *tape = ag_node_tape(loss);
    ag_node **reads = calloc((size_t)o->n_trained * 2, sizeof *reads);
    if (!reads) return ag_tape_fail(tape, "optimizer %s: out of memory", o->params.kind->name), false;
    ag_node **gradients = reads + o->n_trained;
    nn_update update = {0};
    bool ok = read_targets(o, tape, reads) && ag_gradient(tape, loss, o->n_trained, reads, gradients);
    if (ok) {
        ag_scope_push(tape, "update");
        update =
            (nn_update){.rate = ag_input(tape, "rate", AG_SHAPE()), .t = ag_input(tape, "t", AG_SHAPE())};
        ok = record_updates(o, tape, gradients, update);
        ag_scope_pop(tape);
    }
    free(reads);
    if (ok) *out_update = update;
    return ok;
}

// ---- stepping ----

bool nn_optimizer_feed(const nn_optimizer *o, ag_program *program, const nn_update *update, ag_error *error) {
    if (!NN_GIVEN(o, "optimizer", error) || !NN_GIVEN(program, "program", error) ||
        !NN_GIVEN(update, "update", error))
        return false;
    return ag_program_feed_scalar(program, update->rate, o->params.rate, error) &&
           ag_program_feed_scalar(program, update->t, (double)(o->step + 1), error);
}

void nn_optimizer_advance(nn_optimizer *o) {
    if (NN_GIVEN(o, "optimizer", NULL)) o->step++;
}

int64_t nn_optimizer_step(const nn_optimizer *o) { return NN_GIVEN(o, "optimizer", NULL) ? o->step : 0; }

bool nn_optimizer_set_step(nn_optimizer *o, int64_t step, ag_error *error) {
    if (!NN_GIVEN(o, "optimizer", error)) return false;
    if (step < 0 || step > NN_STEP_LIMIT)
        return ag_fail(error, AG_STATUS_USAGE, "optimizer %s: step %lld must lie in 0 to %lld",
                       o->params.kind->name, (long long)step, (long long)NN_STEP_LIMIT);
    o->step = step;
    return true;
}

double nn_optimizer_rate(const nn_optimizer *o) {
    return NN_GIVEN(o, "optimizer", NULL) ? o->params.rate : 0;
}

bool nn_optimizer_set_rate(nn_optimizer *o, double rate, ag_error *error) {
    if (!NN_GIVEN(o, "optimizer", error)) return false;
    nn_optimizer_params params = o->params;
    params.rate = rate;
    if (!nn_optimizer_check(&params, error)) return false;
    o->params.rate = rate;
    return true;
}

int nn_optimizer_state_count(const nn_optimizer *o) {
    return NN_GIVEN(o, "optimizer", NULL) ? o->n_states : 0;
}

ag_parameter_set *nn_optimizer_state(const nn_optimizer *o, int i) {
    if (!NN_GIVEN(o, "optimizer", NULL)) return NULL;
    return i >= 0 && i < o->n_states ? o->states[i] : NULL;
}

// The kind's states follow each other, for one set of the models after another.
bool nn_optimizer_state_nonnegative(const nn_optimizer *o, int i) {
    if (!NN_GIVEN(o, "optimizer", NULL) || i < 0 || i >= o->n_states) return false;
    return o->params.kind->nonnegative & 1u << i % o->params.kind->n_states;
}
