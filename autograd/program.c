// SPDX-License-Identifier: MIT
// Compiling and replaying.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "autograd/element.h"
#include "autograd/kernel.h"
#include "autograd/memory.h"
#include "autograd/program_private.h"
#include "autograd/tape_private.h"

// ---- compile ----

static bool check_outputs(const ag_tape *tape, int n_outputs, ag_node *const *outputs, ag_error *error) {
    if (!ag_tape_is_sound(tape, error)) return false;
    for (int i = 0; i < n_outputs; i++) {
        if (!outputs[i] || outputs[i]->tape != tape || (outputs[i]->op->traits & AG_OP_EFFECT))
            return ag_fail(error, AG_STATUS_CONTRACT,
                           "compile tape %s: output %d (%s, tape %s) is not a value of this tape", tape->name,
                           i, outputs[i] ? outputs[i]->label : "NULL",
                           outputs[i] ? outputs[i]->tape->name : "none");
    }
    return true;
}

static bool seal_parameters(const ag_tape *tape, ag_error *error) {
    for (int i = 0; i < tape->n_nodes; i++) {
        const ag_node *node = tape->nodes[i];
        if (node->parameter && !ag_parameter_set_seal(node->parameter->set, error)) return false;
        for (int k = 0; k < node->n_writes; k++) {
            if (!ag_parameter_set_seal(node->writes[k]->set, error)) return false;
        }
    }
    return true;
}

static bool is_computed(ag_place_kind kind) { return kind == AG_PLACE_OUTPUT || kind == AG_PLACE_ARENA; }

static bool create_outputs(ag_program *p, int n_outputs, ag_node *const *outputs) {
    p->outputs = calloc((size_t)n_outputs + 1, sizeof *p->outputs);
    if (!p->outputs) return false;
    for (int i = 0; i < n_outputs; i++) {
        p->outputs[p->n_outputs++].node = outputs[i];
        if (is_computed(p->plan.places[outputs[i]->index].kind)) continue;
        p->outputs[i].copy = ag_memory_create(ag_node_bytes(outputs[i]));
        if (!p->outputs[i].copy) return false;
    }
    return true;
}

static bool allocate(ag_program *p, int n_outputs, ag_node *const *outputs, ag_error *error) {
    const size_t n_nodes = (size_t)p->plan.n_nodes + 1, n_steps = (size_t)p->plan.n_steps + 1;
    p->own = ag_memory_create(p->plan.own_bytes);
    p->values = calloc(n_nodes, sizeof *p->values);
    p->fed = calloc(n_nodes, sizeof *p->fed);
    p->calls = calloc(n_steps, sizeof *p->calls);
    p->inputs = calloc(n_steps * AG_MAX_INPUTS, sizeof *p->inputs);
    if (p->own && p->values && p->fed && p->calls && p->inputs && create_outputs(p, n_outputs, outputs))
        return true;
    return ag_fail(error, AG_STATUS_MEMORY, "program of tape %s: out of memory", p->tape->name);
}

static void *place_address(const ag_program *p, int node) {
    const ag_place *place = &p->plan.places[node];
    const ag_node *root = p->plan.nodes[place->root];
    switch (place->kind) {
        case AG_PLACE_PARAMETER:
            return ag_parameter_values(root->parameter);
        case AG_PLACE_CONSTANT:
            return (void *)root->constant;
        case AG_PLACE_INPUT:
        case AG_PLACE_OUTPUT:
            return p->own + place->offset;
        case AG_PLACE_ARENA:
            return p->workspace->memory + p->plan.buffers[place->buffer].offset;
        case AG_PLACE_NONE:
            break;
    }
    return NULL;
}

// What step s reads for an input.
static const void *input_address(const ag_program *p, int s, const ag_node *input) {
    const bool effect = s >= p->plan.n_steps - p->plan.n_effects;
    const ag_snapshot *snapshot = effect ? ag_plan_find_snapshot(&p->plan, input->index) : NULL;
    return snapshot ? p->workspace->memory + p->plan.buffers[snapshot->buffer].offset
                    : p->values[input->index];
}

// Points every call at its values; again whenever the workspace has moved.
static void bind(ag_program *p) {
    for (int i = 0; i < p->plan.n_nodes; i++) p->values[i] = place_address(p, i);
    for (int s = 0; s < p->plan.n_steps; s++) {
        const ag_plan_step *step = &p->plan.steps[s];
        const ag_node *node = p->plan.nodes[step->node];
        const void **in = p->inputs + (ptrdiff_t)s * AG_MAX_INPUTS;
        for (int k = 0; k < node->n_inputs; k++) in[k] = input_address(p, s, node->input[k]);
        p->calls[s] = (ag_call){.node = node,
                                .in = in,
                                .out = p->values[step->node],
                                .workers = p->plan.workers,
                                .clock = &p->clock,
                                .kernels = p->kernels};
        if (step->scratch >= 0)
            p->calls[s].scratch = p->workspace->memory + p->plan.buffers[step->scratch].offset;
    }
    p->bound = p->workspace->memory;
}

static bool is_unfed(const ag_program *p, int node) {
    const ag_place *place = &p->plan.places[node];
    return p->plan.needed[node] && place->kind == AG_PLACE_INPUT && place->root == node && !p->fed[node];
}

static void count_unfed(ag_program *p) {
    for (int i = 0; i < p->plan.n_nodes; i++) p->n_unfed += is_unfed(p, i);
}

static bool take_workspace(ag_program *p, ag_workspace *workspace, ag_error *error) {
    p->owns_workspace = workspace == NULL;
    p->workspace = workspace ? workspace : ag_workspace_create();
    if (!p->workspace)
        return ag_fail(error, AG_STATUS_MEMORY, "program of tape %s: out of memory", p->tape->name);
    return ag_workspace_reserve(p->workspace, p->plan.arena_bytes, error);
}

// Last, so that a program that does not fit leaves nothing behind.
static bool prepare_ops(const ag_program *p, ag_error *error) {
    for (int s = 0; s < p->plan.n_steps; s++) {
        const ag_node *node = p->plan.nodes[p->plan.steps[s].node];
        if (node->op->prepare && !node->op->prepare(node, error)) return false;
    }
    return true;
}

ag_program *ag_program_compile(ag_tape *tape, int n_outputs, ag_node *const *outputs, ag_workspace *workspace,
                               ag_error *error) {
    if (!check_outputs(tape, n_outputs, outputs, error)) return NULL;
    ag_program *p = calloc(1, sizeof *p);
    if (!p) return ag_fail(error, AG_STATUS_MEMORY, "program of tape %s: out of memory", tape->name), NULL;
    p->tape = tape;
    p->kernels = ag_kernels_get(tape->dtype);  // as the plan's scratch is measured for them
    if (seal_parameters(tape, error) && ag_plan_create(&p->plan, tape, n_outputs, outputs, error) &&
        allocate(p, n_outputs, outputs, error) && take_workspace(p, workspace, error) &&
        prepare_ops(p, error)) {
        p->frozen_flops = ag_tape_savings(tape, p->plan.wanted);
        count_unfed(p);
        bind(p);
        return p;
    }
    ag_program_free(p);
    return NULL;
}

void ag_program_free(ag_program *p) {
    if (!p) return;
    for (int i = 0; i < p->n_outputs; i++) free(p->outputs[i].copy);
    free(p->outputs);
    free(p->own);
    free(p->values);
    free(p->fed);
    free(p->calls);
    free(p->inputs);
    ag_plan_free(&p->plan);
    if (p->workspace && p->workspace->holder == p) p->workspace->holder = NULL;
    if (p->owns_workspace) ag_workspace_free(p->workspace);
    free(p);
}

// ---- inputs ----

void *ag_program_input(ag_program *p, const ag_node *input, ag_error *error) {
    if (!input || input->tape != p->tape || input->index < 0 || input->index >= p->plan.n_nodes ||
        p->plan.places[input->index].kind != AG_PLACE_INPUT ||
        p->plan.places[input->index].root != input->index) {
        ag_fail(error, AG_STATUS_CONTRACT, "program of tape %s: %s (tape %s) is not an input of it",
                p->tape->name, input ? input->label : "NULL", input ? input->tape->name : "none");
        return NULL;
    }
    p->stale = true;
    p->computed = false;
    p->n_unfed -= is_unfed(p, input->index);
    p->fed[input->index] = true;
    return p->values[input->index];
}

bool ag_program_feed(ag_program *p, const ag_node *input, const void *values, ag_shape shape,
                     ag_error *error) {
    if (input && input->tape == p->tape && !ag_shape_equal(input->shape, shape))
        return ag_fail(error, AG_STATUS_CONTRACT,
                       "program of tape %s: input %s was compiled for shape %s, fed %s", p->tape->name,
                       input->label, AG_TEXT(input->shape), AG_TEXT(shape));
    void *memory = ag_program_input(p, input, error);
    if (memory) memcpy(memory, values, (size_t)ag_node_bytes(input));
    return memory != NULL;
}

bool ag_program_feed_scalar(ag_program *p, const ag_node *input, double value, ag_error *error) {
    double element;
    ag_store(&element, 0, p->tape->dtype, value);
    return ag_program_feed(p, input, &element, AG_SHAPE(), error);
}

bool ag_program_needs(const ag_program *p, const ag_node *input) {
    return input && input->tape == p->tape && input->index >= 0 && input->index < p->plan.n_nodes &&
           p->plan.needed[input->index];
}

// ---- run ----

static bool check_fed(const ag_program *p, ag_error *error) {
    if (p->n_unfed == 0) return true;
    int i = 0;
    while (!is_unfed(p, i)) i++;
    return ag_fail(error, AG_STATUS_CONTRACT, "program of tape %s: input %s was never fed", p->tape->name,
                   p->plan.nodes[i]->label);
}

// A workspace that could not grow for another program may have lost its memory.
static bool prepare(ag_program *p, ag_clock clock, ag_error *error) {
    if (!ag_workspace_reserve(p->workspace, p->plan.arena_bytes, error)) return false;
    p->clock = clock;
    p->workspace->holder = p;
    if (p->bound != p->workspace->memory) bind(p);
    return true;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run_steps(ag_program *p, int first, int end) {
    for (int s = first; s < end; s++) {
        if (p->poison) ag_program_poison_step(p, s);
        const double started = p->seconds ? now() : 0;
        p->calls[s].node->op->forward(&p->calls[s]);
        if (p->seconds) p->seconds[s] += now() - started;
    }
}

static void copy_outputs(const ag_program *p) {
    for (int i = 0; i < p->n_outputs; i++) {
        const ag_output *output = &p->outputs[i];
        if (output->copy)
            memcpy(output->copy, p->values[output->node->index], (size_t)ag_node_bytes(output->node));
    }
}

static void copy_snapshots(const ag_program *p) {
    for (int i = 0; i < p->plan.n_snapshots; i++) {
        const ag_snapshot *snapshot = &p->plan.snapshots[i];
        memcpy(p->workspace->memory + p->plan.buffers[snapshot->buffer].offset, p->values[snapshot->node],
               (size_t)ag_node_bytes(p->plan.nodes[snapshot->node]));
    }
}

bool ag_program_compute(ag_program *p, ag_clock clock, ag_error *error) {
    if (!check_fed(p, error) || !prepare(p, clock, error)) return false;
    run_steps(p, 0, p->plan.n_steps - p->plan.n_effects);
    copy_outputs(p);
    p->has_run = p->computed = true;
    p->stale = false;
    return true;
}

bool ag_program_apply(ag_program *p, ag_error *error) {
    if (!p->computed || p->workspace->holder != p)
        return ag_fail(
            error, AG_STATUS_CONTRACT,
            "program of tape %s: effects applied without values computed before, or after another program of "
            "the workspace ran",
            p->tape->name);
    copy_snapshots(p);
    run_steps(p, p->plan.n_steps - p->plan.n_effects, p->plan.n_steps);
    p->computed = false;
    return true;
}

bool ag_program_run(ag_program *p, ag_clock clock, ag_error *error) {
    return ag_program_compute(p, clock, error) && ag_program_apply(p, error);
}

static bool is_nonfinite(const ag_node *node, const void *values) {
    for (int64_t i = 0, n = ag_shape_size(node->shape); i < n; i++) {
        if (!__builtin_isfinite(ag_load(values, i, node->tape->dtype))) return true;
    }
    return false;
}

const char *ag_program_find_nonfinite(ag_program *p, ag_clock clock) {
    if (!check_fed(p, NULL) || !prepare(p, clock, NULL)) return NULL;
    p->computed = false;
    p->stale = true;
    for (int i = 0; i < p->plan.n_nodes; i++) {
        const ag_node *node = p->plan.nodes[i];
        if (p->plan.needed[i] && (node->op->traits & AG_OP_SOURCE) && is_nonfinite(node, p->values[i]))
            return node->label;
    }
    for (int s = 0; s < p->plan.n_steps - p->plan.n_effects; s++) {
        run_steps(p, s, s + 1);
        if (is_nonfinite(p->calls[s].node, p->calls[s].out)) return p->calls[s].node->label;
    }
    return NULL;
}

// ---- outputs ----

const void *ag_program_output(const ag_program *p, const ag_node *output, ag_error *error) {
    for (int i = 0; i < p->n_outputs; i++) {
        if (p->outputs[i].node != output) continue;
        if (!p->has_run || p->stale) {
            ag_fail(error, AG_STATUS_CONTRACT, "program of tape %s: output %s is stale: %s", p->tape->name,
                    output->label,
                    p->has_run ? "an input was fed after the last run" : "the program has not run");
            return NULL;
        }
        return p->outputs[i].copy ? p->outputs[i].copy : p->values[output->index];
    }
    ag_fail(error, AG_STATUS_CONTRACT, "program of tape %s: %s (tape %s) is not an output of it",
            p->tape->name, output ? output->label : "NULL", output ? output->tape->name : "none");
    return NULL;
}

double ag_program_output_scalar(const ag_program *p, const ag_node *output, ag_error *error) {
    const void *value = ag_program_output(p, output, error);
    if (!value) return __builtin_nan("");
    if (ag_shape_size(output->shape) == 1) return ag_load(value, 0, p->tape->dtype);
    ag_fail(error, AG_STATUS_CONTRACT, "program of tape %s: output %s is %s, not a scalar", p->tape->name,
            output->label, AG_TEXT(output->shape));
    return __builtin_nan("");
}

void ag_program_poison(ag_program *p, bool on) { p->poison = on; }
void ag_program_profile(ag_program *p, double *seconds) { p->seconds = seconds; }
int ag_program_step_count(const ag_program *p) { return p->plan.n_steps; }
const ag_node *ag_program_step_node(const ag_program *p, int step) { return p->calls[step].node; }
