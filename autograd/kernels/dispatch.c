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
extern const ag_kernels ag_scalar_bf16_table, ag_avx2_bf16_table, ag_avx512_bf16_table;

enum { BASELINE = 1, AVX2, AVX512, ISA_COUNT };

// From the plainest to the best; each one's processors run all before it.
static const ag_kernels *const tables[ISA_COUNT][2] = {
    {&ag_scalar_f32_table, &ag_scalar_f64_table},
    {&ag_baseline_f32_table, &ag_baseline_f64_table},
    {&ag_avx2_f32_table, &ag_avx2_f64_table},
    {&ag_avx512_f32_table, &ag_avx512_f64_table},
};

// Of bf16 products; the last is the one that has an instruction for them.
enum { BF16_EMULATED = 1, BF16_NATIVE, BF16_COUNT };
static const ag_kernels *const bf16_tables[BF16_COUNT] = {&ag_scalar_bf16_table, &ag_avx2_bf16_table,
                                                          &ag_avx512_bf16_table};

static int best(void) {
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!avx2) return BASELINE;
    return __builtin_cpu_supports("avx512f") ? AVX512 : AVX2;
}

static int wanted(void) {
    const char *name = getenv("AG_ISA");
    for (int i = 0; name && i < ISA_COUNT; i++)
        if (strcmp(name, tables[i][0]->isa) == 0) return i;
    return ISA_COUNT - 1;
}

static int chosen_isa(void) {
    static int chosen = -1;  // written once: of several threads that come first, one wins and all take its
    int isa = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (isa < 0) {
        const int limit = wanted(), first = limit < best() ? limit : best();
        if (__atomic_compare_exchange_n(&chosen, &isa, first, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            isa = first;
    }
    return isa;
}

// The best of the bf16 tables that an instruction set's processors run.
static int bf16_of(int isa) {
    if (isa == AVX512 && __builtin_cpu_supports("avx512bf16")) return BF16_NATIVE;
    return isa >= AVX2 ? BF16_EMULATED : 0;
}

static bool uses_bf16;

bool ag_kernels_set_bf16(bool on) {
    const char *how = getenv("AG_BF16");
    const bool emulates = how && strcmp(how, "emulate") == 0;
    if (on && !emulates && bf16_of(chosen_isa()) != BF16_NATIVE) return false;
    __atomic_store_n(&uses_bf16, on, __ATOMIC_RELEASE);
    return true;
}

const ag_kernels *ag_kernels_at(ag_dtype dtype, bool bf16, int i) {
    const int count = (bf16 ? bf16_of(best()) : best()) + 1;
    if (i < 0 || i >= count || (bf16 && dtype != AG_F32)) return NULL;
    return bf16 ? bf16_tables[i] : tables[i][dtype == AG_F64];
}

const ag_kernels *ag_kernels_get(ag_dtype dtype) {
    const int isa = chosen_isa();
    const bool bf16 = dtype == AG_F32 && __atomic_load_n(&uses_bf16, __ATOMIC_ACQUIRE);
    return bf16 ? bf16_tables[bf16_of(isa)] : tables[isa][dtype == AG_F64];
}
