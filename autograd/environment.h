// SPDX-License-Identifier: MIT
// What the bits of a result depend on besides its inputs.
#pragma once

#include "autograd/export.h"

// "bobbin 0.1.0, avx2, OpenBLAS Zen": version, kernels' instruction set, OpenBLAS's core type. Runs under
// equal environments give equal bits. The text is static.
AG_API const char *ag_environment(void);
