// SPDX-License-Identifier: MIT
// Every row of every op file through the same proofs: a Criterion suite for each file of autograd/ops/, taken
// from the build's own list, so that a file without rows fails by its name.
#include <criterion/criterion.h>
#include <string.h>

#include "tests/autograd/op_proofs.h"

// Runs the proof on the rows of one file; a file must have rows.
static void prove_file(const char *file, void (*prove)(const op_case *row)) {
    int n = 0;
    for (int i = 0; op_case_at(i); i++)
        if (strcmp(op_case_at(i)->file, file) == 0) {
            n++;
            if (!op_case_at(i)->check) prove(op_case_at(i));
        }
    cr_assert(n > 0, "autograd/ops/%s.c has no row in tests/autograd/op_cases*.c", file);
}

static void prove_own_checks(const char *file) {
    for (int i = 0; op_case_at(i); i++)
        if (op_case_at(i)->check && strcmp(op_case_at(i)->file, file) == 0) op_case_at(i)->check();
}

#define AG_OP_FILE(file)                                                                             \
    Test(file, computes_what_the_formula_says) { prove_file(#file, op_prove_forward); }              \
    Test(file, passes_special_values_on_to_the_right_entries) {                                      \
        prove_file(#file, op_prove_special_values);                                                  \
    }                                                                                                \
    Test(file, is_linear_where_it_says_so) { prove_file(#file, op_prove_linearity); }                \
    Test(file, has_the_adjoint_as_its_vjp_where_linear) { prove_file(#file, op_prove_adjointness); } \
    Test(file, has_the_gradient_of_finite_differences) { prove_file(#file, op_prove_gradient); }     \
    Test(file, has_the_second_derivative_of_finite_differences) {                                    \
        prove_file(#file, op_prove_second_order);                                                    \
    }                                                                                                \
    Test(file, passes_the_checks_of_its_own) { prove_own_checks(#file); }
#include "autograd/op_list.def"
