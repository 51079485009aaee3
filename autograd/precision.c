// SPDX-License-Identifier: MIT
// The switch between the tables of kernels.
#include "autograd/precision.h"

#include "autograd/kernel.h"

bool ag_precision_set(ag_precision precision, ag_error *error) {
    return ag_kernels_set_bf16(precision == AG_PRECISION_BF16) ||
           ag_fail(error, AG_STATUS_USAGE,
                   "precision bf16: the processor has no instruction for such products (AVX512-BF16), or "
                   "the instruction set that was chosen has none");
}

ag_precision ag_precision_get(void) {
    return ag_kernels_get(AG_F32)->bf16 ? AG_PRECISION_BF16 : AG_PRECISION_F32;
}
