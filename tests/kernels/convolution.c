// SPDX-License-Identifier: MIT
// The convolution's passes, direct and by Winograd's algorithm, all tables, against the defining sum in long
// double, scattered tap by tap. Tasks run forwards and backwards,
// by one worker and by three; scratch and output start as NaN.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/kernels/axis.h"
#include "tests/kernels/check.h"

// The tensors of one geometry, and of one pass's output the sums and the sums of finite magnitudes.
typedef struct problem {
    ag_conv_geometry g;
    ag_conv_pass pass;
    buffer x, w, dy;
    bool biased, normalized;  // the epilogue
    double slope;
    buffer bias, mean, scale, shift;
    int64_t outputs;
    long double *sum, *size;
    double absolute;  // error that is allowed besides that relative to the sums of magnitudes
} problem;

static const char *const pass_names[] = {"forward", "input_gradient", "weight_gradient"};

static void describe(char text[200], const problem *p) {
    const ag_conv_geometry *g = &p->g;
    snprintf(text, 200,
             "%s%s%.0d%s%s, slope %g, x [%d,%d,%d,%d], y [%d,%d,%d,%d], kernel %dx%d, stride %d, pad %d,%d",
             g->winograd ? "winograd_" : "", pass_names[p->pass], g->winograd, p->biased ? ", bias" : "",
             p->normalized ? ", normalized" : "", p->slope, (int)g->n, (int)g->h, (int)g->w, (int)g->ci,
             (int)g->n, (int)g->oh, (int)g->ow, (int)g->co, (int)g->kh, (int)g->kw, (int)g->stride,
             (int)g->pad_top, (int)g->pad_left);
}

// All (c, o) of one pair of pixels and a tap
static void scatter_pixel(problem *p, int64_t x, int64_t w, int64_t y) {
    for (int64_t c = 0; c < p->g.ci; c++)
        for (int64_t o = 0; o < p->g.co; o++) {
            const int64_t at[] = {y + o, x + c, w + c * p->g.co + o};
            long double term = 1;
            if (p->pass != AG_CONV_FORWARD) term *= check_get(&p->dy, at[0]);
            if (p->pass != AG_CONV_INPUT_GRADIENT) term *= check_get(&p->x, at[1]);
            if (p->pass != AG_CONV_WEIGHT_GRADIENT) term *= check_get(&p->w, at[2]);
            p->sum[at[p->pass]] += term;
            if (isfinite(term)) p->size[at[p->pass]] += fabsl(term);
        }
}

static void scatter(problem *p) {
    const ag_conv_geometry *g = &p->g;
    memset(p->sum, 0, (size_t)p->outputs * sizeof *p->sum);
    memset(p->size, 0, (size_t)p->outputs * sizeof *p->size);
    for (int64_t a = 0; a < g->kh; a++)
        for (int64_t b = 0; b < g->kw; b++)
            for (int64_t n = 0; n < g->n; n++)
                for (int64_t i = 0; i < g->oh; i++)
                    for (int64_t j = 0; j < g->ow; j++) {
                        const int64_t row = i * g->stride + a - g->pad_top;
                        const int64_t col = j * g->stride + b - g->pad_left;
                        if (row < 0 || col < 0 || row >= g->h || col >= g->w) continue;
                        scatter_pixel(p, ((n * g->h + row) * g->w + col) * g->ci,
                                      (a * g->kw + b) * g->ci * g->co, ((n * g->oh + i) * g->ow + j) * g->co);
                    }
}

static double finite_size(double value) { return isfinite(value) ? fabs(value) : 0; }

static void normalize(problem *p, int64_t i, int64_t c) {
    const double mean = check_get(&p->mean, c), scale = check_get(&p->scale, c),
                 shift = check_get(&p->shift, c);
    p->sum[i] = (p->sum[i] - mean) * scale + shift;
    p->size[i] = (p->size[i] + finite_size(mean)) * finite_size(scale) + finite_size(shift);
}

static void add_epilogue(problem *p) {
    const int64_t channels = p->bias.n;
    for (int64_t i = 0; i < p->outputs; i++) {
        const int64_t c = i % channels;
        const double bias = p->biased ? check_get(&p->bias, c) : 0;
        p->sum[i] += bias, p->size[i] += finite_size(bias);
        if (p->normalized) normalize(p, i, c);
        if (p->sum[i] < 0) p->sum[i] = p->slope == 0 ? 0 : p->sum[i] * p->slope;
    }
}

static void run_pass(const check *c, const problem *p, buffer *out, bool backwards) {
    const ag_conv_kernel *kernel = p->g.winograd ? &c->table->winograd[p->pass] : &c->table->conv[p->pass];
    const int workers = backwards ? 3 : 1;
    buffer scratch = check_bytes(c, kernel->scratch_bytes(&p->g, workers));
    const buffer *a = p->pass == AG_CONV_INPUT_GRADIENT ? &p->dy : &p->x;
    const buffer *b = p->pass == AG_CONV_WEIGHT_GRADIENT ? &p->dy : &p->w;
    const ag_conv_epilogue epilogue = {.bias = p->biased ? p->bias.data : NULL,
                                       .mean = p->normalized ? p->mean.data : NULL,
                                       .scale = p->normalized ? p->scale.data : NULL,
                                       .shift = p->normalized ? p->shift.data : NULL,
                                       .slope = p->slope};
    ag_conv_call call = {.geometry = &p->g,
                         .a = a->data,
                         .b = b->data,
                         .out = out->data,
                         .epilogue = epilogue,
                         .scratch = scratch.data};
    for (int stage = 0; stage < AG_CONV_STAGES; stage++) {
        const int64_t tasks = kernel->tasks(&p->g, stage);
        for (int64_t t = 0; t < tasks; t++) {
            call.worker = (int)(t % workers);
            kernel->run(&call, stage, backwards ? tasks - 1 - t : t);
        }
    }
    check_release(c, &scratch, pass_names[p->pass]);
}

static int64_t term_count(const problem *p) {
    const ag_conv_geometry *g = &p->g;
    return p->pass == AG_CONV_FORWARD          ? g->kh * g->kw * g->ci
           : p->pass == AG_CONV_INPUT_GRADIENT ? g->kh * g->kw * g->co
                                               : g->n * g->oh * g->ow;
}

// Of a sum, relative to the sum of magnitudes. Rounding errors of random signs: the square root of the number
// of terms, where the worst case is the number. Factors of bfloat16 are off by 2^-8 each.
static double error_bound(const check *c, const problem *p) {
    return (2 + sqrt((double)term_count(p))) * check_epsilon(c->table->dtype) + (c->table->bf16 ? 0x1p-7 : 0);
}

// Winograd's errors are those of its tile's largest sum, at most four times the direct form's.
static double largest_size(const problem *p) {
    long double most = 0;
    for (int64_t i = 0; i < p->outputs; i++)
        if (p->size[i] > most) most = p->size[i];
    return (double)most;
}

static void compare_direct(const check *c, const problem *p, const buffer *out, const char *text) {
    const double relative = error_bound(c, p);
    for (int64_t i = 0; i < p->outputs; i++) {
        const double got = check_get(out, i), want = (double)p->sum[i],
                     most = relative * (double)p->size[i] + p->absolute;
        if (!check_near(got, want, most))
            check_fail(c, "%s, element %d: %.17g, not %.17g (bound %.2g)", text, (int)i, got, want, most);
    }
}

// A sum that is not finite must show; a neighbour in the same tile may.
static void compare_winograd(const check *c, const problem *p, const buffer *out, bool special,
                             const char *text) {
    const double most = 4 * error_bound(c, p) * largest_size(p) + p->absolute;
    for (int64_t i = 0; i < p->outputs; i++) {
        const double got = check_get(out, i), want = (double)p->sum[i];
        if (special && !isfinite(got)) continue;
        if (!check_near(got, want, most))
            check_fail(c, "%s, element %d: %.17g, not %.17g (bound %.2g)", text, (int)i, got, want, most);
    }
}

static void check_pass(const check *c, problem *p, bool special) {
    char text[200];
    describe(text, p);
    check_running(c, text);
    p->outputs = p->pass == AG_CONV_FORWARD ? p->dy.n : p->pass == AG_CONV_INPUT_GRADIENT ? p->x.n : p->w.n;
    p->sum = malloc((size_t)p->outputs * sizeof *p->sum),
    p->size = malloc((size_t)p->outputs * sizeof *p->size);
    if (!p->sum || !p->size) check_fail(c, "no memory for %d outputs", (int)p->outputs);
    scatter(p);
    if (p->bias.n > 0 && p->pass != AG_CONV_WEIGHT_GRADIENT) add_epilogue(p);
    buffer out = check_buffer(c, p->outputs, 1), again = check_buffer(c, p->outputs, 0);
    run_pass(c, p, &out, false), run_pass(c, p, &again, true);
    if (p->g.winograd)
        compare_winograd(c, p, &out, special, text);
    else
        compare_direct(c, p, &out, text);
    if (!check_same_bits(&out, &again)) check_fail(c, "%s: other bits with the tasks backwards", text);
    free(p->sum), free(p->size);
    check_release(c, &out, text), check_release(c, &again, text);
}

static bool is_asked_for(const check *c, ag_conv_pass pass, int winograd) {
    return !c->slot || strcmp(c->slot, winograd ? "winograd" : "convolution") == 0 ||
           strcmp(c->slot, pass_names[pass]) == 0;
}

static void spoil(buffer *b) {
    check_set(b, check_index(b->n), INFINITY);
    check_set(b, check_index(b->n), NAN);
    check_set(b, check_index(b->n), nan("0x7ffffffffffff"));  // whose rounding would carry
    check_set(b, check_index(b->n), -0.0);
}

// Values of the epilogue that are not finite are for their own channels and no others. Where the scale is
// infinite the mean is far from all sums, so that no rounding error decides on the sign.
static void spoil_epilogue(problem *p) {
    static const double specials[] = {INFINITY, -INFINITY, NAN};
    buffer *const vectors[] = {&p->bias, &p->mean, &p->shift};
    const int64_t channels = p->bias.n, infinite = check_index(channels);
    check_set(&p->scale, check_index(channels), NAN);
    check_set(&p->scale, infinite, INFINITY);
    check_set(&p->mean, infinite, check_index(2) ? 1e4 : -1e4);
    for (int i = 0; i < 3; i++) check_set(vectors[i], check_index(channels), specials[check_index(3)]);
}

static void choose_epilogue(problem *p) {
    static const double slopes[] = {1, 0.25, 0};
    p->biased = check_index(2) == 1, p->normalized = check_index(2) == 1, p->slope = slopes[check_index(3)];
}

// A pass with an epilogue, whose vectors end before an untouchable page, or an element before it.
static void check_finished_pass(const check *c, problem *p, bool special) {
    const int64_t channels = p->pass == AG_CONV_FORWARD ? p->g.co : p->g.ci;
    buffer *const vectors[] = {&p->bias, &p->mean, &p->scale, &p->shift};
    for (int i = 0; i < 4; i++) {
        *vectors[i] = check_buffer(c, channels, (channels + i) % 2);
        check_fill(vectors[i]);
    }
    choose_epilogue(p);
    if (check_index(3) == 0) spoil_epilogue(p);
    check_pass(c, p, special);
    for (int i = 0; i < 4; i++) check_release(c, vectors[i], "a vector of the epilogue");
}

static problem create_problem(const check *c, ag_conv_geometry g) {
    problem p = {.g = g};
    p.x = check_buffer(c, g.n * g.h * g.w * g.ci, g.ci % 2),
    p.w = check_buffer(c, g.kh * g.kw * g.ci * g.co, 0);
    p.dy = check_buffer(c, g.n * g.oh * g.ow * g.co, g.co % 3 == 1);
    check_fill(&p.x), check_fill(&p.w), check_fill(&p.dy);
    return p;
}

static void release_problem(const check *c, problem *p) {
    check_release(c, &p->x, "x"), check_release(c, &p->w, "w"), check_release(c, &p->dy, "dy");
}

// Whether the pass exists with such tiles, and is asked for.
static bool choose_pass(const check *c, problem *p, ag_conv_pass pass, int tile) {
    p->pass = pass, p->g.winograd = tile;
    return is_asked_for(c, pass, tile) && (tile == 0 || ag_winograd_possible(c->table, &p->g));
}

// special: an infinity, two NaNs and a negative zero in each tensor. They must reach the sums that they are
// in and no other, so a kernel that multiplies padding by zero is found.
static void check_geometry(const check *c, ag_conv_geometry g, bool special) {
    problem p = create_problem(c, g);
    if (special) spoil(&p.x), spoil(&p.w), spoil(&p.dy);
    for (int pass = 0; pass < AG_CONV_PASS_COUNT; pass++)
        for (int tile = 0; tile <= AG_AXIS_TILE; tile += 2)
            if (choose_pass(c, &p, (ag_conv_pass)pass, tile)) check_finished_pass(c, &p, special);
    release_problem(c, &p);
}

// What is convolved is of subnormal numbers, at most 2^16 times the smallest, and so are the sums. Each of
// them and each transform may lose some of the smallest; bf16 may take numbers that are not normal as 0.
static void check_subnormal(const check *c, ag_conv_geometry g, ag_conv_pass pass) {
    const double smallest = check_smallest(c->table->dtype), tiny = smallest * check_epsilon(c->table->dtype);
    problem p = create_problem(c, g);
    buffer *images = pass == AG_CONV_INPUT_GRADIENT ? &p.dy : &p.x;
    for (int64_t i = 0; i < images->n; i++) check_set(images, i, check_get(images, i) * 0x1p16 * tiny);
    p.slope = 1;
    for (int tile = 0; tile <= AG_AXIS_TILE; tile += 2) {
        if (!choose_pass(c, &p, pass, tile)) continue;
        p.absolute = (double)term_count(&p) * (c->table->bf16 ? smallest : 64 * tiny);
        check_pass(c, &p, false);
    }
    release_problem(c, &p);
}

static ag_conv_geometry random_geometry(void) {
    static const int64_t channels[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 32, 33, 40};
    const int64_t count = sizeof channels / sizeof *channels;
    ag_conv_geometry g = {
        .n = 1 + check_index(10), .ci = channels[check_index(count)], .co = channels[check_index(count)]};
    g.h = 1 + check_index(7), g.w = 1 + check_index(7), g.stride = 1 + check_index(3);
    g.kh = 1 + check_index(4), g.kw = 1 + check_index(4);
    g.pad_top = check_index(g.kh + 1), g.pad_left = check_index(g.kw + 1);
    const int64_t rows = g.h + g.pad_top + check_index(g.kh + 1) - g.kh;
    const int64_t cols = g.w + g.pad_left + check_index(g.kw + 1) - g.kw;
    g.oh = rows < 0 ? 1 : rows / g.stride + 1, g.ow = cols < 0 ? 1 : cols / g.stride + 1;
    return g;
}

void check_convolution(const check *c) {
    static const ag_conv_geometry chosen[] = {
        {13, 8, 8, 1, 4, 4, 32, 3, 3, 2, 0, 0, 0},  // one channel, Keras's `same` of stride 2
        {13, 8, 8, 32, 4, 4, 1, 3, 3, 2, 0, 0, 0},  // and the other way round
        {7, 6, 6, 20, 6, 6, 40, 3, 3, 1, 1, 1, 0},    {5, 7, 7, 16, 4, 4, 24, 3, 3, 2, 1, 1, 0},
        {2, 5, 5, 3, 2, 2, 6, 2, 2, 3, 0, 0, 0},       // a stride larger than the kernel
        {3, 3, 3, 4, 5, 5, 4, 3, 3, 1, 2, 2, 0},       // padding beyond `same`
        {1, 20, 30, 7, 20, 30, 9, 3, 3, 1, 1, 1, 0},   // an image that the weight gradient takes by lines
        {19, 7, 6, 17, 7, 6, 20, 3, 3, 1, 1, 1, 0},    // more images than a block
        {11, 7, 9, 18, 14, 18, 20, 3, 3, 1, 5, 6, 0},  // pixels that hardly any tap reaches
        {3, 12, 10, 5, 6, 5, 18, 5, 5, 2, 1, 2, 0},    // a 5x5 kernel: phases of three and of two taps
        {2, 150, 3, 5, 150, 3, 6, 3, 3, 1, 1, 1, 0},   // more row products of a filter than are taken at once
        {140, 2, 2, 32, 1, 1, 32, 3, 3, 2, 0, 0, 0},   // images that the weight gradient fetches ahead
        {2, 1, 300, 2, 1, 150, 2, 1, 5, 2, 0, 2, 0},  {9, 1, 1, 33, 1, 1, 35, 1, 1, 1, 0, 0, 0},
    };
    const int count = sizeof chosen / sizeof *chosen;
    for (int i = 0; i < 2 * count; i += c->every) check_geometry(c, chosen[i / 2], i % 2);
    for (int i = 0; i < 80; i += c->every) check_geometry(c, random_geometry(), i % 3 == 0);
    for (int i = 0; i < AG_CONV_PASS_COUNT * count; i += c->every)
        check_subnormal(c, chosen[i / AG_CONV_PASS_COUNT], (ag_conv_pass)(i % AG_CONV_PASS_COUNT));
}
