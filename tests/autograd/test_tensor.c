// SPDX-License-Identifier: MIT
// Tensors: zeros at birth, alignment, element access in both types, copies, refusal of invalid shapes.
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "autograd/tensor.h"

Test(tensor, element_types_have_sizes_and_names) {
    cr_expect_eq(ag_dtype_bytes(AG_F32), 4);
    cr_expect_eq(ag_dtype_bytes(AG_F64), 8);
    cr_expect_str_eq(ag_dtype_name(AG_F32), "f32");
    cr_expect_str_eq(ag_dtype_name(AG_F64), "f64");
}

Test(tensor, bytes_of_a_shape_are_counted_and_those_of_an_invalid_one_are_not) {
    cr_expect_eq(ag_shape_bytes(AG_SHAPE(), AG_F64), 8);
    cr_expect_eq(ag_shape_bytes(AG_SHAPE(2, 3), AG_F32), 24);
    cr_expect_eq(ag_shape_bytes(AG_SHAPE(AG_MAX_SIZE), AG_F64), INT64_C(1) << 43);
    cr_expect_eq(ag_shape_bytes(AG_SHAPE(AG_MAX_SIZE, 2), AG_F32), -1);
    cr_expect_eq(ag_shape_bytes(AG_SHAPE(0), AG_F32), -1);
}

Test(tensor, is_born_zero_and_aligned_at_every_rank) {
    static const ag_shape shapes[] = {{0, {0}}, {1, {1}}, {1, {7}}, {3, {2, 3, 5}}, {6, {1, 2, 1, 2, 1, 3}}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
            ag_tensor *tensor = ag_tensor_create(dtype, shapes[s]);
            cr_assert(tensor != NULL, "shape %zu: not created", s);
            cr_expect_eq((uintptr_t)tensor->data % 64, 0, "shape %zu: not aligned", s);
            cr_expect(tensor->dtype == dtype && ag_shape_equal(tensor->shape, shapes[s]));
            for (int64_t i = 0; i < ag_shape_size(shapes[s]); i++) cr_expect(ag_tensor_get(tensor, i) == 0);
            ag_tensor_free(tensor);
        }
}

Test(tensor, values_are_kept_in_the_element_type) {
    ag_tensor *narrow = ag_tensor_create(AG_F32, AG_SHAPE(2, 2)),
              *wide = ag_tensor_create(AG_F64, AG_SHAPE(2, 2));
    for (int64_t i = 0; i < 4; i++) {
        ag_tensor_set(narrow, i, 0.1 * (double)(i + 1));
        ag_tensor_set(wide, i, 0.1 * (double)(i + 1));
    }
    for (int64_t i = 0; i < 4; i++) {
        cr_expect(ag_tensor_get(narrow, i) == (double)(float)(0.1 * (double)(i + 1)));
        cr_expect(((const float *)narrow->data)[i] == (float)(0.1 * (double)(i + 1)));
        cr_expect(ag_tensor_get(wide, i) == 0.1 * (double)(i + 1));
    }
    ag_tensor_free(narrow);
    ag_tensor_free(wide);
}

Test(tensor, a_copy_has_values_of_its_own) {
    ag_tensor *tensor = ag_tensor_create(AG_F32, AG_SHAPE(5));
    ag_tensor_set(tensor, 3, 7);
    ag_tensor *copy = ag_tensor_copy(tensor);
    ag_tensor_set(tensor, 3, 8);
    cr_expect(ag_tensor_get(copy, 3) == 7 && copy->dtype == AG_F32 &&
              ag_shape_equal(copy->shape, AG_SHAPE(5)));
    ag_tensor_free(tensor);
    ag_tensor_free(copy);
}

Test(tensor, invalid_shapes_are_refused_and_null_is_freed) {
    cr_expect_null(ag_tensor_create(AG_F32, AG_SHAPE(0)));
    cr_expect_null(ag_tensor_create(AG_F32, AG_SHAPE(2, -1)));
    cr_expect_null(ag_tensor_create(AG_F64, AG_SHAPE(1ll << 32, 1ll << 32)));
    cr_expect_null(ag_tensor_create(AG_F64, AG_SHAPE(1, 1, 1, 1, 1, 1, 1)));
    ag_tensor_free(NULL);
}
