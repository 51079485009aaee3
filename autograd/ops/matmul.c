// SPDX-License-Identifier: MIT
// matmul: y = op(a) op(b) in tasks of our own: a small a with a wide b by the kernel, the rest by OpenBLAS.
// Kernel and OpenBLAS on one thread, ms (caches cold on the Zen 5, in parentheses with bf16 products):
//                                             Zen 3, AVX2    Zen 5, AVX-512
//   [128,100] by [100,12544]                   3.9   4.7     1.35   1.81 (0.76)
//   [100,128] by [128,12544], a transposed     3.9   4.4     1.43   1.81 (0.82)
//   [512,100] by [100,12544]                  14.3  17.9     5.1    6.5  (2.96)
//   [100,512] by [512,12544]                  19.2  16.8     5.9    6.9  (3.4)
// The choice is by the sizes alone, so that the last is the kernel's with AVX2 too.
// With AVX-512 OpenBLAS is faster where all is small, [16,64] by [64,1024] 0.020 instead of 0.021.
#include "autograd/ops/matmul.h"
#include "autograd/blas.h"
#include "autograd/kernel.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/ops/array.h"
#include "autograd/threads.h"

// Of the kernel's products: columns of b at least, in rows of a; rows of a at least.
enum { WIDE = 8, LEAST_ROWS = 8 };

typedef struct flags {
    bool transpose_a, transpose_b;
} flags;

// After op: a [m,k], b [k,n].
typedef struct extents {
    int64_t m, n, k, k_of_b;
} extents;

static extents extents_of(const ag_node *node) {
    const flags *f = node->attributes;
    const ag_shape a = node->input[0]->shape, b = node->input[1]->shape;
    return (extents){.m = a.dim[f->transpose_a],
                     .k = a.dim[!f->transpose_a],
                     .k_of_b = b.dim[f->transpose_b],
                     .n = b.dim[!f->transpose_b]};
}

static bool infer(ag_node *node) {
    const flags *f = node->attributes;
    const ag_shape a = node->input[0]->shape, b = node->input[1]->shape;
    if (a.rank != 2 || b.rank != 2)
        return ag_node_fail(node, "a (%s) is %s, b (%s) is %s: both must have rank 2", node->input[0]->label,
                            AG_TEXT(a), node->input[1]->label, AG_TEXT(b));
    const extents e = extents_of(node);
    if (e.k != e.k_of_b)
        return ag_node_fail(node, "a (%s) is %s%s, b (%s) is %s%s: the inner dimensions %lld and %lld differ",
                            node->input[0]->label, AG_TEXT(a), f->transpose_a ? "^T" : "",
                            node->input[1]->label, AG_TEXT(b), f->transpose_b ? "^T" : "", (long long)e.k,
                            (long long)e.k_of_b);
    if (ag_max(ag_max(e.m, e.n), e.k) > INT32_MAX)
        return ag_node_fail(node, "a (%s) is %s, b (%s) is %s: a dimension exceeds 2^31 - 1",
                            node->input[0]->label, AG_TEXT(a), node->input[1]->label, AG_TEXT(b));
    node->shape = AG_SHAPE(e.m, e.n);
    return true;
}

// The longer side of y in about sixteen blocks of 64 to 512 rows or columns: more would cost more, since each
// block packs the other operand again.
typedef struct cut {
    const ag_kernels *kernels;
    ag_gemm whole;
    const void *bias;
    bool columns;  // of y in blocks, not rows
    bool is_wide;  // by the kernel
    int64_t length, block;
} cut;

static cut cut_of(const ag_node *node) {
    const extents e = extents_of(node);
    const flags *f = node->attributes;
    const int64_t length = ag_max(e.m, e.n);
    return (cut){
        .columns = e.n > e.m,
        .is_wide = e.n >= WIDE * e.m && e.m >= LEAST_ROWS && e.k <= AG_MATMUL_DEPTH && !f->transpose_b,
        .length = length,
        .block = ag_min(512, ag_max(64, length / 16 / 64 * 64))};
}

static int64_t blocks_of(const cut *c) { return ag_ceil_div(c->length, c->block); }

static bool prepare(const ag_node *node, ag_error *error) {
    const cut c = cut_of(node);
    return c.is_wide || ag_blas_reserve(blocks_of(&c), error);
}

static void multiply_wide(const ag_kernels *kernels, const ag_gemm *g, const void *bias) {
    kernels->matmul(&(ag_matmul_call){.m = g->m,
                                      .n = g->n,
                                      .k = g->k,
                                      .a = g->a,
                                      .b = g->b,
                                      .a_row = g->transpose_a ? 1 : g->lda,
                                      .a_column = g->transpose_a ? g->lda : 1,
                                      .b_row = g->ldb,
                                      .bias = bias,
                                      .c = g->c,
                                      .c_row = g->ldc});
}

static void multiply_block(void *context, int64_t task) {
    const cut *c = context;
    const int64_t first = task * c->block, count = ag_min(c->block, c->length - first);
    ag_gemm part = c->whole;
    if (c->columns) {
        part.n = count;
        part.b = ag_const_at(part.b, part.transpose_b ? first * part.ldb : first, part.dtype);
        part.c = ag_at(part.c, first, part.dtype);
    } else {
        part.m = count;
        part.a = ag_const_at(part.a, part.transpose_a ? first : first * part.lda, part.dtype);
        part.c = ag_at(part.c, first * part.ldc, part.dtype);
    }
    if (c->is_wide)
        multiply_wide(c->kernels, &part, c->bias ? ag_const_at(c->bias, first, part.dtype) : NULL);
    else
        ag_blas_gemm(&part);
}

static void forward(const ag_call *call) {
    const ag_node *node = call->node;
    const flags *f = node->attributes;
    const extents e = extents_of(node);
    cut c = cut_of(node);
    c.kernels = call->kernels;
    c.bias = node->n_inputs > 2 ? call->in[2] : NULL;
    c.whole = (ag_gemm){.dtype = call->kernels->dtype,
                        .transpose_a = f->transpose_a,
                        .transpose_b = f->transpose_b,
                        .m = e.m,
                        .n = e.n,
                        .k = e.k,
                        .a = call->in[0],
                        .lda = node->input[0]->shape.dim[1],
                        .b = call->in[1],
                        .ldb = node->input[1]->shape.dim[1],
                        .c = call->out,
                        .ldc = e.n};
    ag_parallel_for(blocks_of(&c), multiply_block, &c);
}

// da = dy op(b)^T and db = op(a)^T dy; where the operand is used transposed, the transpose of that.
static ag_node *vjp(ag_node *node, ag_node *dy, int input) {
    const flags *f = node->attributes;
    ag_node *a = node->input[0], *b = node->input[1];
    if (input == 0)
        return f->transpose_a ? ag_matmul(b, dy, f->transpose_b, true)
                              : ag_matmul(dy, b, false, !f->transpose_b);
    return f->transpose_b ? ag_matmul(dy, a, true, f->transpose_a) : ag_matmul(a, dy, !f->transpose_a, false);
}

static double flops(const ag_node *node) {
    const extents e = extents_of(node);
    return 2.0 * (double)e.m * (double)e.n * (double)e.k;
}

static const ag_op matmul = {
    .name = "matmul", .infer = infer, .forward = forward, .vjp = vjp, .flops = flops, .prepare = prepare};

// ---- with a bias, for a rewrite

static const ag_op with_bias = {.name = "matmul_bias", .forward = forward, .flops = flops};

bool ag_matmul_has_room(const ag_node *node) { return node->op == &matmul && cut_of(node).is_wide; }

void ag_matmul_take_bias(ag_graph *graph, const ag_node *at, const ag_node *product, const ag_node *bias) {
    const ag_node *inputs[] = {ag_graph_input(graph, product, 0), ag_graph_input(graph, product, 1), bias};
    ag_graph_replace(graph, at, product, &with_bias, 3, inputs, product->attributes, sizeof(flags));
}

ag_node *ag_matmul(ag_node *a, ag_node *b, bool transpose_a, bool transpose_b) {
    const flags attributes = {transpose_a, transpose_b};
    return AG_APPLY(&matmul, &attributes, a, b);
}

const ag_op *const ag_ops_matmul[] = {&matmul, NULL};
