// SPDX-License-Identifier: MIT
// Line charts over epochs, as PNG and SVG.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "autograd/check.h"

#define CHART_LINES 2

typedef struct chart_line {
    const char *name;
    const double *first;  // value of epoch 0
    size_t stride;        // bytes from one epoch's value to the next
} chart_line;

typedef struct chart {
    const char *title;
    double low, high;  // of the vertical axis; equal: chosen from the values, 0 included
    int64_t n;         // epochs, at least 1
    int n_lines;
    chart_line lines[CHART_LINES];
} chart;

// Both files are replaced atomically. One chart gives the same bytes on one system; the fonts are the
// system's.
bool chart_save(const chart *c, const char *png, const char *svg, ag_error *error);
