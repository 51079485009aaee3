// SPDX-License-Identifier: MIT
// Numbers in sentences (private).
#pragma once

#include <stdint.h>

#define NN_NUMBER_TEXT 32

// "%g"; "NaN", "infinite" or "-infinite" for what is no finite number, whatever printf would make of it. May
// use text; the result lives as long.
const char *nn_number_format(double x, char text[NN_NUMBER_TEXT]);

// What a counted word ends with: "" for 1, "s" otherwise.
const char *nn_plural(int64_t n);
