// SPDX-License-Identifier: MIT
// Every slot of every table that this processor can run, both
// element types. Prints the first failing case and exits with 1.
//      check_kernels [--best=ISA] [--every=N] [--report] [slot]
// slot: a group below, a row of pointwise.def, or a pass of the convolution. --best: the table that must be
// the one chosen. --every: one convolution of N only and no accuracy, for emulators. --report: the errors of
// Winograd's forms over the direct one's are printed, the largest and the root of the mean square.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernels/check.h"

typedef struct group {
    const char *name;
    void (*run)(const check *c);
    const char *slots;  // other names that run it
    bool multiplies;    // of the slots that a table of bf16 products has for itself
} group;

static const group groups[] = {
    {"pointwise", check_pointwise, "", false},
    {"columns", check_columns, " sum column_sum column_square column_dot ", false},
    {"normalize", check_normalize, " normalize_gradient column_gradient ", false},
    {"matmul", check_matmul, "", true},
    {"adam", check_adam, "", false},
    {"axis", check_axis, "", false},
    {"convolution", check_convolution, " winograd forward input_gradient weight_gradient ", true},
    {"accuracy", check_accuracy, "", true},
};

static bool is_pointwise(const char *slot) {
    return strstr(" "
#define AG_POINTWISE(name, arity, expression) #name " "
#include "autograd/kernels/pointwise.def"
#undef AG_POINTWISE
                  ,
                  slot) != NULL;
}

static bool wanted(const group *g, const char *slot) {
    if (!slot || strcmp(slot, g->name) == 0) return true;
    char word[80];
    snprintf(word, sizeof word, " %s ", slot);
    return strstr(g->slots, word) != NULL || (g->run == check_pointwise && is_pointwise(word));
}

// ag_kernels_get gives the last of the tables, or one before it that AG_ISA names.
static void check_choice(ag_dtype dtype) {
    const ag_kernels *chosen = ag_kernels_get(dtype), *table, *best = NULL;
    const char *name = getenv("AG_ISA");
    for (int i = 0; (table = ag_kernels_at(dtype, false, i)) != NULL; i++)
        if (!best || !name || strcmp(best->isa, name) != 0) best = table;
    if (chosen == best && chosen->dtype == dtype) return;
    fprintf(stderr, "ag_kernels_get chose %s, not %s\n", chosen->isa, best->isa);
    exit(EXIT_FAILURE);
}

// All tables of a kind, with c's options; how many groups ran.
static int check_tables(ag_dtype dtype, bool bf16, check c) {
    int ran = 0;
    c.scalar = ag_kernels_at(dtype, false, 0);
    for (int i = 0; (c.table = ag_kernels_at(dtype, bf16, i)) != NULL; i++) {
        for (size_t k = 0; k < sizeof groups / sizeof *groups; k++) {
            if (!wanted(&groups[k], c.slot) || (bf16 && !groups[k].multiplies)) continue;
            check_running(&c, groups[k].name), groups[k].run(&c), ran++;
        }
    }
    return ran;
}

static void check_best(const char *name) {
    const char *chosen = ag_kernels_get(AG_F32)->isa;
    if (!name || strcmp(chosen, name) == 0) return;
    fprintf(stderr, "ag_kernels_get chose %s, not %s\n", chosen, name);
    exit(EXIT_FAILURE);
}

int main(int argc, char **argv) {
    check c = {.every = 1};
    const char *best = NULL;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--best=", 7) == 0)
            best = argv[i] + 7;
        else if (strcmp(argv[i], "--report") == 0)
            c.report = true;
        else if (sscanf(argv[i], "--every=%d", &c.every) != 1)
            c.slot = argv[i];
    }
    if (c.every < 1) return fprintf(stderr, "--every=%d must be at least 1\n", c.every), 2;
    check_choice(AG_F32), check_choice(AG_F64), check_best(best);
    const int ran =
        check_tables(AG_F32, false, c) + check_tables(AG_F64, false, c) + check_tables(AG_F32, true, c);
    if (ran == 0) return fprintf(stderr, "no slot is named %s\n", c.slot), 2;
    printf("%d groups of checks passed, the best table is %s\n", ran, ag_kernels_get(AG_F32)->isa);
    return 0;
}
