// SPDX-License-Identifier: MIT
// Matrix products by OpenBLAS, one thread each: callers cut the work and run it in parallel themselves.
#pragma once

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

// c = op(a) op(b). May be called from many threads at once.
void ag_blas_gemm(const ag_gemm *gemm);

// The processor whose kernels OpenBLAS has chosen: "Zen". Static.
const char *ag_blas_core(void);
