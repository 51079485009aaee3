// SPDX-License-Identifier: MIT
// In the place of dispatch.c: the scalar tables, and the vector sources at
// the width of AVX-512 as any processor can run them. What is written for
// that width (the tile's rows, the rests) is checked where AVX-512 is not.
#include <stddef.h>

#include "autograd/kernel.h"

extern const ag_kernels ag_scalar_f32_table, ag_scalar_f64_table, ag_scalar_bf16_table;
extern const ag_kernels ag_wide_f32_table, ag_wide_f64_table, ag_wide_bf16_table;

const ag_kernels *ag_kernels_at(ag_dtype dtype, bool bf16, int i) {
    static const ag_kernels *const tables[][3] = {
        {&ag_scalar_f32_table, &ag_scalar_f64_table, &ag_scalar_bf16_table},
        {&ag_wide_f32_table, &ag_wide_f64_table, &ag_wide_bf16_table}};
    return i >= 0 && i < 2 ? tables[i][bf16 ? 2 : dtype == AG_F64] : NULL;
}

const ag_kernels *ag_kernels_get(ag_dtype dtype) { return ag_kernels_at(dtype, false, 1); }
