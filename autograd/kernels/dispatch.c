// SPDX-License-Identifier: MIT
// Chooses the tables of kernels: the best instruction set that the processor and the system support, or at
// most the one that AG_ISA names (an unknown name means no limit).
#include <stdlib.h>
#include <string.h>

#include "autograd/kernel.h"

#define TABLES(isa) extern const ag_kernels ag_##isa##_f32_table, ag_##isa##_f64_table;
TABLES(scalar)
TABLES(baseline)
TABLES(avx2)
TABLES(avx512)
#undef TABLES

enum { ISA_COUNT = 4 };

// From the plainest to the best; each one's processors run all before it.
static const ag_kernels *const tables[ISA_COUNT][2] = {
    {&ag_scalar_f32_table, &ag_scalar_f64_table},
    {&ag_baseline_f32_table, &ag_baseline_f64_table},
    {&ag_avx2_f32_table, &ag_avx2_f64_table},
    {&ag_avx512_f32_table, &ag_avx512_f64_table},
};

static int supported(void) {
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!avx2) return 2;
    return __builtin_cpu_supports("avx512f") ? 4 : 3;
}

static int wanted(void) {
    const char *name = getenv("AG_ISA");
    for (int i = 0; name && i < ISA_COUNT; i++)
        if (strcmp(name, tables[i][0]->isa) == 0) return i;
    return ISA_COUNT - 1;
}

const ag_kernels *ag_kernels_at(ag_dtype dtype, int i) {
    return i >= 0 && i < supported() ? tables[i][dtype == AG_F64] : NULL;
}

const ag_kernels *ag_kernels_get(ag_dtype dtype) {
    static int chosen = -1;  // written once: of several threads that come first, one wins and all take its
    int isa = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (isa < 0) {
        const int best = supported() - 1, limit = wanted(), first = limit < best ? limit : best;
        if (__atomic_compare_exchange_n(&chosen, &isa, first, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            isa = first;
    }
    return tables[isa][dtype == AG_F64];
}
