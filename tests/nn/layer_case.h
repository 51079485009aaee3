// SPDX-License-Identifier: MIT
// One row per layer and situation: how to make it, at which shapes, in which mode, and what it must compute.
// test_layers.c puts every row through the same proofs.
#pragma once

#include "tests/nn/fixture.h"

typedef struct layer_case layer_case;
struct layer_case {
    const char *kind;  // of nn/layers/
    nn_layer *(*make)(void);
    int64_t n;
    ag_shape in, out;  // without the batch axis
    nn_mode mode;
    // y from x and the layer's parameters in order of declaration.
    void (*reference)(const layer_case *row, const ref_array *x, const ref_array *parameters, ref_array *y);
    ref_window window;            // convolutions
    double (*formula)(double x);  // activations
};

// Row i; NULL past the end.
const layer_case *layer_case_at(int i);

// A layer that its build must refuse, and what the sentence says.
typedef struct layer_refusal {
    const char *kind;
    nn_layer *(*make)(void);
    ag_shape in;
    ag_status status;
    const char *sentence;
} layer_refusal;

const layer_refusal *layer_refusal_at(int i);
