// SPDX-License-Identifier: MIT
// conv2d and its two gradients, a family closed under differentiation: the gradients of each are the other
// two. The transposed convolution is the input gradient, recorded from the other side.
#include "autograd/ops/conv2d.h"
#include "autograd/kernel.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/ops/batch_norm.h"
#include "autograd/threads.h"

#define LIMIT (INT64_C(1) << 20)  // of strides and paddings, so that no size overflows

// Pixels under a line of kernels, at most: the kernels count vectors of them in 32 bits.
#define LINE_LIMIT (INT64_C(1) << 25)

typedef struct settings {
    ag_conv_params params;
    ag_shape shape;  // of the result: of x in the input gradient, of w in the weight gradient; unused forward
    unsigned parts;  // behind it, a bit each: a bias is input 2, a batch norm's vectors are the last
    double epsilon;  // of the normalization
    double slope;    // of the activation; 1: none
} settings;

static bool has_part(const ag_node *node, ag_conv_part part) {
    return ((const settings *)node->attributes)->parts >> part & 1;
}

// By ag_conv_pass: (x, w) -> y, (dy, w) -> dx, (x, dy) -> dw.
static const ag_op family[AG_CONV_PASS_COUNT];

// The same with parts behind the convolution, made by rewrites.
static const ag_op fused[AG_CONV_WEIGHT_GRADIENT];

static bool is_fused(const ag_node *node) {
    return node->op == &fused[AG_CONV_FORWARD] || node->op == &fused[AG_CONV_INPUT_GRADIENT];
}

static ag_conv_pass pass_of(const ag_node *node) {
    return (ag_conv_pass)(node->op - (is_fused(node) ? fused : family));
}

// The shapes of the convolution that a node of any pass belongs to.
static ag_shape shape_of_x(const ag_node *node) {
    const settings *s = node->attributes;
    return pass_of(node) == AG_CONV_INPUT_GRADIENT ? s->shape : node->input[0]->shape;
}

static ag_shape shape_of_w(const ag_node *node) {
    const settings *s = node->attributes;
    return pass_of(node) == AG_CONV_WEIGHT_GRADIENT ? s->shape : node->input[1]->shape;
}

typedef struct side {
    int64_t out, before;
} side;

// One axis; out is below 1 where the kernel does not fit into the input and its padding.
static side side_of(const ag_conv_params *p, int64_t in, int64_t kernel, int64_t before, int64_t after) {
    if (p->padding == AG_PADDING_SAME) {
        const int64_t out = ag_ceil_div(in, p->stride);
        return (side){out, ag_max((out - 1) * p->stride + kernel - in, 0) / 2};
    }
    const bool is_explicit = p->padding == AG_PADDING_EXPLICIT;
    const int64_t room = in + (is_explicit ? before + after : 0) - kernel;
    return (side){room < 0 ? 0 : room / p->stride + 1, is_explicit ? before : 0};
}

static ag_conv_geometry geometry_of(const ag_node *node) {
    const ag_conv_params *p = &((const settings *)node->attributes)->params;
    const ag_shape x = shape_of_x(node), w = shape_of_w(node);
    const side rows = side_of(p, x.dim[1], w.dim[0], p->pad_top, p->pad_bottom);
    const side columns = side_of(p, x.dim[2], w.dim[1], p->pad_left, p->pad_right);
    return (ag_conv_geometry){.n = x.dim[0],
                              .h = x.dim[1],
                              .w = x.dim[2],
                              .ci = x.dim[3],
                              .oh = rows.out,
                              .ow = columns.out,
                              .co = w.dim[3],
                              .kh = w.dim[0],
                              .kw = w.dim[1],
                              .stride = p->stride,
                              .pad_top = rows.before,
                              .pad_left = columns.before};
}

// ---- checks

static bool in_limits(int64_t value) { return value >= 0 && value <= LIMIT; }

static bool params_valid(const ag_conv_params *p) {
    return (int)p->padding >= AG_PADDING_SAME && p->padding <= AG_PADDING_EXPLICIT && p->stride >= 1 &&
           p->stride <= LIMIT && in_limits(p->pad_top) && in_limits(p->pad_bottom) &&
           in_limits(p->pad_left) && in_limits(p->pad_right);
}

static bool check_params(ag_node *node) {
    const ag_conv_params *p = &((const settings *)node->attributes)->params;
    if ((int)p->padding < AG_PADDING_SAME || p->padding > AG_PADDING_EXPLICIT)
        return ag_node_fail(node, "padding %d: it must be AG_PADDING_SAME, _VALID or _EXPLICIT",
                            (int)p->padding);
    return params_valid(p) ||
           ag_node_fail(
               node,
               "stride %lld, padding %lld %lld %lld %lld: the stride must be 1 or more, paddings 0 or more, "
               "and all at most %lld",
               (long long)p->stride, (long long)p->pad_top, (long long)p->pad_bottom, (long long)p->pad_left,
               (long long)p->pad_right, (long long)LIMIT);
}

static bool check_operands(ag_node *node) {
    const ag_shape a = node->input[0]->shape, b = node->input[1]->shape;
    if (a.rank != 4 || b.rank != 4)
        return ag_node_fail(node, "%s and %s must both have rank 4: images [N,H,W,C], kernels [kh,kw,Ci,Co]",
                            AG_TEXT(a), AG_TEXT(b));
    const ag_shape x = shape_of_x(node), w = shape_of_w(node);
    if (ag_shape_size(x) < 1 || ag_shape_size(w) < 1)
        return ag_node_fail(node,
                            "%s with kernels %s leaves images of shape %s: every dimension must be 1 or more",
                            AG_TEXT(a), AG_TEXT(w), AG_TEXT(x));
    return x.dim[3] == w.dim[2] ||
           ag_node_fail(node, "channels: images %s have %lld, kernels %s take %lld", AG_TEXT(x),
                        (long long)x.dim[3], AG_TEXT(w), (long long)w.dim[2]);
}

static bool check_lines(ag_node *node, const ag_conv_geometry *g) {
    return ag_max(ag_min(g->kh, g->h) * g->w, g->ow) <= LINE_LIMIT ||
           ag_node_fail(node, "images %s: a line of kernels %s reaches more than 2^25 pixels",
                        AG_TEXT(shape_of_x(node)), AG_TEXT(shape_of_w(node)));
}

static bool infer(ag_node *node) {
    if (!check_params(node) || !check_operands(node)) return false;
    const ag_conv_pass pass = pass_of(node);
    const ag_conv_geometry g = geometry_of(node);
    const ag_shape y = AG_SHAPE(g.n, g.oh, g.ow, g.co);
    if (g.oh < 1 || g.ow < 1)
        return ag_node_fail(node, "kernels %s do not fit into images %s and their padding",
                            AG_TEXT(shape_of_w(node)), AG_TEXT(shape_of_x(node)));
    if (!check_lines(node, &g)) return false;
    node->shape = pass == AG_CONV_FORWARD ? y : ((const settings *)node->attributes)->shape;
    if (pass == AG_CONV_FORWARD) return true;
    const ag_shape dy = node->input[pass == AG_CONV_INPUT_GRADIENT ? 0 : 1]->shape;
    return ag_shape_equal(dy, y) ||
           ag_node_fail(
               node, "images %s with kernels %s convolve to %s, which is not the shape %s of the other side",
               AG_TEXT(shape_of_x(node)), AG_TEXT(shape_of_w(node)), AG_TEXT(y), AG_TEXT(dy));
}

// ---- evaluation

typedef struct job {
    const ag_conv_kernel *kernel;
    const ag_conv_call *call;
    int stage;
} job;

static void run_task(void *context, int64_t task, int worker) {
    const job *j = context;
    ag_conv_call call = *j->call;
    call.worker = worker;
    j->kernel->run(&call, j->stage, task);
}

// Bytes of scratch before the kernel's own: gamma / sqrt(variance + epsilon).
static int64_t scale_bytes(const ag_node *node) {
    if (!has_part(node, AG_CONV_NORMALIZATION)) return 0;
    const int64_t bytes = node->shape.dim[3] * (int64_t)ag_dtype_bytes(ag_tape_dtype(node->tape));
    return ag_ceil_div(bytes, 64) * 64;
}

static ag_conv_epilogue epilogue_of(const ag_call *call) {
    const settings *s = call->node->attributes;
    ag_conv_epilogue end = {.slope = s->slope};
    if (has_part(call->node, AG_CONV_BIAS)) end.bias = call->in[2];
    if (has_part(call->node, AG_CONV_NORMALIZATION)) {
        const int x = call->node->n_inputs - AG_NORM_INPUTS;
        ag_batch_norm_scale(call, x, s->epsilon, call->scratch);
        end.mean = call->in[x + AG_NORM_MEAN];
        end.scale = call->scratch;
        end.shift = call->in[x + AG_NORM_BETA];
    }
    return end;
}

static void forward(const ag_call *call) {
    ag_conv_geometry g = geometry_of(call->node);
    const ag_conv_kernel *kernel = ag_conv_choose(call->kernels, pass_of(call->node), &g);
    const ag_conv_call conv = {.geometry = &g,
                               .a = call->in[0],
                               .b = call->in[1],
                               .out = call->out,
                               .epilogue = epilogue_of(call),
                               .scratch = (char *)call->scratch + scale_bytes(call->node)};
    for (int stage = 0; stage < AG_CONV_STAGES; stage++)
        ag_parallel_for_workers(call->workers, kernel->tasks(&g, stage), run_task,
                                &(job){kernel, &conv, stage});
}

static int64_t scratch(const ag_node *node, int workers) {
    ag_conv_geometry g = geometry_of(node);
    const ag_kernels *kernels = ag_kernels_get(ag_tape_dtype(node->tape));
    return scale_bytes(node) + ag_conv_choose(kernels, pass_of(node), &g)->scratch_bytes(&g, workers);
}

// Nominal: products with padding counted, which kernels skip.
static double flops(const ag_node *node) {
    const ag_conv_geometry g = geometry_of(node);
    return 2.0 * (double)(g.n * g.oh * g.ow) * (double)(g.kh * g.kw) * (double)(g.ci * g.co);
}

// ---- recording

static ag_node *record(ag_conv_pass pass, ag_node *a, ag_node *b, ag_conv_params params, ag_shape shape) {
    const settings attributes = {.params = params, .shape = shape, .slope = 1};
    return AG_APPLY(&family[pass], &attributes, a, b);
}

static ag_conv_params params_of(const ag_node *node) { return ((const settings *)node->attributes)->params; }

static ag_node *input_gradient(const ag_node *node, ag_node *dy, ag_node *w) {
    return record(AG_CONV_INPUT_GRADIENT, dy, w, params_of(node), shape_of_x(node));
}

static ag_node *weight_gradient(const ag_node *node, ag_node *x, ag_node *dy) {
    return record(AG_CONV_WEIGHT_GRADIENT, x, dy, params_of(node), shape_of_w(node));
}

static ag_node *convolution(const ag_node *node, ag_node *x, ag_node *w) {
    return record(AG_CONV_FORWARD, x, w, params_of(node), AG_SHAPE());
}

static ag_node *forward_vjp(ag_node *node, ag_node *dy, int input) {
    return input == 0 ? input_gradient(node, dy, node->input[1]) : weight_gradient(node, node->input[0], dy);
}

static ag_node *input_gradient_vjp(ag_node *node, ag_node *g, int input) {
    return input == 0 ? convolution(node, g, node->input[1]) : weight_gradient(node, g, node->input[0]);
}

static ag_node *weight_gradient_vjp(ag_node *node, ag_node *g, int input) {
    return input == 0 ? input_gradient(node, node->input[1], g) : convolution(node, node->input[0], g);
}

#define MEMBER(label, gradient) \
    { .name = label, .infer = infer, .forward = forward, .vjp = gradient, .flops = flops, .scratch = scratch }

static const ag_op family[AG_CONV_PASS_COUNT] = {
    [AG_CONV_FORWARD] = MEMBER("conv2d", forward_vjp),
    [AG_CONV_INPUT_GRADIENT] = MEMBER("conv2d_input_gradient", input_gradient_vjp),
    [AG_CONV_WEIGHT_GRADIENT] = MEMBER("conv2d_weight_gradient", weight_gradient_vjp),
};

// ---- with an epilogue, for a rewrite

#define FUSED(label) \
    { .name = label, .forward = forward, .flops = flops, .scratch = scratch }

static const ag_op fused[AG_CONV_WEIGHT_GRADIENT] = {
    [AG_CONV_FORWARD] = FUSED("conv2d_epilogue"),
    [AG_CONV_INPUT_GRADIENT] = FUSED("conv2d_input_gradient_epilogue"),
};

bool ag_conv2d_has_room(const ag_node *node, ag_conv_part part) {
    const bool plain = node->op == &family[AG_CONV_FORWARD] || node->op == &family[AG_CONV_INPUT_GRADIENT];
    return (plain || is_fused(node)) && ((const settings *)node->attributes)->parts >> part == 0;
}

// The convolution's settings with one part more.
static settings settings_with(const ag_node *convolution, ag_conv_part part) {
    settings s = *(const settings *)convolution->attributes;
    s.parts |= 1u << part;
    return s;
}

// In the place of `at` the convolution with these settings, and `n` inputs more.
static void extend(ag_graph *graph, const ag_node *at, const ag_node *convolution, settings s, int n,
                   const ag_node *const *more) {
    const ag_node *inputs[AG_MAX_INPUTS];
    const int before = convolution->n_inputs;
    for (int k = 0; k < before; k++) inputs[k] = ag_graph_input(graph, convolution, k);
    for (int k = 0; k < n; k++) inputs[before + k] = more[k];
    ag_graph_replace(graph, at, convolution, &fused[pass_of(convolution)], before + n, inputs, &s, sizeof s);
}

void ag_conv2d_take_bias(ag_graph *graph, const ag_node *at, const ag_node *convolution,
                         const ag_node *bias) {
    extend(graph, at, convolution, settings_with(convolution, AG_CONV_BIAS), 1, &bias);
}

void ag_conv2d_take_batch_norm(ag_graph *graph, const ag_node *at, const ag_node *convolution) {
    const ag_node *vectors[AG_NORM_INPUTS];
    settings s = settings_with(convolution, AG_CONV_NORMALIZATION);
    s.epsilon = ag_batch_norm_epsilon(at);
    if (ag_is_activated_batch_norm(at, &s.slope) && s.slope != 1) s.parts |= 1u << AG_CONV_ACTIVATION;
    for (int k = AG_NORM_MEAN; k < AG_NORM_INPUTS; k++) vectors[k] = ag_graph_input(graph, at, k);
    extend(graph, at, convolution, s, AG_NORM_INPUTS - AG_NORM_MEAN, vectors + AG_NORM_MEAN);
}

void ag_conv2d_take_activation(ag_graph *graph, const ag_node *at, const ag_node *convolution, double slope) {
    settings s = settings_with(convolution, AG_CONV_ACTIVATION);
    s.slope = slope;
    extend(graph, at, convolution, s, 0, NULL);
}

static ag_conv_params with_defaults(ag_conv_params params) {
    if (params.stride == 0) params.stride = 1;
    return params;
}

ag_node *ag_conv2d(ag_node *x, ag_node *w, ag_conv_params params) {
    return record(AG_CONV_FORWARD, x, w, with_defaults(params), AG_SHAPE());
}

// The length that a convolution of these parameters shrinks to `in`.
static int64_t transposed_length(const ag_conv_params *p, int64_t in, int64_t kernel, int64_t padding) {
    if (p->padding == AG_PADDING_SAME) return in * p->stride;
    return (in - 1) * p->stride + kernel - (p->padding == AG_PADDING_EXPLICIT ? padding : 0);
}

ag_node *ag_conv2d_transpose(ag_node *x, ag_node *w, ag_conv_params params) {
    const ag_conv_params p = with_defaults(params);
    ag_shape shape = {0};
    // Where these do not hold, recording refuses the operands before it looks at the shape.
    if (!ag_node_failed(x) && !ag_node_failed(w) && x->shape.rank == 4 && w->shape.rank == 4 &&
        params_valid(&p))
        shape = AG_SHAPE(x->shape.dim[0],
                         transposed_length(&p, x->shape.dim[1], w->shape.dim[0], p.pad_top + p.pad_bottom),
                         transposed_length(&p, x->shape.dim[2], w->shape.dim[1], p.pad_left + p.pad_right),
                         w->shape.dim[2]);
    return record(AG_CONV_INPUT_GRADIENT, x, w, p, shape);
}

const ag_op *const ag_ops_conv2d[] = {&family[AG_CONV_FORWARD], &family[AG_CONV_INPUT_GRADIENT],
                                      &family[AG_CONV_WEIGHT_GRADIENT], NULL};
