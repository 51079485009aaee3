// SPDX-License-Identifier: MIT
// Every descriptor of the registry has a row in the op tests, and every row names a descriptor.
#include <criterion/criterion.h>
#include <string.h>

#include "autograd/op_table.h"
#include "tests/autograd/op_case.h"

static bool has_row(const char *op) {
    for (int i = 0; op_case_at(i); i++)
        if (strcmp(op_case_at(i)->op, op) == 0) return true;
    return false;
}

static bool has_descriptor(const char *op) {
    for (int i = 0; ag_op_at(i); i++)
        if (strcmp(ag_op_at(i)->name, op) == 0) return true;
    return false;
}

Test(op_registry, every_op_has_a_row) {
    cr_assert(ag_op_at(0) != NULL, "the registry is empty");
    for (int i = 0; ag_op_at(i); i++)
        cr_expect(has_row(ag_op_at(i)->name), "op %s has no row in tests/autograd/op_cases*.c",
                  ag_op_at(i)->name);
}

Test(op_registry, every_row_names_an_op) {
    for (int i = 0; op_case_at(i); i++)
        cr_expect(has_descriptor(op_case_at(i)->op), "the row %s names no op of the registry",
                  op_case_at(i)->op);
}

Test(op_registry, no_two_ops_share_a_name) {
    for (int i = 0; ag_op_at(i); i++)
        for (int k = 0; k < i; k++)
            cr_expect(strcmp(ag_op_at(i)->name, ag_op_at(k)->name) != 0, "two ops are called %s",
                      ag_op_at(i)->name);
}

Test(op_registry, every_differentiable_op_is_put_through_finite_differences) {
    for (int i = 0; op_case_at(i); i++) {
        const op_case *row = op_case_at(i);
        bool small = row->check != NULL;
        for (int k = 0; k < row->n_configs; k++) small |= !row->configs[k].large;
        cr_expect(small, "the row %s has no configuration small enough for finite differences", row->op);
        cr_expect(row->check || row->f32_bound > 0, "the row %s states no f32 bound", row->op);
    }
}
