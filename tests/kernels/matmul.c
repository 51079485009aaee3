// SPDX-License-Identifier: MIT
// The matrix product against the scalar definition: sizes around the tile, both ways that a may lie, gaps,
// with a bias and without. A table of bf16 products is compared with the definition of these, and that with
// the unrounded one.
#include <math.h>

#include "tests/kernels/check.h"

enum { MOST = 9 };

typedef struct product {
    ag_matmul_call call;
    buffer a, b, bias;
} product;

static product create_product(const check *c, int64_t m, int64_t n, int64_t k, bool transposed, int64_t gap) {
    product p = {.call = {.m = m, .n = n, .k = k, .b_row = n + gap, .c_row = n + gap}};
    p.call.a_row = transposed ? 1 : k + gap, p.call.a_column = transposed ? m + gap : 1;
    p.a = check_buffer(c, transposed ? k * (m + gap) : m * (k + gap), gap);
    p.b = check_buffer(c, k * (n + gap), 0);
    check_fill(&p.a), check_fill(&p.b);
    p.bias = check_buffer(c, n, 0), check_fill(&p.bias);
    p.call.a = p.a.data, p.call.b = p.b.data, p.call.bias = check_index(2) == 1 ? p.bias.data : NULL;
    return p;
}

static buffer run(const check *c, const ag_kernels *table, const product *p) {
    buffer out = check_buffer(c, p->call.m * p->call.c_row, 0);
    ag_matmul_call call = p->call;
    call.c = out.data;
    table->matmul(&call);
    return out;
}

// The scalar table of the same products.
static const ag_kernels *definition(const check *c) {
    return c->table->bf16 ? ag_kernels_at(AG_F32, true, 0) : c->scalar;
}

// Each of k products and sums is rounded once, and the sum with the bias; factors may be off by `rounding`
// together.
static double bound(const check *c, const product *p, int64_t i, int64_t j, double rounding) {
    double size = 0;
    for (int64_t l = 0; l < p->call.k; l++)
        size += fabs(check_get(&p->a, i * p->call.a_row + l * p->call.a_column) *
                     check_get(&p->b, l * p->call.b_row + j));
    const double biased = p->call.bias ? size + fabs(check_get(&p->bias, j)) : 0;
    return ((double)(p->call.k + 1) * check_epsilon(c->table->dtype) + rounding) * size +
           check_epsilon(c->table->dtype) * biased + check_smallest(c->table->dtype) * (double)p->call.k;
}

static void compare(const check *c, const product *p, const ag_kernels *oracle, double rounding) {
    const ag_matmul_call *call = &p->call;
    buffer got = run(c, c->table, p), want = run(c, oracle, p);
    for (int64_t i = 0; i < got.n; i++) {
        const double value = check_get(&got, i), exact = check_get(&want, i);
        const int64_t row = i / call->c_row, column = i % call->c_row;
        const double most = column < call->n ? bound(c, p, row, column, rounding) : 0;
        if (!check_near(value, exact, most))
            check_fail(c,
                       "matmul, [%d,%d] by [%d,%d]%s, rows %d apart, row %d, column %d: %.17g, not %.17g "
                       "(bound %.2g)",
                       (int)call->m, (int)call->k, (int)call->k, (int)call->n,
                       call->bias ? " and a bias" : "", (int)call->c_row, (int)row, (int)column, value, exact,
                       most);
    }
    check_release(c, &got, "matmul"), check_release(c, &want, "matmul");
}

static void check_product(const check *c, int64_t m, int64_t n, int64_t k, bool transposed, bool is_special) {
    product p = create_product(c, m, n, k, transposed, check_index(4));
    buffer *operand = (buffer *[]){&p.a, &p.b, &p.bias}[check_index(p.call.bias ? 3 : 2)];
    if (is_special) check_set(operand, check_index(operand->n), check_special(c->table->dtype));
    compare(c, &p, definition(c), 0);
    // Of normal numbers the two factors of bfloat16 are off by 2^-8 each, the largest may become infinite.
    if (c->table->bf16 && !is_special) compare(c, &p, c->scalar, 0x1p-7);
    check_release(c, &p.a, "matmul"), check_release(c, &p.b, "matmul"), check_release(c, &p.bias, "matmul");
}

void check_matmul(const check *c) {
    for (int64_t m = 1; m <= 2 * MOST; m++)
        for (int64_t n = 1; n <= 70; n += n < 20 ? 1 : 7)
            check_product(c, m, n, check_index(MOST) + 1, check_index(2), false);
    for (int64_t n = 60; n < 300; n += 17)
        check_product(c, 1 + check_index(MOST), n, AG_MATMUL_DEPTH, check_index(2), false);
    for (int transposed = 0; transposed < 2; transposed++)  // more rows than are rounded at once
        check_product(c, 200 + check_index(MOST), 40, AG_MATMUL_DEPTH - 1, transposed, false);
    check_product(c, 3, 5, 0, check_index(2), false);
    for (int i = 0; i < 40; i++)
        check_product(c, 1 + check_index(MOST), 1 + check_index(80), 1 + check_index(MOST), check_index(2),
                      true);
}
