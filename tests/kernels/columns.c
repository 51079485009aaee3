// SPDX-License-Identifier: MIT
// Sums, normalization and Adam: the sums against long double sums
// of the formulas, the elementwise ones against the scalar table.
#include <math.h>
#include <string.h>

#include "tests/kernels/check.h"

static const int64_t row_counts[] = {0, 1, 2, 3, 5, 8, 17, 63, 64, 65, 130, 1000};
static const int64_t column_counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 64, 65, 100, 300};

#define EACH_SHAPE(rows, cols)                                                       \
    for (size_t r_ = 0; r_ < sizeof row_counts / sizeof *row_counts; r_++)           \
        for (size_t c_ = 0; c_ < sizeof column_counts / sizeof *column_counts; c_++) \
            for (int64_t rows = row_counts[r_], cols = column_counts[c_], once_ = 1; once_; once_ = 0)

// A sum and the sum of its terms' magnitudes.
typedef struct total {
    long double sum, size;
} total;

static void add(total *t, long double term) { t->sum += term, t->size += fabsl(term); }

// The scalar table sums in double in index order; the vectors sum 64 rows plainly and carry the error of the
// rest: 40 ULP of the sum of magnitudes, for any number of rows, and a subnormal step for each term.
static double sum_bound(const check *c, int64_t terms, total t) {
    const bool linear = c->table == c->scalar && c->table->dtype == AG_F64;
    const double unit = check_epsilon(c->table->dtype), step = unit * check_smallest(c->table->dtype);
    return (double)(t.size * (long double)unit) * (linear ? 2 + (double)terms : 40) + step * (double)terms;
}

// As one of the table's numbers: an infinity over the largest.
static double rounded(const check *c, long double value) {
    return c->table->dtype == AG_F32 ? (double)(float)value : (double)value;
}

// Terms of both signs that together pass the largest number: their order decides about an infinity.
static bool depends_on_order(const check *c, total t) {
    return isfinite(t.size) && !isfinite(rounded(c, t.size)) && fabsl(t.sum) < t.size;
}

enum { SUM, SQUARE, DOT };

static total reference(int kind, const buffer *dy, const buffer *x, const buffer *mean, int64_t col) {
    total t = {0, 0};
    for (int64_t i = col; i < x->n; i += mean->n) {
        const long double v = check_get(x, i), d = kind == SUM ? v : v - check_get(mean, col);
        add(&t, kind == SUM ? v : kind == SQUARE ? d * d : check_get(dy, i) * d);
    }
    return t;
}

static void spoil(buffer *b) {
    if (b->n > 0) check_set(b, check_index(b->n), check_special(b->dtype));
}

// special: an element of x, mean or dy is one of the special numbers.
static void check_column(const check *c, int kind, int64_t rows, int64_t cols, double shift, bool special) {
    static const char *const names[] = {"column_sum", "column_square", "column_dot"};
    buffer dy = check_buffer(c, rows * cols, 0), x = check_buffer(c, rows * cols, rows % 3);
    buffer mean = check_buffer(c, cols, 0), out = check_buffer(c, cols, 1);
    check_fill(&dy), check_fill(&x), check_fill(&mean);
    for (int64_t i = 0; i < x.n; i++) check_set(&x, i, check_get(&x, i) + shift);
    for (int64_t i = 0; i < cols; i++) check_set(&mean, i, check_get(&mean, i) + shift);
    if (special) spoil((buffer *[]){&x, &mean, &dy}[check_index(kind + 1)]);
    if (kind == SUM) c->table->column_sum(rows, cols, x.data, out.data);
    if (kind == SQUARE) c->table->column_square(rows, cols, x.data, mean.data, out.data);
    if (kind == DOT) c->table->column_dot(rows, cols, dy.data, x.data, mean.data, out.data);
    for (int64_t col = 0; col < cols; col++) {
        const total t = reference(kind, &dy, &x, &mean, col);
        const double got = check_get(&out, col), want = rounded(c, t.sum);
        const double most = isfinite(want) ? sum_bound(c, rows, t) : 0;
        if (!depends_on_order(c, t) && !check_near(got, want, most))
            check_fail(c, "%s, %d x %d, column %d: %.17g, not %.17g (bound %.2g)", names[kind], (int)rows,
                       (int)cols, (int)col, got, want, most);
    }
    check_release(c, &dy, names[kind]), check_release(c, &x, names[kind]);
    check_release(c, &mean, names[kind]), check_release(c, &out, names[kind]);
}

static void check_sum(const check *c, int64_t n, int64_t gap) {
    buffer x = check_buffer(c, n, gap);
    check_fill(&x);
    total want = {0, 0};
    for (int64_t i = 0; i < n; i++) add(&want, check_get(&x, i));
    const double got = c->table->sum(n, x.data), most = sum_bound(c, n, want);
    if (!check_near(got, (double)want.sum, most))
        check_fail(c, "sum of %d: %.17g, not %.17g (bound %.2g)", (int)n, got, (double)want.sum, most);
    check_release(c, &x, "sum");
}

// An infinity or a NaN anywhere among n x 1 or n x 40 values is the result.
static void check_sum_special(const check *c, double special, int64_t cols) {
    for (int64_t at = 0; at < 200; at += 13) {
        buffer x = check_buffer(c, 200 * cols, 0), out = check_buffer(c, cols, 0);
        check_fill(&x);
        check_set(&x, at * cols, special);
        c->table->column_sum(200, cols, x.data, out.data);
        if (!check_near(check_get(&out, 0), special, 0))
            check_fail(c, "column_sum, 200 x %d, row %d is %g: %g", (int)cols, (int)at, special,
                       check_get(&out, 0));
        if (cols > 1 && !isfinite(check_get(&out, 1)))
            check_fail(c, "column_sum, 200 x %d: %g of column 0 reached column 1", (int)cols, special);
        if (!check_near(c->table->sum(x.n, x.data), special, 0))
            check_fail(c, "sum of %d with a %g at %d is not", (int)x.n, special, (int)(at * cols));
        check_release(c, &x, "sum"), check_release(c, &out, "sum");
    }
}

// One large value and thousands of small ones, each of which is lost against it when added alone.
static void check_sum_lost(const check *c) {
    const int64_t rows = 30000, cols = 24;
    buffer x = check_buffer(c, rows * cols, 0), out = check_buffer(c, cols, 0);
    for (int64_t i = 0; i < x.n; i++) check_set(&x, i, 1);
    for (int64_t col = 0; col < cols; col++) check_set(&x, col, 128 / check_epsilon(c->table->dtype));
    c->table->column_sum(rows, cols, x.data, out.data);
    for (int64_t col = 0; col < cols; col++) {
        const total want = reference(SUM, NULL, &x, &out, col);
        const double got = check_get(&out, col), most = sum_bound(c, 0, want);
        if (!check_near(got, (double)want.sum, most))
            check_fail(c, "column_sum, a large value and %d ones, column %d: %.17g, not %.17g (bound %.2g)",
                       (int)rows - 1, (int)col, got, (double)want.sum, most);
    }
    check_release(c, &x, "column_sum"), check_release(c, &out, "column_sum");
}

void check_columns(const check *c) {
    EACH_SHAPE(rows, cols)
    for (int kind = SUM; kind <= DOT; kind++) check_column(c, kind, rows, cols, rows % 2 ? 0 : 100, false);
    EACH_SHAPE(rows, cols)
    for (int kind = SUM; kind <= DOT; kind++)
        for (int i = 0; i < 3; i++) check_column(c, kind, rows, cols, 0, true);
    for (int kind = SUM; kind <= DOT; kind++)
        for (int64_t cols = 1; cols <= 24; cols += 7) check_column(c, kind, 30000, cols, 0, false);
    for (int64_t n = 0; n < 300; n++) check_sum(c, n, n % 4);
    check_sum(c, 1000003, 1);
    if (c->table != c->scalar || c->table->dtype == AG_F32) check_sum_lost(c);
    const double specials[] = {INFINITY, -INFINITY, NAN};
    for (int s = 0; s < 3; s++)
        for (int64_t cols = 1; cols <= 40; cols += 39) check_sum_special(c, specials[s], cols);
}

// ---- normalization

enum { X, DY, MEAN, SCALE, SHIFT, A, B, INPUTS };

typedef enum form { FORWARD, GRADIENT, ACTIVATED_GRADIENT, FORMS } form;

static const char *name_of(form kind) { return kind == FORWARD ? "normalize" : "normalize_gradient"; }

// Each of the three sorts of slope for some of the shapes.
static double slope_of(form kind, int64_t cols) {
    if (kind == GRADIENT || (kind == FORWARD && cols % 3 == 0)) return 1;
    return cols % 3 == 1 ? 0.25 : 0;
}

static ag_normalize_call call_of(form kind, int64_t rows, int64_t cols, const buffer in[INPUTS]) {
    return (ag_normalize_call){.rows = rows,
                               .cols = cols,
                               .x = in[X].data,
                               .dy = kind == FORWARD ? NULL : in[DY].data,
                               .mean = in[MEAN].data,
                               .scale = in[SCALE].data,
                               .shift = kind == GRADIENT ? NULL : in[SHIFT].data,
                               .a = in[A].data,
                               .b = in[B].data,
                               .slope = slope_of(kind, cols)};
}

static void run_normalize(const ag_kernels *table, form kind, const ag_normalize_call *call) {
    (kind == FORWARD ? table->normalize : table->normalize_gradient)(call);
}

// Numbers of which z is exact, so that all tables agree on its sign, and z = 0 is among them.
static void fill_exactly(buffer *b) {
    for (int64_t i = 0; i < b->n; i++) check_set(b, i, (double)(check_index(17) - 8) / 8);
}

static void fill_inputs(const check *c, int64_t rows, int64_t cols, buffer in[INPUTS]) {
    for (int k = 0; k < INPUTS; k++) {
        in[k] = check_buffer(c, k <= DY ? rows * cols : cols, k % 3);
        if (k == DY || k == A || k == B)
            check_fill(&in[k]);
        else
            fill_exactly(&in[k]);
    }
}

static void release_inputs(const check *c, buffer in[INPUTS]) {
    for (int k = 0; k < INPUTS; k++) check_release(c, &in[k], "normalize");
}

// 3 ULP of the largest term on the way
static double normalize_bound(const check *c, form kind, const buffer in[INPUTS], int64_t i) {
    const int64_t col = i % in[MEAN].n;
    const double d = fabs(check_get(&in[X], i) - check_get(&in[MEAN], col));
    const double scale = fabs(check_get(&in[SCALE], col)), a = fabs(check_get(&in[A], col));
    const double size = kind == FORWARD
                            ? scale * d + fabs(check_get(&in[SHIFT], col))
                            : scale * (fabs(check_get(&in[DY], i)) + a + d * fabs(check_get(&in[B], col)));
    return 3 * check_epsilon(c->table->dtype) * size;
}

static void compare_bits(const check *c, const char *name, int64_t rows, int64_t cols, const buffer *got,
                         buffer *other, const char *how) {
    if (!check_same_bits(got, other))
        check_fail(c, "%s, %d x %d, %s: other bits", name, (int)rows, (int)cols, how);
    check_release(c, other, how);
}

// The rows one at a time, and the output in an input's place
static void normalize_variants(const check *c, form kind, int64_t rows, int64_t cols, const buffer in[INPUTS],
                               const buffer *got) {
    const int64_t row_bytes = cols * (c->table->dtype == AG_F32 ? 4 : 8);
    buffer out = check_buffer(c, rows * cols, 0);
    for (int64_t r = 0; r < rows; r++) {
        ag_normalize_call call = call_of(kind, 1, cols, in);
        call.x = (char *)in[X].data + r * row_bytes;
        if (call.dy) call.dy = (char *)in[DY].data + r * row_bytes;
        call.out = (char *)out.data + r * row_bytes;
        run_normalize(c->table, kind, &call);
    }
    compare_bits(c, name_of(kind), rows, cols, got, &out, "row by row");
    for (int k = X; k <= (kind == FORWARD ? X : DY); k++) {
        out = check_buffer(c, rows * cols, 0);
        check_copy(&out, &in[k]);
        ag_normalize_call call = call_of(kind, rows, cols, in);
        *(k == X ? &call.x : &call.dy) = call.out = out.data;
        run_normalize(c->table, kind, &call);
        compare_bits(c, name_of(kind), rows, cols, got, &out, k == X ? "in place of x" : "in place of dy");
    }
}

static void check_normalize_shape(const check *c, form kind, int64_t rows, int64_t cols) {
    buffer in[INPUTS], got = check_buffer(c, rows * cols, 2), want = check_buffer(c, rows * cols, 0);
    fill_inputs(c, rows, cols, in);
    if (rows > 2) check_set(&in[X], check_index(rows * cols), NAN);
    ag_normalize_call call = call_of(kind, rows, cols, in);
    call.out = got.data, run_normalize(c->table, kind, &call);
    call.out = want.data, run_normalize(c->scalar, kind, &call);
    for (int64_t i = 0; i < rows * cols; i++)
        if (!check_near(check_get(&got, i), check_get(&want, i), normalize_bound(c, kind, in, i)))
            check_fail(c, "%s, %d x %d, element %d: %.17g, not %.17g", name_of(kind), (int)rows, (int)cols,
                       (int)i, check_get(&got, i), check_get(&want, i));
    normalize_variants(c, kind, rows, cols, in, &got);
    check_release(c, &got, "normalize"), check_release(c, &want, "normalize");
    release_inputs(c, in);
}

// ---- the gradient of both, normalization and activation

// g, by the slots for each.
static buffer gradient_apart(const check *c, const ag_normalize_call *call) {
    const int64_t n = call->rows * call->cols;
    buffer z = check_buffer(c, n, 0), g = check_buffer(c, n, 0);
    ag_normalize_call normalize = *call;
    normalize.slope = 1, normalize.out = z.data;
    c->table->normalize(&normalize);
    c->table->pointwise[AG_POINTWISE_leaky_relu_gradient](
        &(ag_pointwise_call){n, {call->dy, z.data}, {1, 1}, g.data, call->slope, 0});
    check_release(c, &z, "normalize");
    return g;
}

static void compare_with_apart(const check *c, const ag_normalize_call *call, const buffer *sum,
                               const buffer *dot, const buffer *dx) {
    const int64_t rows = call->rows, cols = call->cols;
    buffer g = gradient_apart(c, call), out = check_buffer(c, cols, 0);
    c->table->column_sum(rows, cols, g.data, out.data);
    compare_bits(c, "column_gradient", rows, cols, sum, &out, "the sum beside column_sum");
    out = check_buffer(c, cols, 0);
    c->table->column_dot(rows, cols, g.data, call->x, call->mean, out.data);
    compare_bits(c, "column_gradient", rows, cols, dot, &out, "the dot beside column_dot");
    out = check_buffer(c, rows * cols, 0);
    ag_normalize_call apart = *call;
    apart.dy = g.data, apart.slope = 1, apart.out = out.data;
    c->table->normalize_gradient(&apart);
    compare_bits(c, "normalize_gradient", rows, cols, dx, &out, "the activation's gradient inside");
    check_release(c, &g, "leaky_relu_gradient");
}

// The sums of g, which the scalar table's slots give, in long double.
static void compare_with_sums(const check *c, const ag_normalize_call *call, const buffer in[INPUTS],
                              const buffer *sum, const buffer *dot) {
    check scalar = *c;
    scalar.table = c->scalar;
    buffer g = gradient_apart(&scalar, call);
    for (int64_t col = 0; col < call->cols; col++)
        for (int kind = SUM; kind <= DOT; kind += DOT) {
            const total want = reference(kind, &g, kind == SUM ? &g : &in[X], &in[MEAN], col);
            const double got = check_get(kind == SUM ? sum : dot, col), most = sum_bound(c, call->rows, want);
            if (!check_near(got, (double)want.sum, most))
                check_fail(c, "column_gradient, %d x %d, %s of column %d: %.17g, not %.17g (bound %.2g)",
                           (int)call->rows, (int)call->cols, kind == SUM ? "sum" : "dot", (int)col, got,
                           (double)want.sum, most);
        }
    check_release(c, &g, "leaky_relu_gradient");
}

// shift = -(x - mean) scale, rounded, for one x of each
// column: the sign of z is that of a rounding error, if any.
static void cancel(buffer in[INPUTS], int64_t rows, int64_t cols) {
    check_fill(&in[X]), check_fill(&in[MEAN]), check_fill(&in[SCALE]);
    for (int64_t col = 0; col < cols; col++) {
        const double x = check_get(&in[X], check_index(rows) * cols + col);
        const double d = x - check_get(&in[MEAN], col);
        check_set(&in[SHIFT], col, -d * check_get(&in[SCALE], col));
        for (int64_t r = check_index(3); r < rows; r += 3) check_set(&in[X], r * cols + col, x);
    }
}

static void check_gradient_shape(const check *c, int64_t rows, int64_t cols, double slope, double special) {
    const bool exact = isfinite(special), cancelled = exact && rows > 3 && rows % 2 == 1;
    buffer in[INPUTS], sum = check_buffer(c, cols, 0), dot = check_buffer(c, cols, 1);
    buffer dx = check_buffer(c, rows * cols, 0);
    fill_inputs(c, rows, cols, in);
    if (cancelled) cancel(in, rows, cols);
    if (!exact) check_set(&in[check_index(2) ? X : DY], check_index(rows * cols), special);
    ag_normalize_call call = call_of(ACTIVATED_GRADIENT, rows, cols, in);
    call.slope = slope, call.sum = sum.data, call.dot = dot.data, call.out = dx.data;
    c->table->column_gradient(&call);
    c->table->normalize_gradient(&call);
    compare_with_apart(c, &call, &sum, &dot, &dx);
    if (exact && !cancelled) compare_with_sums(c, &call, in, &sum, &dot);
    check_release(c, &sum, "column_gradient"), check_release(c, &dot, "column_gradient");
    check_release(c, &dx, "normalize_gradient");
    release_inputs(c, in);
}

void check_normalize(const check *c) {
    EACH_SHAPE(rows, cols)
    for (int kind = FORWARD; kind < FORMS; kind++) check_normalize_shape(c, (form)kind, rows, cols);
    const double slopes[] = {0.2, 0, -0.5, 1}, specials[] = {0, INFINITY, -INFINITY, NAN};
    EACH_SHAPE(rows, cols)
    for (int s = 0; s < 4; s++) {
        check_gradient_shape(c, rows, cols, slopes[s], 0);
        if (rows > 0) check_gradient_shape(c, rows, cols, slopes[s], specials[1 + (rows + cols) % 3]);
    }
    for (int64_t cols = 1; cols <= 24; cols += 7) check_gradient_shape(c, 30000, cols, 0.2, 0);
}

enum { W, M, V, G, ADAM_ARRAYS };

static void run_adam(const ag_kernels *table, ag_adam_step step, const buffer arrays[ADAM_ARRAYS],
                     int64_t first, int64_t n) {
    const int64_t skip = first * (table->dtype == AG_F32 ? 4 : 8);
    step.n = n, step.w = (char *)arrays[W].data + skip, step.m = (char *)arrays[M].data + skip;
    step.v = (char *)arrays[V].data + skip, step.g = (const char *)arrays[G].data + skip;
    table->adam(&step);
}

// special: one of an element's four is a special number; of every other element the other three are zeros.
static void fill_adam(buffer arrays[ADAM_ARRAYS], bool special) {
    for (int64_t i = 0; i < arrays[W].n; i++) {
        const int64_t one = special ? check_index(ADAM_ARRAYS) : -1;
        for (int k = 0; k < ADAM_ARRAYS; k++) {
            const double usual = special && i % 2 ? 0 : check_uniform();
            const double value = k == one ? check_special(arrays[k].dtype) : usual;
            check_set(&arrays[k], i, k == V ? fabs(value) : value);
        }
    }
}

static void check_adam_size(const check *c, ag_adam_step step, int64_t n, bool special) {
    buffer start[ADAM_ARRAYS], got[ADAM_ARRAYS], want[ADAM_ARRAYS], pieces[ADAM_ARRAYS];
    for (int k = 0; k < ADAM_ARRAYS; k++) start[k] = check_buffer(c, n, 0);
    fill_adam(start, special);
    for (int k = 0; k < ADAM_ARRAYS; k++) {
        got[k] = check_buffer(c, n, k), want[k] = check_buffer(c, n, 0), pieces[k] = check_buffer(c, n, 0);
        check_copy(&got[k], &start[k]), check_copy(&want[k], &start[k]), check_copy(&pieces[k], &start[k]);
    }
    run_adam(c->table, step, got, 0, n), run_adam(c->scalar, step, want, 0, n);
    for (int64_t i = 0; i < n; i++) run_adam(c->table, step, pieces, i, 1);
    const double unit = check_epsilon(c->table->dtype);
    for (int64_t i = 0; i < n; i++) {
        const double g = fabs(check_get(&start[G], i)), m = fabs(check_get(&start[M], i)) + g;
        const double root = step.root_scale * sqrt(check_get(&want[V], i)) + step.epsilon;
        const double bounds[] = {2 * unit * fabs(check_get(&start[W], i)) + 8 * unit * step.rate * m / root,
                                 2 * unit * m, 2 * unit * check_get(&want[V], i), 0};
        for (int k = 0; k < ADAM_ARRAYS; k++)
            if (!check_near(check_get(&got[k], i), check_get(&want[k], i),
                            isfinite(check_get(&want[k], i)) ? bounds[k] : 0))
                check_fail(c, "adam, element %d of %d, %c: %.17g, not %.17g (bound %.2g)", (int)i, (int)n,
                           "wmvg"[k], check_get(&got[k], i), check_get(&want[k], i), bounds[k]);
    }
    for (int k = 0; k < ADAM_ARRAYS; k++) {
        if (!check_same_bits(&got[k], &pieces[k]))
            check_fail(c, "adam, %d elements: %c has other bits one by one", (int)n, "wmvg"[k]);
        check_release(c, &start[k], "adam"), check_release(c, &got[k], "adam");
        check_release(c, &want[k], "adam"), check_release(c, &pieces[k], "adam");
    }
}

void check_adam(const check *c) {
    const ag_adam_step keras = {.rate = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7, .root_scale = 1};
    const ag_adam_step torch = {
        .rate = 2e-4, .beta1 = 0.5, .beta2 = 0.99, .epsilon = 1e-8, .root_scale = 3.5, .decay = 1e-3};
    for (int64_t n = 0; n < 70; n++) check_adam_size(c, keras, n, false), check_adam_size(c, torch, n, false);
    check_adam_size(c, keras, 1001, false);
    check_adam_size(c, keras, 1001, true), check_adam_size(c, torch, 1001, true);
}
