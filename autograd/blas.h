// SPDX-License-Identifier: MIT
// Matrix products by OpenBLAS, one thread each: callers cut the work and run it in parallel themselves.
#pragma once

#include "autograd/check.h"
#include "autograd/tensor.h"

typedef struct ag_gemm {
    ag_dtype dtype;
    bool transpose_a, transpose_b;
    int64_t m, n, k;  // each below 2^31
    const void *a;    // [m,k], or [k,m] where transposed, rows lda elements apart
    int64_t lda;
    const void *b;  // [k,n], or [n,k]
    int64_t ldb;
    void *c;  // [m,n], written, never read
    int64_t ldc;
} ag_gemm;

// Has OpenBLAS take its working memory for `products` products at once, though no more than there are
// threads: 128 MiB of address space each, kept for good, touched only by large products. False, with *error
// filled, when the system refuses them; OpenBLAS itself would try again for ever.
bool ag_blas_reserve(int64_t products, ag_error *error);

// c = op(a) op(b). Allocates nothing. May be called from many threads at once, after
// ag_blas_reserve; those for which no memory was reserved wait for their turn.
void ag_blas_gemm(const ag_gemm *gemm);

// The processor whose kernels OpenBLAS has chosen: "Zen". Static.
const char *ag_blas_core(void);
