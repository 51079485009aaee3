// SPDX-License-Identifier: MIT
// Every row of pointwise.def against the scalar table; a new row is checked by the default bound.
#include <math.h>
#include <string.h>

#include "tests/kernels/check.h"

typedef struct row {
    const char *name;
    int arity;
} row;

static const row rows[AG_POINTWISE_COUNT] = {
#define AG_POINTWISE(name, arity, expression) {#name, arity},
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE
};

// How far a row may be from the scalar table's, in units of the last place of `scale`; 0: the same number.
typedef struct bound {
    double units, scale;
} bound;

static bound bound_of(int f, const double in[3], double p, double q, double want) {
    const double a = in[0], b = in[1];
    switch (f) {
        case AG_POINTWISE_exp:
        case AG_POINTWISE_log:
        case AG_POINTWISE_tanh:
            return (bound){3, want};  // SLEEF 1, libm 1 to 2
        case AG_POINTWISE_sigmoid:
            return (bound){5, want};  // 2.5 each
        case AG_POINTWISE_softplus:
            return (bound){5, want};  // exp and log1p, twice
        case AG_POINTWISE_affine:
            return (bound){1, fabs(a * p) + fabs(q)};  // a fused product
        case AG_POINTWISE_tanh_gradient:
            return (bound){2, fabs(a) * (1 + b * b)};  // likewise
        case AG_POINTWISE_add:
        case AG_POINTWISE_sub:
        case AG_POINTWISE_mul:
        case AG_POINTWISE_div:
        case AG_POINTWISE_minimum:
        case AG_POINTWISE_maximum:
        case AG_POINTWISE_neg:
        case AG_POINTWISE_square:
        case AG_POINTWISE_sqrt:
        case AG_POINTWISE_abs:
        case AG_POINTWISE_leaky_relu:
        case AG_POINTWISE_clamp:
            return (bound){0, 0};
        default:
            return (bound){4, want};
    }
}

static void compare(const check *c, int f, const buffer in[3], const ag_pointwise_call *call,
                    const buffer *got, const buffer *want) {
    for (int64_t i = 0; i < call->n; i++) {
        double v[3];
        for (int k = 0; k < 3; k++) v[k] = k < rows[f].arity ? check_get(&in[k], i * call->step[k]) : 0;
        const double w = check_get(want, i), g = check_get(got, i);
        const bound b = bound_of(f, v, call->p, call->q, w);
        const double most =
            b.units * check_epsilon(c->table->dtype) * fmax(fabs(b.scale), check_smallest(c->table->dtype));
        if (!check_near(g, w, most) || (b.units == 0 && w == 0 && signbit(g) != signbit(w)))
            check_fail(c, "%s(%.9g, %.9g, %.9g; %g, %g), element %d of %d: %.17g, not %.17g (bound %.2g)",
                       rows[f].name, v[0], v[1], v[2], call->p, call->q, (int)i, (int)call->n, g, w, most);
    }
}

// Elements one at a time, as a caller might cut them: the same bits.
static void compare_pieces(const check *c, int f, ag_pointwise_call call, const buffer *whole) {
    buffer pieces = check_buffer(c, call.n, 0);
    const int64_t size = c->table->dtype == AG_F32 ? 4 : 8, n = call.n;
    call.out = pieces.data, call.n = 1;
    for (int64_t i = 0; i < n; i++) {
        c->table->pointwise[f](&call);
        call.out = (char *)call.out + size;
        for (int k = 0; k < 3; k++) call.in[k] = (const char *)call.in[k] + call.step[k] * size;
    }
    if (!check_same_bits(&pieces, whole))
        check_fail(c, "%s, %d elements: one by one they have other bits", rows[f].name, (int)n);
    check_release(c, &pieces, rows[f].name);
}

static double value(const check *c, int kind) {
    if (kind == 0) return check_uniform();
    return kind == 1 ? check_wide() : check_index(2) ? check_special(c->table->dtype) : check_wide();
}

static void one_case(const check *c, int f, int64_t n, int steps, int kind, int64_t gap) {
    buffer in[3];
    ag_pointwise_call call = {.n = n, .p = 0.25, .q = 1.5};
    for (int k = 0; k < 3; k++) {
        call.step[k] = steps >> k & 1 ? 0 : 1;
        in[k] = check_buffer(c, call.step[k] ? n : 1, gap * k);
        for (int64_t i = 0; i < in[k].n; i++) check_set(&in[k], i, value(c, kind));
        call.in[k] = in[k].data;
    }
    buffer got = check_buffer(c, n, gap), want = check_buffer(c, n, 0);
    call.out = want.data;
    c->scalar->pointwise[f](&call);
    call.out = got.data;
    c->table->pointwise[f](&call);
    compare(c, f, in, &call, &got, &want);
    compare_pieces(c, f, call, &got);
    for (int k = 0; k < rows[f].arity; k++) {  // in place
        if (call.step[k] == 0) continue;
        buffer copy = check_buffer(c, n, 0);
        check_copy(&copy, &in[k]);
        ag_pointwise_call inside = call;
        inside.in[k] = inside.out = copy.data;
        c->table->pointwise[f](&inside);
        if (!check_same_bits(&copy, &got))
            check_fail(c, "%s, %d elements: operand %d in place has other bits", rows[f].name, (int)n, k);
        check_release(c, &copy, rows[f].name);
    }
    check_release(c, &got, rows[f].name), check_release(c, &want, rows[f].name);
    for (int k = 0; k < 3; k++) check_release(c, &in[k], rows[f].name);
}

// A NaN operand of these gives NaN whatever the others are.
static void check_nan(const check *c, int f) {
    const bool spread = f == AG_POINTWISE_minimum || f == AG_POINTWISE_maximum || f == AG_POINTWISE_clamp ||
                        f == AG_POINTWISE_leaky_relu || f == AG_POINTWISE_sigmoid ||
                        f == AG_POINTWISE_softplus;
    if (!spread) return;
    for (int k = 0; k < rows[f].arity; k++) {
        buffer one = check_buffer(c, 1, 0), nan = check_buffer(c, 1, 0), out = check_buffer(c, 1, 0);
        check_set(&one, 0, 1), check_set(&out, 0, 1);
        const ag_pointwise_call call = {
            1,         {k == 0 ? nan.data : one.data, k == 1 ? nan.data : one.data, one.data},
            {1, 1, 1}, out.data,
            0.25,      1.5};
        c->table->pointwise[f](&call);
        if (!isnan(check_get(&out, 0)))
            check_fail(c, "%s: operand %d is NaN, the result is not", rows[f].name, k);
        check_release(c, &one, "nan"), check_release(c, &nan, "nan"), check_release(c, &out, "nan");
    }
}

void check_pointwise(const check *c) {
    static const int64_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 97};
    for (int f = 0; f < AG_POINTWISE_COUNT; f++) {
        if (c->slot && strcmp(c->slot, "pointwise") != 0 && strcmp(c->slot, rows[f].name) != 0) continue;
        check_running(c, rows[f].name);
        check_nan(c, f);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int steps = 0; steps < 1 << rows[f].arity; steps++)
                for (int kind = 0; kind < 3; kind++)
                    for (int64_t gap = 0; gap < 3; gap++) one_case(c, f, sizes[s], steps, kind, gap);
    }
}
