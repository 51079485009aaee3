// SPDX-License-Identifier: MIT
// Parameter sets: names, one flat aligned array, sealing, and the state that mirrors a set.
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "autograd/parameter.h"
#include "autograd/tape.h"

static ag_parameter_set *three_of(ag_dtype dtype, ag_parameter *out[3]) {
    ag_parameter_set *set = ag_parameter_set_create("net", dtype);
    ag_error error = {0};
    out[0] = ag_parameter_add(set, "kernel", AG_SHAPE(3, 3, 1, 5), AG_PARAMETER, &error);
    out[1] = ag_parameter_add(set, "moving_mean", AG_SHAPE(5), AG_BUFFER, &error);
    out[2] = ag_parameter_add(set, "bias", AG_SHAPE(), AG_PARAMETER, &error);
    cr_assert(out[0] && out[1] && out[2], "%s", error.text);
    return set;
}

Test(parameter, is_declared_with_its_kind_shape_and_owner) {
    ag_parameter *p[3];
    ag_parameter_set *set = three_of(AG_F32, p);
    cr_expect_str_eq(ag_parameter_set_name(set), "net");
    cr_expect_eq(ag_parameter_set_dtype(set), AG_F32);
    cr_expect_eq(ag_parameter_set_count(set), 3);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(ag_parameter_set_at(set, i), p[i]);
        cr_expect_eq(ag_parameter_set_find(set, p[i]->name), p[i]);
        cr_expect_eq(p[i]->set, set);
        cr_expect_eq(p[i]->size, ag_shape_size(p[i]->shape));
    }
    cr_expect_null(ag_parameter_set_find(set, "beta"));
    cr_expect(p[0]->kind == AG_PARAMETER && p[0]->trainable);
    cr_expect(p[1]->kind == AG_BUFFER && !p[1]->trainable, "a buffer is trainable");
    ag_parameter_set_free(set);
}

Test(parameter, addresses_stay_while_hundreds_are_added) {
    ag_parameter_set *set = ag_parameter_set_create("many", AG_F32);
    ag_parameter *first = ag_parameter_add(set, "first", AG_SHAPE(1), AG_PARAMETER, NULL);
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "p%d", i);
        cr_assert_not_null(ag_parameter_add(set, name, AG_SHAPE(1 + i % 5), AG_PARAMETER, NULL));
    }
    cr_expect_eq(ag_parameter_set_at(set, 0), first);
    cr_expect_str_eq(first->name, "first");
    cr_expect_str_eq(ag_parameter_set_find(set, "p499")->name, "p499");
    ag_parameter_set_free(set);
}

Test(parameter, values_lie_in_one_flat_aligned_array_that_starts_at_zero) {
    for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
        ag_parameter *p[3];
        ag_parameter_set *set = three_of(dtype, p);
        cr_assert(ag_parameter_set_seal(set, NULL));
        int64_t size = 0;
        char *flat = ag_parameter_set_values(set, &size);
        cr_assert_not_null(flat);
        cr_expect_eq((uintptr_t)flat % 64, 0);
        for (int i = 0; i < 3; i++) {
            cr_expect_eq(p[i]->offset % 16, 0, "%s lies at %lld", p[i]->name, (long long)p[i]->offset);
            cr_expect_eq((char *)ag_parameter_values(p[i]),
                         flat + (size_t)p[i]->offset * ag_dtype_bytes(dtype));
            cr_expect(p[i]->offset + p[i]->size <= size, "%s leaves the array", p[i]->name);
            if (i) cr_expect(p[i]->offset >= p[i - 1]->offset + p[i - 1]->size, "%s overlaps", p[i]->name);
        }
        for (size_t byte = 0; byte < (size_t)size * ag_dtype_bytes(dtype); byte++)
            cr_assert_eq(flat[byte], 0);
        ag_parameter_set_free(set);
    }
}

static void expect_refusal(ag_parameter_set *set, const char *name, ag_shape shape, const char *word) {
    ag_error error = {0};
    cr_expect_null(ag_parameter_add(set, name, shape, AG_PARAMETER, &error), "%s is accepted", name);
    cr_expect_neq(error.status, AG_OK);
    cr_expect(strstr(error.text, name) && strstr(error.text, word), "the message lacks \"%s\" or \"%s\": %s",
              name, word, error.text);
}

Test(parameter, bad_declarations_are_refused_by_name_and_change_nothing) {
    ag_parameter *p[3];
    ag_parameter_set *set = three_of(AG_F32, p);
    expect_refusal(set, "kernel", AG_SHAPE(2), "net");
    expect_refusal(set, "empty", AG_SHAPE(3, 0), "[3,0]");
    expect_refusal(set, "deep", AG_SHAPE(1, 1, 1, 1, 1, 1, 1), "");
    cr_expect_eq(ag_parameter_set_count(set), 3);
    cr_assert(ag_parameter_set_seal(set, NULL));
    expect_refusal(set, "late", AG_SHAPE(2), "sealed");
    cr_expect(ag_parameter_set_seal(set, NULL), "sealing twice fails");
    cr_expect_eq(ag_parameter_set_count(set), 3);
    ag_parameter_set_free(set);
    ag_parameter_set_free(NULL);
}

Test(parameter, an_error_may_be_null) {
    ag_parameter *p[3];
    ag_parameter_set *set = three_of(AG_F32, p);
    cr_expect_null(ag_parameter_add(set, "bias", AG_SHAPE(2), AG_PARAMETER, NULL));
    ag_parameter_set_free(set);
}

Test(parameter, optimizer_state_mirrors_the_parameters_at_their_offsets) {
    ag_parameter *p[3];
    ag_parameter_set *set = three_of(AG_F64, p);
    cr_assert(ag_parameter_set_seal(set, NULL));
    ag_error error = {0};
    ag_parameter_set *state = ag_parameter_set_like(set, "adam_m", &error);
    cr_assert(state != NULL, "%s", error.text);
    cr_expect_eq(ag_parameter_set_count(state), 2, "buffers are mirrored too");
    ag_parameter *kernel = ag_parameter_set_find(state, "adam_m/kernel"),
                 *bias = ag_parameter_set_find(state, "adam_m/bias");
    cr_assert(kernel && bias, "the names lack the prefix");
    cr_expect(kernel->kind == AG_BUFFER && kernel->offset == p[0]->offset && bias->offset == p[2]->offset);
    cr_expect(ag_shape_equal(kernel->shape, p[0]->shape) && ag_shape_equal(bias->shape, p[2]->shape));
    cr_assert(ag_parameter_set_seal(state, &error), "%s", error.text);
    cr_expect_eq(ag_parameter_set_dtype(state), AG_F64);
    cr_expect_neq(ag_parameter_values(kernel), ag_parameter_values(p[0]));
    ag_parameter_set_free(state);
    ag_parameter_set_free(set);
}

Test(parameter, names_of_any_length_are_kept_in_states_and_labels) {
    char name[400] = {0};
    memset(name, 'n', sizeof name - 1);
    ag_error error = {0};
    ag_parameter_set *set = ag_parameter_set_create(name, AG_F32);
    ag_parameter *parameter = ag_parameter_add(set, name, AG_SHAPE(2), AG_PARAMETER, &error);
    ag_parameter_set *state = ag_parameter_set_like(set, name, &error);
    cr_assert(parameter && state, "%s", error.text);
    char joined[2 * sizeof name] = {0};
    snprintf(joined, sizeof joined, "%s/%s", name, name);
    cr_assert_str_eq(ag_parameter_set_at(state, 0)->name, joined);
    ag_tape *tape = ag_tape_create("long", AG_F32);
    cr_assert_str_eq(ag_node_label(ag_read(tape, parameter)), joined);
    ag_tape_free(tape);
    ag_parameter_set_free(state);
    ag_parameter_set_free(set);
}

Test(parameter, a_set_holds_so_many_values_that_their_bytes_can_be_counted) {
    ag_error error = {0};
    ag_parameter_set *set = ag_parameter_set_create("huge", AG_F64);
    cr_assert(ag_parameter_add(set, "a", AG_SHAPE(AG_MAX_SIZE / 2), AG_PARAMETER, &error));
    cr_assert(ag_parameter_add(set, "b", AG_SHAPE(AG_MAX_SIZE / 2), AG_PARAMETER, &error));
    cr_assert_null(ag_parameter_add(set, "c", AG_SHAPE(1), AG_PARAMETER, &error));
    cr_assert(strstr(error.text, "huge/c") && strstr(error.text, "1099511627776"), "%s", error.text);
    ag_parameter_set_free(set);
}
