// SPDX-License-Identifier: MIT
// One axis of a convolution as a bilinear form with fewer products than taps (Winograd 1980; for
// convolutional layers Lavin and Gray 2016, arXiv 1509.09308):
//
//   y[i] = sum over p of Y[p][i] (sum over b of F[p][b] w[b]) (sum over j of X[p][j] x[j])
//
// In Lavin and Gray's y = A^T ((G w) * (B^T x)) these are Y = A, F = G and X = B^T, of all tiles of the axis
// at once. The three serve all passes: the input gradient exchanges X and Y (of stride 1 it is a forward
// pass of the weights backwards), the weight gradient sums products of X x and Y dy and ends with F
// transposed. Two axes together are the products of the rows of one with the rows of the other.
//
// A stride s takes the kernel apart into s phases, the taps b = phase, phase + s, ..: each is a convolution
// of stride 1 on every s-th pixel. A phase of r taps takes m outputs with m + r - 1 products, by
// interpolation through the points 0, 1, -1 or 0, 11/16, -11/16, 3/2, -3/2, and infinity.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autograd/kernel.h"

#define AG_AXIS_TAPS 6
#define AG_AXIS_FILTERS 12
#define AG_AXIS_TILE 4  // outputs that a phase takes at once, at most

typedef struct ag_axis_shape {
    int64_t x, y;  // pixels
    int64_t k, stride, pad;
    int tile;  // outputs of three taps taken at once, at most: 2 or 4
} ag_axis_shape;

static inline ag_axis_shape ag_axis_of(const ag_conv_geometry *g, bool vertical) {
    return vertical ? (ag_axis_shape){g->h, g->oh, g->kh, g->stride, g->pad_top, g->winograd}
                    : (ag_axis_shape){g->w, g->ow, g->kw, g->stride, g->pad_left, g->winograd};
}

// Whether the axis can be written so: at most three taps in a phase, and not too many of them.
bool ag_axis_possible(const ag_axis_shape *shape);

typedef struct ag_axis_term {
    int32_t at;
    double factor;  // in X and Y exact, in float too: the points are multiples of 1/16
} ag_axis_term;

// A sparse matrix: the terms of row r are term[start[r]] .. term[start[r + 1] - 1], in ascending order.
typedef struct ag_axis_rows {
    int32_t *start;
    ag_axis_term *term;
} ag_axis_rows;

typedef struct ag_axis {
    int taps, filters;
    int points;                                    // finite ones of a phase, at most
    double filter[AG_AXIS_FILTERS][AG_AXIS_TAPS];  // F without its repetitions
    int32_t first[AG_AXIS_FILTERS + 1];            // products of filter f: first[f] .. first[f + 1] - 1
    ag_axis_rows x, y;                             // by product: pixels
    ag_axis_rows at_x, at_y;                       // by pixel: products
} ag_axis;

// Number of products at most, from the sizes alone: those that see nothing of the image count too.
int64_t ag_axis_products(const ag_axis_shape *shape);
int ag_axis_filters(const ag_axis_shape *shape);

// Filters and numbers of products, without matrices.
void ag_axis_describe(const ag_axis_shape *shape, ag_axis *axis);

// All of it, the matrices in `memory` of ag_axis_bytes, 8-byte aligned.
int64_t ag_axis_bytes(const ag_axis_shape *shape);
void ag_axis_build(const ag_axis_shape *shape, ag_axis *axis, void *memory);
