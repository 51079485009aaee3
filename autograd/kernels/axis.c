// SPDX-License-Identifier: MIT
// The matrices of an axis, by the transposed Toom-Cook algorithm: with the polynomial whose roots are the
// points, F evaluates the taps at a point, Y evaluates the outputs there, and X holds the coefficients of the
// point's Lagrange polynomial.
#include "autograd/kernels/axis.h"

#include <string.h>

enum { MOST_TAPS = 3, MOST_POINTS = 5 };  // of a phase; finite ones

static int smaller(int64_t a, int64_t b) { return (int)(a < b ? a : b); }

// ---- a phase

typedef struct phase {
    int taps, outputs;  // of a full tile
    int first_filter;
    const double *points;
} phase;

// Points whose transforms add little error, also to the tap of the weight gradient that they serve worst; the
// first few of a list serve a tile of fewer outputs.
static const double *points_of(int count) {
    static const double few[] = {0, 1, -1}, many[MOST_POINTS] = {0, .6875, -.6875, 1.5, -1.5};
    return count <= 3 ? few : many;
}

static int phase_taps(const ag_axis_shape *s, int64_t i) {
    return i < s->k ? (int)((s->k - i - 1) / s->stride) + 1 : 0;
}

static int full_tile(const ag_axis_shape *s, int taps) {
    return taps == 1 ? 1 : taps == 2 ? 3 : s->tile;  // F(3,2); F(2,3) or F(4,3)
}

// Phase i; those before it are asked for their filters.
static phase phase_at(const ag_axis_shape *s, int64_t i) {
    phase p = {0};
    for (int64_t k = 0; k <= i; k++) {
        if (k > 0) p.first_filter += p.outputs + p.taps - 1;
        p.taps = phase_taps(s, k), p.outputs = full_tile(s, p.taps);
    }
    p.points = points_of(p.outputs + p.taps - 2);
    return p;
}

static int64_t phase_count(const ag_axis_shape *s) { return s->k < s->stride ? s->k : s->stride; }

// The product of (x - b) over the first n points but `skip`; its n or n + 1 coefficients.
static void roots(const double *points, int n, int skip, double out[MOST_POINTS + 1]) {
    memset(out, 0, (MOST_POINTS + 1) * sizeof *out);
    out[0] = 1;
    for (int b = 0, degree = 0; b < n; b++) {
        if (b == skip) continue;
        degree++;
        for (int e = degree; e > 0; e--) out[e] = out[e - 1] - points[b] * out[e];
        out[0] *= -points[b];
    }
}

// The product of (point p - b) over the points from `from` on, before `to`, but p.
static double distance(const double *points, int from, int to, int p) {
    double product = 1;
    for (int b = from; b < to; b++)
        if (b != p) product *= points[p] - points[b];
    return product;
}

static double power(double base, int exponent) {
    double result = 1;
    while (exponent-- > 0) result *= base;
    return result;
}

bool ag_axis_possible(const ag_axis_shape *s) {
    if (s->k > AG_AXIS_TAPS || s->x > INT32_MAX / 8 || s->y > INT32_MAX / 8) return false;
    return phase_taps(s, 0) <= MOST_TAPS && ag_axis_filters(s) <= AG_AXIS_FILTERS;
}

int ag_axis_filters(const ag_axis_shape *s) {
    int filters = 0;
    for (int64_t i = 0; i < phase_count(s); i++) {
        const phase p = phase_at(s, i);
        filters += p.outputs + p.taps - 1;
    }
    return filters;
}

int64_t ag_axis_products(const ag_axis_shape *s) {
    int64_t products = 0;
    for (int64_t i = 0; i < phase_count(s); i++) {
        const phase p = phase_at(s, i);
        products += s->y + (s->y + p.outputs - 1) / p.outputs * (p.taps - 1);
    }
    return products;
}

// ---- products

// One filter of one phase with one tile of outputs: what it takes from x and gives to y.
typedef struct product {
    int n_x, n_y;
    ag_axis_term x[MOST_POINTS + 1], y[AG_AXIS_TILE];
} product;

static product product_of(const ag_axis_shape *s, int64_t i, const phase *p, int filter, int64_t first) {
    const int outputs = smaller(p->outputs, s->y - first), finite = outputs + p->taps - 2;
    const int full = p->outputs + p->taps - 2;
    product out = {0};
    const bool infinite = filter == full;
    if (filter >= finite && !infinite) return out;  // a tile of few outputs does without the point
    double x[MOST_POINTS + 1];
    roots(p->points, finite, infinite ? -1 : filter, x);
    // F divides by the distances to all points; those that a short tile does without are multiplied back.
    const double undone = infinite ? 1 : distance(p->points, finite, full, filter);
    for (int e = 0; e <= finite; e++) {
        const int64_t at = (first + e) * s->stride + i - s->pad;
        if (x[e] != 0 && at >= 0 && at < s->x) out.x[out.n_x++] = (ag_axis_term){(int32_t)at, undone * x[e]};
    }
    for (int j = 0; j < outputs && out.n_x > 0; j++) {
        const double y = infinite ? j == outputs - 1 : power(p->points[filter], j);
        if (y != 0) out.y[out.n_y++] = (ag_axis_term){(int32_t)(first + j), y};
    }
    return out;
}

typedef void product_reader(void *context, int filter, const product *product);

// All products, by filter; those that see nothing of the image are left out.
static void each_product(const ag_axis_shape *s, product_reader *read, void *context) {
    for (int64_t i = 0; i < phase_count(s); i++) {
        const phase p = phase_at(s, i);
        for (int f = 0; f < p.outputs + p.taps - 1; f++)
            for (int64_t first = 0; first < s->y; first += p.outputs) {
                const product found = product_of(s, i, &p, f, first);
                if (found.n_x > 0) read(context, p.first_filter + f, &found);
            }
    }
}

static void count_product(void *context, int filter, const product *found) {
    (void)found;
    ag_axis *axis = context;
    for (int f = filter; f < axis->filters; f++) axis->first[f + 1]++;
}

void ag_axis_describe(const ag_axis_shape *s, ag_axis *axis) {
    memset(axis, 0, sizeof *axis);
    axis->taps = (int)s->k;
    for (int64_t i = 0; i < phase_count(s); i++) {
        const phase p = phase_at(s, i);
        const int finite = p.outputs + p.taps - 2;
        axis->points = finite > axis->points ? finite : axis->points;
        for (int f = 0; f <= finite; f++, axis->filters++)
            for (int t = 0; t < p.taps; t++)
                axis->filter[axis->filters][i + t * s->stride] =
                    f == finite ? t == p.taps - 1 : power(p.points[f], t) / distance(p.points, 0, finite, f);
    }
    each_product(s, count_product, axis);
}

// ---- matrices

static int64_t matrix_bytes(int64_t rows, int64_t terms) {
    const int64_t starts = (rows + 1) * (int64_t)sizeof(int32_t);
    return terms * (int64_t)sizeof(ag_axis_term) + (starts + 7) / 8 * 8;
}

typedef struct counts {
    int64_t products, x, y;  // terms
} counts;

static void count_terms(void *context, int filter, const product *found) {
    (void)filter;
    counts *n = context;
    n->products++, n->x += found->n_x, n->y += found->n_y;
}

static counts counts_of(const ag_axis_shape *s) {
    counts n = {0};
    each_product(s, count_terms, &n);
    return n;
}

int64_t ag_axis_bytes(const ag_axis_shape *s) {
    const counts n = counts_of(s);
    return matrix_bytes(n.products, n.x) + matrix_bytes(n.products, n.y) + matrix_bytes(s->x, n.x) +
           matrix_bytes(s->y, n.y);
}

static ag_axis_rows take(char **memory, int64_t rows, int64_t terms) {
    ag_axis_rows matrix = {.term = (ag_axis_term *)*memory};
    matrix.start = (int32_t *)(matrix.term + terms);
    matrix.start[0] = 0;
    *memory += matrix_bytes(rows, terms);
    return matrix;
}

static void append(ag_axis_rows *matrix, int32_t row, int n, const ag_axis_term *terms) {
    memcpy(matrix->term + matrix->start[row], terms, (size_t)n * sizeof *terms);
    matrix->start[row + 1] = matrix->start[row] + n;
}

typedef struct builder {
    ag_axis *axis;
    int32_t products;
} builder;

static void add_product(void *context, int filter, const product *found) {
    (void)filter;
    builder *b = context;
    append(&b->axis->x, b->products, found->n_x, found->x);
    append(&b->axis->y, b->products, found->n_y, found->y);
    b->products++;
}

// to: the transpose, of `columns` rows.
static void transpose(const ag_axis_rows *from, int32_t rows, int64_t columns, ag_axis_rows *to) {
    memset(to->start, 0, (size_t)(columns + 1) * sizeof *to->start);
    for (int32_t t = 0; t < from->start[rows]; t++) to->start[from->term[t].at + 1]++;
    for (int64_t c = 0; c < columns; c++) to->start[c + 1] += to->start[c];
    for (int32_t r = 0; r < rows; r++)
        for (int32_t t = from->start[r]; t < from->start[r + 1]; t++)
            to->term[to->start[from->term[t].at]++] = (ag_axis_term){r, from->term[t].factor};
    // Filling has moved every start to the next row's.
    for (int64_t c = columns; c > 0; c--) to->start[c] = to->start[c - 1];
    to->start[0] = 0;
}

void ag_axis_build(const ag_axis_shape *s, ag_axis *axis, void *memory) {
    const counts n = counts_of(s);
    char *free = memory;
    ag_axis_describe(s, axis);
    axis->x = take(&free, n.products, n.x), axis->y = take(&free, n.products, n.y);
    axis->at_x = take(&free, s->x, n.x), axis->at_y = take(&free, s->y, n.y);
    each_product(s, add_product, &(builder){axis, 0});
    transpose(&axis->x, (int32_t)n.products, s->x, &axis->at_x);
    transpose(&axis->y, (int32_t)n.products, s->y, &axis->at_y);
}
