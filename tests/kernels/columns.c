// SPDX-License-Identifier: MIT
// Sums, normalization and Adam: the sums against long double sums of the formulas, the elementwise ones against the scalar
// table.
#include <math.h>
#include <string.h>

#include "tests/kernels/check.h"

static const int64_t row_counts[] = {0, 1, 2, 3, 5, 8, 17, 63, 64, 65, 130, 1000};
static const int64_t column_counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 64, 65, 100};

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
// rest: 40 ULP of the sum of magnitudes, for any number of rows.
static double sum_bound(const check *c, int64_t terms, total t) {
    const bool linear = c->table == c->scalar && c->table->dtype == AG_F64;
    return (double)(t.size * (long double)check_epsilon(c->table->dtype)) * (linear ? 2 + (double)terms : 40);
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

static void check_column(const check *c, int kind, int64_t rows, int64_t cols, double shift) {
    static const char *const names[] = {"column_sum", "column_square", "column_dot"};
    buffer dy = check_buffer(c, rows * cols, 0), x = check_buffer(c, rows * cols, rows % 3);
    buffer mean = check_buffer(c, cols, 0), out = check_buffer(c, cols, 1);
    check_fill(&dy), check_fill(&x), check_fill(&mean);
    for (int64_t i = 0; i < x.n; i++) check_set(&x, i, check_get(&x, i) + shift);
    for (int64_t i = 0; i < cols; i++) check_set(&mean, i, check_get(&mean, i) + shift);
    if (kind == SUM) c->table->column_sum(rows, cols, x.data, out.data);
    if (kind == SQUARE) c->table->column_square(rows, cols, x.data, mean.data, out.data);
    if (kind == DOT) c->table->column_dot(rows, cols, dy.data, x.data, mean.data, out.data);
    for (int64_t col = 0; col < cols; col++) {
        const total want = reference(kind, &dy, &x, &mean, col);
        const double got = check_get(&out, col), most = sum_bound(c, rows, want);
        if (!check_near(got, (double)want.sum, most))
            check_fail(c, "%s, %d x %d, column %d: %.17g, not %.17g (bound %.2g)", names[kind], (int)rows,
                       (int)cols, (int)col, got, (double)want.sum, most);
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
    for (int kind = SUM; kind <= DOT; kind++) check_column(c, kind, rows, cols, rows % 2 ? 0 : 100);
    for (int kind = SUM; kind <= DOT; kind++)
        for (int64_t cols = 1; cols <= 24; cols += 7) check_column(c, kind, 30000, cols, 0);
    for (int64_t n = 0; n < 300; n++) check_sum(c, n, n % 4);
    check_sum(c, 1000003, 1);
    if (c->table != c->scalar || c->table->dtype == AG_F32) check_sum_lost(c);
    const double specials[] = {INFINITY, -INFINITY, NAN};
    for (int s = 0; s < 3; s++)
        for (int64_t cols = 1; cols <= 40; cols += 39) check_sum_special(c, specials[s], cols);
}

enum { X, DY, MEAN, SCALE, A, B, INPUTS };  // A is normalize's shift

// Each of the three sorts of slope for some of the shapes.
static double slope_of(int64_t cols) { return cols % 3 == 0 ? 1 : cols % 3 == 1 ? 0.25 : 0; }

static void run_normalize(const ag_kernels *table, bool gradient, int64_t rows, int64_t cols,
                          const buffer in[INPUTS], const void *x, const void *dy, void *out) {
    if (gradient)
        table->normalize_gradient(rows, cols, dy, x, in[MEAN].data, in[SCALE].data, in[A].data, in[B].data,
                                  out);
    else
        table->normalize(rows, cols, x, in[MEAN].data, in[SCALE].data, in[A].data, slope_of(cols), out);
}

// 3 ULP of the largest term on the way
static double normalize_bound(const check *c, bool gradient, const buffer in[INPUTS], int64_t i) {
    const int64_t col = i % in[MEAN].n;
    const double d = fabs(check_get(&in[X], i) - check_get(&in[MEAN], col));
    const double scale = fabs(check_get(&in[SCALE], col)), a = fabs(check_get(&in[A], col));
    const double size = gradient
                            ? scale * (fabs(check_get(&in[DY], i)) + a + d * fabs(check_get(&in[B], col)))
                            : scale * d + a;
    return 3 * check_epsilon(c->table->dtype) * size;
}

static void compare_bits(const check *c, bool gradient, int64_t rows, int64_t cols, const buffer *got,
                         buffer *other, const char *how) {
    if (!check_same_bits(got, other))
        check_fail(c, "%s, %d x %d, %s: other bits", gradient ? "normalize_gradient" : "normalize", (int)rows,
                   (int)cols, how);
    check_release(c, other, how);
}

// The rows one at a time, and the output in an input's place
static void normalize_variants(const check *c, bool gradient, int64_t rows, int64_t cols,
                               const buffer in[INPUTS], const buffer *got) {
    const int64_t row_bytes = cols * (c->table->dtype == AG_F32 ? 4 : 8);
    buffer out = check_buffer(c, rows * cols, 0);
    for (int64_t r = 0; r < rows; r++)
        run_normalize(c->table, gradient, 1, cols, in, (char *)in[X].data + r * row_bytes,
                      (char *)in[DY].data + r * row_bytes, (char *)out.data + r * row_bytes);
    compare_bits(c, gradient, rows, cols, got, &out, "row by row");
    for (int k = X; k <= (gradient ? DY : X); k++) {
        out = check_buffer(c, rows * cols, 0);
        check_copy(&out, &in[k]);
        run_normalize(c->table, gradient, rows, cols, in, k == X ? out.data : in[X].data,
                      k == DY ? out.data : in[DY].data, out.data);
        compare_bits(c, gradient, rows, cols, got, &out, k == X ? "in place of x" : "in place of dy");
    }
}

static void check_normalize_shape(const check *c, bool gradient, int64_t rows, int64_t cols) {
    buffer in[INPUTS];
    for (int k = 0; k < INPUTS; k++) {
        in[k] = check_buffer(c, k <= DY ? rows * cols : cols, k % 3);
        check_fill(&in[k]);
    }
    if (rows > 2) check_set(&in[X], check_index(rows * cols), NAN);
    buffer got = check_buffer(c, rows * cols, 2), want = check_buffer(c, rows * cols, 0);
    run_normalize(c->table, gradient, rows, cols, in, in[X].data, in[DY].data, got.data);
    run_normalize(c->scalar, gradient, rows, cols, in, in[X].data, in[DY].data, want.data);
    for (int64_t i = 0; i < rows * cols; i++)
        if (!check_near(check_get(&got, i), check_get(&want, i), normalize_bound(c, gradient, in, i)))
            check_fail(c, "%s, %d x %d, element %d: %.17g, not %.17g",
                       gradient ? "normalize_gradient" : "normalize", (int)rows, (int)cols, (int)i,
                       check_get(&got, i), check_get(&want, i));
    normalize_variants(c, gradient, rows, cols, in, &got);
    check_release(c, &got, "normalize"), check_release(c, &want, "normalize");
    for (int k = 0; k < INPUTS; k++) check_release(c, &in[k], "normalize");
}

void check_normalize(const check *c) {
    EACH_SHAPE(rows, cols)
    for (int gradient = 0; gradient < 2; gradient++) check_normalize_shape(c, gradient, rows, cols);
}

enum { W, M, V, G, ADAM_ARRAYS };

static void run_adam(const ag_kernels *table, ag_adam_step step, const buffer arrays[ADAM_ARRAYS],
                     int64_t first, int64_t n) {
    const int64_t skip = first * (table->dtype == AG_F32 ? 4 : 8);
    step.n = n, step.w = (char *)arrays[W].data + skip, step.m = (char *)arrays[M].data + skip;
    step.v = (char *)arrays[V].data + skip, step.g = (const char *)arrays[G].data + skip;
    table->adam(&step);
}

static void check_adam_size(const check *c, ag_adam_step step, int64_t n) {
    buffer start[ADAM_ARRAYS], got[ADAM_ARRAYS], want[ADAM_ARRAYS], pieces[ADAM_ARRAYS];
    for (int k = 0; k < ADAM_ARRAYS; k++) {
        start[k] = check_buffer(c, n, 0), check_fill(&start[k]);
        for (int64_t i = 0; i < n && k == V; i++) check_set(&start[k], i, fabs(check_get(&start[k], i)));
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
            if (!check_near(check_get(&got[k], i), check_get(&want[k], i), bounds[k]))
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
    for (int64_t n = 0; n < 70; n++) check_adam_size(c, keras, n), check_adam_size(c, torch, n);
    check_adam_size(c, keras, 1001);
}
