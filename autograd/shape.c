// SPDX-License-Identifier: MIT
// Shape arithmetic.
#include "autograd/shape.h"

#include <inttypes.h>
#include <stdio.h>

ag_shape ag_shape_of(int rank, const int64_t *dims) {
    if (rank > AG_MAX_RANK) return (ag_shape){.rank = -1};
    ag_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++) shape.dim[i] = dims[i];
    return shape;
}

static bool is_rank(int rank) { return rank >= 0 && rank <= AG_MAX_RANK; }

int64_t ag_shape_size(ag_shape shape) {
    if (!is_rank(shape.rank)) return -1;
    int64_t size = 1;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] <= 0 || __builtin_mul_overflow(size, shape.dim[i], &size) || size > AG_MAX_SIZE)
            return -1;
    }
    return size;
}

bool ag_shape_equal(ag_shape a, ag_shape b) {
    if (a.rank != b.rank || !is_rank(a.rank)) return false;
    for (int i = 0; i < a.rank; i++) {
        if (a.dim[i] != b.dim[i]) return false;
    }
    return true;
}

static int64_t dim_from_end(ag_shape shape, int i) {
    return i < shape.rank ? shape.dim[shape.rank - 1 - i] : 1;
}

bool ag_shape_broadcast(ag_shape a, ag_shape b, ag_shape *out) {
    if (!is_rank(a.rank) || !is_rank(b.rank)) return false;
    ag_shape shape = {.rank = a.rank > b.rank ? a.rank : b.rank};
    for (int i = 0; i < shape.rank; i++) {
        const int64_t p = dim_from_end(a, i), q = dim_from_end(b, i);
        if (p != q && p != 1 && q != 1) return false;
        shape.dim[shape.rank - 1 - i] = p == 1 ? q : p;
    }
    *out = shape;
    return true;
}

char *ag_shape_format(ag_shape shape, char *text) {
    if (!is_rank(shape.rank)) {
        snprintf(text, AG_SHAPE_TEXT, "(rank %d)", shape.rank);
        return text;
    }
    int used = snprintf(text, AG_SHAPE_TEXT, "[");
    for (int i = 0; i < shape.rank; i++)
        used +=
            snprintf(text + used, (size_t)(AG_SHAPE_TEXT - used), "%s%" PRId64, i ? "," : "", shape.dim[i]);
    snprintf(text + used, (size_t)(AG_SHAPE_TEXT - used), "]");
    return text;
}
