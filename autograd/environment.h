// SPDX-License-Identifier: MIT
// What the bits of a result depend on besides its inputs.
#pragma once

#include "autograd/precision.h"

// "bobbin 0.1.0, avx512, bf16 products by avx512, Winograd 4, OpenBLAS Zen": version, kernels' instruction
// set, the precision of this thread's products if it is not f32, and whose kernels they are, AG_WINOGRAD (0
// where the kernels have no such form), OpenBLAS's core type. Runs under equal environments give equal bits.
// The text is static.
AG_API const char *ag_environment(void);

// The precision of products that such a text names, of another process or version too.
AG_API ag_precision ag_environment_precision(const char *text);

// False, with *error filled (AG_STATUS_USAGE), when a variable that switches something (AG_ISA, AG_WINOGRAD,
// AG_BF16, AG_REWRITES) has a value that means nothing. Asked whenever a program is compiled; a program of
// one's own may ask before anything else.
AG_API bool ag_environment_check(ag_error *error);
