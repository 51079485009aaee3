// SPDX-License-Identifier: MIT
// Shapes: construction, sizes and their limits, NumPy's broadcasting rule, text.
#include <criterion/criterion.h>
#include <string.h>

#include "autograd/shape.h"

Test(shape, the_macro_counts_its_dimensions) {
    cr_assert_eq(AG_SHAPE().rank, 0);
    ag_shape shape = AG_SHAPE(128, 28, 29, 1);
    cr_assert_eq(shape.rank, 4);
    cr_assert(shape.dim[0] == 128 && shape.dim[1] == 28 && shape.dim[2] == 29 && shape.dim[3] == 1);
    cr_assert(shape.dim[4] == 0 && shape.dim[5] == 0, "dimensions past the rank are not zero");
    cr_assert_eq(AG_SHAPE(1, 2, 3, 4, 5, 6).rank, 6);
}

Test(shape, more_than_six_dimensions_leave_an_invalid_rank) {
    ag_shape shape = AG_SHAPE(1, 1, 1, 1, 1, 1, 1);
    cr_assert_eq(shape.rank, -1);
    cr_assert_eq(ag_shape_size(shape), -1);
}

Test(shape, size_is_the_product_or_minus_one_out_of_range) {
    cr_expect_eq(ag_shape_size(AG_SHAPE()), 1);
    cr_expect_eq(ag_shape_size(AG_SHAPE(7)), 7);
    cr_expect_eq(ag_shape_size(AG_SHAPE(2, 3, 5, 7, 1, 2)), 420);
    cr_expect_eq(ag_shape_size(AG_SHAPE(3, 0)), -1);
    cr_expect_eq(ag_shape_size(AG_SHAPE(-3)), -1);
    cr_expect_eq(ag_shape_size(AG_SHAPE(-3, -2)), -1);
    cr_expect_eq(ag_shape_size(AG_SHAPE(1ll << 40)), 1ll << 40);
    cr_expect_eq(ag_shape_size(AG_SHAPE((1ll << 40) + 1)), -1);
    cr_expect_eq(ag_shape_size(AG_SHAPE(1ll << 20, 1ll << 21)), -1);
    cr_expect_eq(ag_shape_size(AG_SHAPE(1ll << 32, 1ll << 32)), -1);
    cr_expect_eq(ag_shape_size(AG_SHAPE(INT64_MAX, INT64_MAX, INT64_MAX)), -1);
    cr_expect_eq(ag_shape_size(AG_SHAPE(1ll << 31, 1ll << 31, 1ll << 31, 1ll << 31, 1ll << 31, 1ll << 31)),
                 -1);
}

Test(shape, equal_compares_rank_and_dimensions) {
    cr_expect(ag_shape_equal(AG_SHAPE(), AG_SHAPE()));
    cr_expect(ag_shape_equal(AG_SHAPE(2, 3), AG_SHAPE(2, 3)));
    cr_expect(!ag_shape_equal(AG_SHAPE(2, 3), AG_SHAPE(3, 2)));
    cr_expect(!ag_shape_equal(AG_SHAPE(2), AG_SHAPE(2, 1)));
    cr_expect(!ag_shape_equal(AG_SHAPE(), AG_SHAPE(1)));
}

typedef struct broadcast_case {
    ag_shape a, b, joint;
    bool fits;
} broadcast_case;

static const broadcast_case cases[] = {
    {{0, {0}}, {0, {0}}, {0, {0}}, true},
    {{0, {0}}, {2, {3, 4}}, {2, {3, 4}}, true},
    {{1, {4}}, {2, {3, 4}}, {2, {3, 4}}, true},
    {{2, {3, 1}}, {2, {1, 4}}, {2, {3, 4}}, true},
    {{3, {2, 1, 4}}, {2, {3, 1}}, {3, {2, 3, 4}}, true},
    {{6, {1, 2, 1, 2, 1, 2}}, {6, {3, 1, 3, 1, 3, 1}}, {6, {3, 2, 3, 2, 3, 2}}, true},
    {{1, {1}}, {0, {0}}, {1, {1}}, true},
    {{1, {3}}, {1, {4}}, {0, {0}}, false},
    {{2, {3, 4}}, {1, {3}}, {0, {0}}, false},
    {{3, {2, 3, 4}}, {3, {2, 2, 4}}, {0, {0}}, false},
};

static void expect_broadcast(ag_shape a, ag_shape b, const broadcast_case *c) {
    char text[2][AG_SHAPE_TEXT];
    ag_shape_format(a, text[0]);
    ag_shape_format(b, text[1]);
    ag_shape out = AG_SHAPE(99);
    cr_expect_eq(ag_shape_broadcast(a, b, &out), c->fits, "%s with %s", text[0], text[1]);
    if (c->fits) cr_expect(ag_shape_equal(out, c->joint), "%s with %s gives another shape", text[0], text[1]);
    if (!c->fits)
        cr_expect(ag_shape_equal(out, AG_SHAPE(99)), "%s with %s: touched on failure", text[0], text[1]);
}

Test(shape, broadcasting_follows_numpy_in_both_orders) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_broadcast(cases[i].a, cases[i].b, &cases[i]);
        expect_broadcast(cases[i].b, cases[i].a, &cases[i]);
    }
}

Test(shape, text_lists_the_dimensions_and_fits_its_buffer) {
    char text[AG_SHAPE_TEXT];
    cr_expect_str_eq(ag_shape_format(AG_SHAPE(128, 14, 14, 64), text), "[128,14,14,64]");
    cr_expect_str_eq(ag_shape_format(AG_SHAPE(), text), "[]");
    cr_expect_str_eq(ag_shape_format(AG_SHAPE(5), text), "[5]");
    ag_shape longest = AG_SHAPE(INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN);
    cr_expect(strlen(ag_shape_format(longest, text)) < AG_SHAPE_TEXT);
    cr_expect(strlen(ag_shape_format(AG_SHAPE(1, 1, 1, 1, 1, 1, 1), text)) < AG_SHAPE_TEXT);
}
