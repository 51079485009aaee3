// SPDX-License-Identifier: MIT
// Numbers in sentences.
#include "nn/number.h"

#include <math.h>
#include <stdio.h>

const char *nn_number_format(double x, char text[NN_NUMBER_TEXT]) {
    if (isnan(x)) return "NaN";
    if (isinf(x)) return x < 0 ? "-infinite" : "infinite";
    snprintf(text, NN_NUMBER_TEXT, "%g", x);
    return text;
}

const char *nn_plural(int64_t n) { return n == 1 ? "" : "s"; }
