// SPDX-License-Identifier: MIT
// Comparing arrays with a tolerance.
#include "tests/support/approx.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

static bool entry_agrees(double actual, double expected, double relative, double floor) {
    if (isnan(actual) || isnan(expected)) return isnan(actual) && isnan(expected);
    if (isinf(actual) || isinf(expected)) return actual == expected;
    return fabs(actual - expected) <= relative * fmax(fabs(expected), floor);
}

static const char *describe(int64_t i, int64_t n, double actual, double expected, double relative,
                            double floor) {
    static _Thread_local char text[320];
    snprintf(text, sizeof text,
             "entry %lld of %lld is %.17g, expected %.17g: difference %.3g, allowed %.3g (%.3g relative, "
             "floor %.3g)",
             (long long)i, (long long)n, actual, expected, fabs(actual - expected),
             relative * fmax(fabs(expected), floor), relative, floor);
    return text;
}

const char *approx_difference(int64_t n, const double *actual, const double *expected, double relative,
                              double floor) {
    for (int64_t i = 0; i < n; i++)
        if (!entry_agrees(actual[i], expected[i], relative, floor))
            return describe(i, n, actual[i], expected[i], relative, floor);
    return NULL;
}

const char *approx_tensor_difference(const ag_tensor *actual, const double *expected, double relative,
                                     double floor) {
    int64_t n = ag_shape_size(actual->shape);
    for (int64_t i = 0; i < n; i++) {
        double wanted = actual->dtype == AG_F32 ? (double)(float)expected[i] : expected[i];
        double value = ag_tensor_get(actual, i);
        if (!entry_agrees(value, wanted, relative, floor))
            return describe(i, n, value, wanted, relative, floor);
    }
    return NULL;
}

double approx_largest(int64_t n, const double *x) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i])) largest = fmax(largest, fabs(x[i]));
    return largest;
}
