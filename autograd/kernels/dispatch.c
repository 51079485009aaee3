// SPDX-License-Identifier: MIT
// Chooses the tables of kernels: the best instruction set that the processor and the system support, or at
// most the one that AG_ISA names (../environment.c refuses an unknown one).
#include <stdlib.h>
#include <string.h>

#include "autograd/kernel.h"

#ifdef __x86_64__
#define EACH_ISA(f) f(scalar) f(baseline) f(avx2) f(avx512)
#define EACH_BF16(f) f(scalar) f(avx2) f(avx512)
#define SUPPORTS(feature) __builtin_cpu_supports(feature)
#else
#define EACH_ISA(f) f(scalar) f(baseline)
#define EACH_BF16(f) f(scalar)
#define SUPPORTS(feature) false
#endif

#define DECLARE(isa) extern const ag_kernels ag_##isa##_f32_table, ag_##isa##_f64_table;
#define DECLARE_BF16(isa) extern const ag_kernels ag_##isa##_bf16_table;
EACH_ISA(DECLARE)
EACH_BF16(DECLARE_BF16)

// From the plainest to the best; each one's processors run all before it. A processor is asked for what
// the flags in meson.build let the compiler use: -mavx512bf16 stands for avx512bw too.
enum { BASELINE = 1, AVX2, AVX512 };
#define ROW(isa) {&ag_##isa##_f32_table, &ag_##isa##_f64_table},
static const ag_kernels *const tables[][2] = {EACH_ISA(ROW)};
enum { ISA_COUNT = sizeof tables / sizeof *tables };

#define WORD(isa) #isa " "
const char ag_isa_words[] = " " EACH_ISA(WORD);

// Of bf16 products; the last is the one that has an instruction for them.
enum { BF16_EMULATED = 1, BF16_NATIVE };
#define ROW_BF16(isa) &ag_##isa##_bf16_table,
static const ag_kernels *const bf16_tables[] = {EACH_BF16(ROW_BF16)};

static int best(void) {
    const bool avx2 = SUPPORTS("avx2") && SUPPORTS("fma");
    if (!avx2) return BASELINE;
    return SUPPORTS("avx512f") ? AVX512 : AVX2;
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
    if (isa == AVX512 && SUPPORTS("avx512bf16") && SUPPORTS("avx512bw")) return BF16_NATIVE;
    return isa >= AVX2 ? BF16_EMULATED : 0;
}

static _Thread_local bool uses_bf16;

bool ag_kernels_set_bf16(bool on) {
    const char *how = getenv("AG_BF16");
    const bool emulates = how && strcmp(how, "emulate") == 0;
    if (on && !emulates && bf16_of(chosen_isa()) != BF16_NATIVE) return false;
    uses_bf16 = on;
    return true;
}

const ag_kernels *ag_kernels_at(ag_dtype dtype, bool bf16, int i) {
    const int count = (bf16 ? bf16_of(best()) : best()) + 1;
    if (i < 0 || i >= count || (bf16 && dtype != AG_F32)) return NULL;
    return bf16 ? bf16_tables[i] : tables[i][dtype == AG_F64];
}

const ag_kernels *ag_kernels_get(ag_dtype dtype) {
    const int isa = chosen_isa();
    const bool bf16 = dtype == AG_F32 && uses_bf16;
    return bf16 ? bf16_tables[bf16_of(isa)] : tables[isa][dtype == AG_F64];
}
