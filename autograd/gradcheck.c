// SPDX-License-Identifier: MIT
// Central differences against the analytic gradient, both through compiled programs.
#include "autograd/gradcheck.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/gradient.h"
#include "autograd/ops.h"
#include "autograd/plan.h"
#include "autograd/tape_private.h"

#define PROJECTION_STEP 77  // of the stream of the fixed projection

static ag_gradcheck_params with_defaults(ag_gradcheck_params p) {
    if (p.epsilon == 0) p.epsilon = 1e-6;
    if (p.atol == 0) p.atol = 1e-5;
    if (p.rtol == 0) p.rtol = 1e-3;
    if (p.kink_limit == 0) p.kink_limit = 0.01;
    return p;
}

// One value that is perturbed: where it lies, how to run the loss after a change, what the analytic gradient
// is.
typedef struct probe {
    const char *name, *input;
    double *values;
    const double *analytic;
    int64_t size;
    ag_program *program;
    const ag_node *node;  // the input node that holds `values`, NULL for a parameter
    const ag_node *loss_node;
    ag_clock clock;
} probe;

static bool run_loss(const probe *p, double *out, ag_error *error) {
    if (p->node && !ag_program_feed(p->program, p->node, p->values, ag_node_shape(p->node), error))
        return false;
    if (!ag_program_compute(p->program, p->clock, error)) return false;
    *out = ag_program_output_scalar(p->program, p->loss_node, error);
    return true;
}

static bool loss_at(const probe *p, int64_t i, double value, double *out, ag_error *error) {
    const double saved = p->values[i];
    p->values[i] = value;
    const bool ok = run_loss(p, out, error);
    p->values[i] = saved;
    return ok;
}

static bool within(double a, double b, const ag_gradcheck_params *params) {
    return fabs(a - b) <= params->atol + params->rtol * fabs(b);
}

// A kink: the one-sided slopes disagree and the analytic value lies between them.
static bool is_kink(double below, double above, double analytic, const ag_gradcheck_params *params) {
    const double slack = params->atol + params->rtol * fmax(fabs(below), fabs(above));
    return !within(below, above, params) && analytic >= fmin(below, above) - slack &&
           analytic <= fmax(below, above) + slack;
}

static bool check_entry(const probe *p, int64_t i, double center, const ag_gradcheck_params *params,
                        ag_gradcheck_result *result, ag_error *error) {
    const double x = p->values[i], high = x + params->epsilon, low = x - params->epsilon;
    double above, below;
    if (!loss_at(p, i, high, &above, error) || !loss_at(p, i, low, &below, error)) return false;
    const double numeric = (above - below) / (high - low), analytic = p->analytic[i];
    if (!isfinite(numeric))
        return ag_fail(error, AG_STATUS_CONTRACT,
                       "gradcheck of %s: input %s, index %lld: the loss beside it is %g and %g, not finite",
                       p->name, p->input, (long long)i, below, above);
    result->checked++;
    if (within(analytic, numeric, params)) {
        const double scale = fmax(fmax(fabs(analytic), fabs(numeric)), params->atol / params->rtol);
        result->worst = fmax(result->worst, fabs(analytic - numeric) / scale);
        return true;
    }
    if (is_kink((center - below) / (x - low), (above - center) / (high - x), analytic, params)) {
        result->kinks++;
        return true;
    }
    return ag_fail(error, AG_STATUS_CONTRACT,
                   "gradcheck of %s: input %s, index %lld: analytic %.12g, numeric %.12g differ by more than "
                   "%g + %g |numeric|",
                   p->name, p->input, (long long)i, analytic, numeric, params->atol, params->rtol);
}

static bool check_kinks(const probe *p, const ag_gradcheck_params *params, int64_t checked, int64_t kinks,
                        ag_error *error) {
    if ((double)kinks <= params->kink_limit * (double)checked) return true;
    return ag_fail(error, AG_STATUS_CONTRACT,
                   "gradcheck of %s: input %s: %lld of %lld entries lie on kinks, at most %g %%", p->name,
                   p->input, (long long)kinks, (long long)checked, 100 * params->kink_limit);
}

static bool check_probe(const probe *p, const ag_gradcheck_params *params, ag_gradcheck_result *result,
                        ag_error *error) {
    double center;
    if (!run_loss(p, &center, error)) return false;
    const int64_t n = params->samples > 0 && params->samples < p->size ? params->samples : p->size;
    const ag_gradcheck_result before = *result;
    for (int64_t k = 0; k < n; k++) {
        const int64_t i = n == p->size ? k : (int64_t)((double)(k + 0.5) / (double)n * (double)p->size);
        if (!check_entry(p, i, center, params, result, error)) return false;
    }
    if (!run_loss(p, &center, error)) return false;
    return check_kinks(p, params, result->checked - before.checked, result->kinks - before.kinks, error);
}

static bool out_of_memory(const char *name, ag_error *error) {
    return ag_fail(error, AG_STATUS_MEMORY, "gradcheck of %s: out of memory", name);
}

// ---- graphs of inputs ----

typedef struct check {
    const char *name;
    int n;
    ag_tensor *const *values;
    ag_tape *tape;
    ag_node *inputs[AG_MAX_INPUTS], *gradients[AG_MAX_INPUTS], *loss;
    ag_program *with_gradients, *loss_only;
    double *analytic[AG_MAX_INPUTS];
} check;

static bool check_values(const char *name, int n, ag_tensor *const *values, ag_error *error) {
    if (n < 1 || n > AG_MAX_INPUTS)
        return ag_fail(error, AG_STATUS_CONTRACT, "gradcheck of %s: %d inputs, 1 to %d", name, n,
                       AG_MAX_INPUTS);
    for (int i = 0; i < n; i++) {
        if (!values[i])
            return ag_fail(error, AG_STATUS_CONTRACT, "gradcheck of %s: input %d is NULL", name, i);
        if (values[i]->dtype != AG_F64)
            return ag_fail(error, AG_STATUS_CONTRACT, "gradcheck of %s: input %d is %s, f64 is needed", name,
                           i, ag_dtype_name(values[i]->dtype));
    }
    return true;
}

// The graph's result; NULL, with *error filled, when it has none.
static ag_node *record_graph(const char *name, ag_tape *tape, ag_graph_function graph, void *context, int n,
                             ag_node *const *inputs, ag_error *error) {
    ag_node *y = graph(tape, n, inputs, context);
    if (!ag_tape_is_sound(tape, error)) return NULL;
    if (!ag_node_failed(y) && ag_node_tape(y) == tape) return y;
    ag_fail(error, AG_STATUS_CONTRACT, "gradcheck of %s: the graph function returned %s", name,
            y ? "a node of another tape" : "NULL");
    return NULL;
}

// Normal numbers in the shape of y, fixed by the seed; NULL when memory runs out.
static ag_tensor *random_like(const ag_node *y, uint64_t seed, uint64_t step) {
    ag_tensor *tensor = ag_tensor_create(AG_F64, ag_node_shape(y));
    if (tensor)
        ag_random_normal_fill((ag_stream){seed, AG_PURPOSE_TEST, step}, 0, ag_shape_size(tensor->shape),
                              AG_F64, tensor->data);
    return tensor;
}

// sum(y * P), P fixed and of mean square 1; NULL when memory runs out.
static ag_node *project(ag_tape *tape, ag_node *y, uint64_t seed) {
    ag_tensor *projection = random_like(y, seed, PROJECTION_STEP);
    ag_node *loss = projection ? ag_sum(ag_mul(y, ag_constant(tape, projection))) : NULL;
    ag_tensor_free(projection);
    return loss;
}

static bool check_open(check *c, ag_graph_function graph, void *context, uint64_t seed, ag_error *error) {
    c->tape = ag_tape_create(c->name, AG_F64);
    if (!c->tape) return out_of_memory(c->name, error);
    for (int i = 0; i < c->n; i++) c->inputs[i] = ag_input(c->tape, "input", c->values[i]->shape);
    ag_node *y = record_graph(c->name, c->tape, graph, context, c->n, c->inputs, error);
    if (!y) return false;
    c->loss = project(c->tape, y, seed);
    if (!c->loss) return out_of_memory(c->name, error);
    ag_gradient(c->tape, c->loss, c->n, c->inputs, c->gradients);
    c->with_gradients = ag_program_compile(c->tape, c->n, c->gradients, NULL, error);
    c->loss_only = ag_program_compile(c->tape, 1, &c->loss, NULL, error);
    return c->with_gradients && c->loss_only;
}

static void check_close(check *c) {
    for (int i = 0; i < c->n; i++) free(c->analytic[i]);
    ag_program_free(c->with_gradients);
    ag_program_free(c->loss_only);
    ag_tape_free(c->tape);
}

static bool feed_all(const check *c, ag_program *program, ag_error *error) {
    for (int i = 0; i < c->n; i++) {
        if (!ag_program_feed(program, c->inputs[i], c->values[i]->data, c->values[i]->shape, error))
            return false;
    }
    return true;
}

// The analytic gradients, computed twice: the bits must be the same.
static bool run_analytic(check *c, ag_clock clock, ag_error *error) {
    for (int pass = 0; pass < 2; pass++) {
        if (!feed_all(c, c->with_gradients, error) || !ag_program_run(c->with_gradients, clock, error))
            return false;
        for (int i = 0; i < c->n; i++) {
            const void *gradient = ag_program_output(c->with_gradients, c->gradients[i], error);
            const size_t bytes = (size_t)ag_node_bytes(c->inputs[i]);
            if (!gradient) return false;
            if (!c->analytic[i]) c->analytic[i] = malloc(bytes);
            if (!c->analytic[i]) return out_of_memory(c->name, error);
            if (pass == 0)
                memcpy(c->analytic[i], gradient, bytes);
            else if (memcmp(c->analytic[i], gradient, bytes) != 0)
                return ag_fail(error, AG_STATUS_CONTRACT,
                               "gradcheck of %s: input %d: two runs give different bits", c->name, i);
        }
    }
    return true;
}

bool ag_gradcheck(const char *name, ag_graph_function graph, void *context, int n, ag_tensor *const *values,
                  ag_gradcheck_params params, ag_gradcheck_result *result, ag_error *error) {
    params = with_defaults(params);
    check c = {.name = name, .n = n, .values = values};
    ag_gradcheck_result sums = {0};
    const ag_clock clock = {params.seed, 0};
    if (!check_values(name, n, values, error)) return false;
    bool ok = check_open(&c, graph, context, params.seed, error) && run_analytic(&c, clock, error) &&
              feed_all(&c, c.loss_only, error);
    for (int i = 0; i < n && ok; i++) {
        char input[16] = {(char)('0' + i), '\0'};
        const probe p = {.name = name,
                         .input = input,
                         .values = values[i]->data,
                         .analytic = c.analytic[i],
                         .size = ag_shape_size(values[i]->shape),
                         .program = c.loss_only,
                         .node = c.inputs[i],
                         .loss_node = c.loss,
                         .clock = clock};
        ok = check_probe(&p, &params, &sums, error);
    }
    if (ok && result) *result = sums;
    check_close(&c);
    return ok;
}

// ---- second order ----

typedef struct gradient_graph {
    ag_graph_function graph;
    void *context;
} gradient_graph;

// inputs x[0..n-1), dy -> the gradients of the graph for all x, flat and joined.
static ag_node *record_gradient_graph(ag_tape *tape, int n, ag_node *const *inputs, void *context) {
    const gradient_graph *g = context;
    ag_node *gradients[AG_MAX_INPUTS], *y = g->graph(tape, n - 1, inputs, g->context);
    if (!ag_vjp(tape, y, inputs[n - 1], n - 1, inputs, gradients)) return y;
    for (int i = 0; i < n - 1; i++)
        gradients[i] = ag_reshape(gradients[i], AG_SHAPE(ag_shape_size(ag_node_shape(gradients[i]))));
    return n == 2 ? gradients[0] : ag_concat(n - 1, gradients, 0);
}

// A seed for the graph's result.
static ag_tensor *create_dy(const char *name, const gradient_graph *g, int n, ag_tensor *const *values,
                            uint64_t seed, ag_error *error) {
    ag_tape *tape = ag_tape_create(name, AG_F64);
    if (!tape) return out_of_memory(name, error), NULL;
    ag_node *inputs[AG_MAX_INPUTS];
    for (int i = 0; i < n; i++) inputs[i] = ag_input(tape, "input", values[i]->shape);
    const ag_node *y = record_graph(name, tape, g->graph, g->context, n, inputs, error);
    ag_tensor *dy = y ? random_like(y, seed, PROJECTION_STEP + 1) : NULL;
    if (y && !dy) out_of_memory(name, error);
    ag_tape_free(tape);
    return dy;
}

bool ag_gradgradcheck(const char *name, ag_graph_function graph, void *context, int n,
                      ag_tensor *const *values, ag_gradcheck_params params, ag_gradcheck_result *result,
                      ag_error *error) {
    ag_tensor *with_dy[AG_MAX_INPUTS];
    if (n >= AG_MAX_INPUTS)
        return ag_fail(error, AG_STATUS_CONTRACT, "gradgradcheck of %s: %d inputs, 1 to %d", name, n,
                       AG_MAX_INPUTS - 1);
    if (!check_values(name, n, values, error)) return false;
    memcpy(with_dy, values, (size_t)n * sizeof *with_dy);
    gradient_graph g = {.graph = graph, .context = context};
    with_dy[n] = create_dy(name, &g, n, values, params.seed, error);
    if (!with_dy[n]) return false;
    const bool ok = ag_gradcheck(name, record_gradient_graph, &g, n + 1, with_dy, params, result, error);
    ag_tensor_free(with_dy[n]);
    return ok;
}

// ---- parameters of a program ----

static bool check_parameter(const ag_parameter *parameter, const ag_node *loss, const ag_node *gradient,
                            ag_error *error) {
    if (ag_parameter_set_dtype(parameter->set) != AG_F64 || ag_tape_dtype(ag_node_tape(loss)) != AG_F64)
        return ag_fail(error, AG_STATUS_CONTRACT,
                       "gradcheck of %s: parameter or program is f32, f64 is needed", parameter->name);
    if (ag_shape_size(ag_node_shape(loss)) != 1 || !ag_shape_equal(ag_node_shape(gradient), parameter->shape))
        return ag_fail(error, AG_STATUS_CONTRACT,
                       "gradcheck of %s %s: the loss has shape %s, the gradient %s; a scalar and the "
                       "parameter's are needed",
                       parameter->name, AG_TEXT(parameter->shape), AG_TEXT(ag_node_shape(loss)),
                       AG_TEXT(ag_node_shape(gradient)));
    return true;
}

bool ag_gradcheck_parameter(ag_program *program, ag_parameter *parameter, const ag_node *loss,
                            const ag_node *gradient, ag_clock clock, ag_gradcheck_params params,
                            ag_gradcheck_result *result, ag_error *error) {
    params = with_defaults(params);
    if (!check_parameter(parameter, loss, gradient, error) || !ag_program_compute(program, clock, error))
        return false;
    const double *values = ag_program_output(program, gradient, error);
    if (!values) return false;
    double *analytic = malloc((size_t)parameter->size * sizeof *analytic);
    if (!analytic) return out_of_memory(parameter->name, error);
    memcpy(analytic, values, (size_t)parameter->size * sizeof *analytic);
    ag_gradcheck_result sums = {0};
    const probe p = {.name = ag_parameter_set_name(parameter->set),
                     .input = parameter->name,
                     .values = ag_parameter_values(parameter),
                     .analytic = analytic,
                     .size = parameter->size,
                     .program = program,
                     .loss_node = loss,
                     .clock = clock};
    const bool ok = check_probe(&p, &params, &sums, error);
    if (ok && result) *result = sums;
    free(analytic);
    return ok;
}
