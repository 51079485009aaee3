// SPDX-License-Identifier: MIT
// The bilinear form of an axis, multiplied out, against the convolution that it stands for: every size,
// kernel, stride and padding up to a few pixels.
#include <math.h>
#include <stdlib.h>

#include "autograd/kernels/axis.h"
#include "tests/kernels/check.h"

static double find(const ag_axis_rows *matrix, int64_t row, int64_t at) {
    for (int32_t t = matrix->start[row]; t < matrix->start[row + 1]; t++)
        if (matrix->term[t].at == at) return matrix->term[t].factor;
    return 0;
}

// What y[i] takes of x[j] w[tap]
static double weight_of(const ag_axis *axis, int64_t i, int64_t j, int64_t tap) {
    double sum = 0;
    for (int f = 0; f < axis->filters; f++)
        for (int32_t p = axis->first[f]; p < axis->first[f + 1]; p++)
            sum += find(&axis->at_y, i, p) * find(&axis->x, p, j) * axis->filter[f][tap];
    return sum;
}

static void check_transposes(const check *c, const ag_axis_shape *s, const ag_axis *axis) {
    for (int32_t p = 0; p < axis->first[axis->filters]; p++) {
        for (int64_t j = 0; j < s->x; j++)
            if (find(&axis->x, p, j) != find(&axis->at_x, j, p))
                check_fail(c, "x and at_x of an axis differ");
        for (int64_t i = 0; i < s->y; i++)
            if (find(&axis->y, p, i) != find(&axis->at_y, i, p))
                check_fail(c, "y and at_y of an axis differ");
    }
}

// Finite points of the phase with the most; a phase of one tap is a product for each output and needs none.
static int most_points(const ag_axis_shape *s) {
    int most = 0;
    for (int64_t phase = 0; phase < s->stride; phase++) {
        int taps = 0;
        for (int64_t tap = phase; tap < s->k; tap += s->stride) taps++;
        const int outputs = taps == 3 ? s->tile : 3, points = taps > 1 ? outputs + taps - 2 : 0;
        most = points > most ? points : most;
    }
    return most;
}

static void check_shape(const check *c, const ag_axis_shape *s) {
    ag_axis axis;
    buffer memory = check_bytes(c, ag_axis_bytes(s));
    ag_axis_build(s, &axis, memory.data);
    if (axis.points != most_points(s))
        check_fail(c, "axis of kernel %d, stride %d, tile %d: %d points, not %d", (int)s->k, (int)s->stride,
                   s->tile, axis.points, most_points(s));
    check_transposes(c, s, &axis);
    for (int64_t i = 0; i < s->y; i++)
        for (int64_t j = 0; j < s->x; j++)
            for (int64_t tap = 0; tap < s->k; tap++) {
                const double want = i * s->stride + tap - s->pad == j, got = weight_of(&axis, i, j, tap);
                if (!check_near(got, want, 1e-14))
                    check_fail(c,
                               "axis of %d pixels, kernel %d, stride %d, padding %d, tile %d: y[%d] takes %g "
                               "x[%d] w[%d], not %g",
                               (int)s->x, (int)s->k, (int)s->stride, (int)s->pad, s->tile, (int)i, got,
                               (int)j, (int)tap, want);
            }
    check_release(c, &memory, "the matrices of an axis");
}

// Fewer products than taps inside the image, or the form is of no use.
static void check_products(const check *c, ag_axis_shape s, int products) {
    ag_axis axis;
    ag_axis_describe(&s, &axis);
    if (axis.first[axis.filters] != products)
        check_fail(c, "axis of %d pixels, kernel %d, stride %d: %d products, not %d", (int)s.x, (int)s.k,
                   (int)s.stride, (int)axis.first[axis.filters], products);
}

void check_axis(const check *c) {
    for (int tile = 2; tile <= AG_AXIS_TILE; tile += 2)
        for (int64_t k = 1; k <= AG_AXIS_TAPS; k++)
            for (int64_t stride = 1; stride <= 3; stride++)
                for (int64_t x = 1; x < 16; x += 1 + x % 3)
                    for (int64_t pad = 0; pad <= k; pad++) {
                        const int64_t room = x + 2 * pad - k;
                        const ag_axis_shape s = {x, room / stride + 1, k, stride, pad, tile};
                        if (room >= 0 && ag_axis_possible(&s)) check_shape(c, &s);
                    }
    check_products(c, (ag_axis_shape){14, 14, 3, 1, 1, 4}, 22);  // of 40
    check_products(c, (ag_axis_shape){14, 14, 3, 1, 1, 2}, 28);
    check_products(c, (ag_axis_shape){14, 7, 3, 2, 0, 4}, 16);  // of 20
}
