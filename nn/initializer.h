// SPDX-License-Identifier: MIT
// Initializers: what a parameter starts from. Keras's formulas (keras/initializers): fan_in = receptive field
// * shape[-2], fan_out = receptive field * shape[-1] (for a transposed kernel [kh,kw,out,in] the fan_in is
// thus of the *output* channels); normals of the fan family are truncated at 2 sigma and have sigma =
// sqrt(scale / fan) / 0.87962566103423978.
#pragma once

#include "autograd/parameter.h"
#include "autograd/random.h"

typedef struct nn_initializer_kind nn_initializer_kind;

typedef struct nn_initializer {
    const nn_initializer_kind *kind;  // NULL: the layer's default
    double a, b;                      // constant: value; normal: mean, sigma; uniform: low, high
} nn_initializer;

struct nn_initializer_kind {
    const char *name;
    // Fills n values of a parameter of that shape from the stream.
    void (*fill)(const nn_initializer *initializer, ag_shape shape, ag_stream stream, ag_dtype dtype,
                 void *values);
};

AG_API extern const nn_initializer_kind nn_initializer_zeros, nn_initializer_ones, nn_initializer_constant,
    nn_initializer_normal, nn_initializer_uniform, nn_initializer_he_normal, nn_initializer_he_uniform,
    nn_initializer_glorot_normal, nn_initializer_glorot_uniform;

#define nn_zeros ((nn_initializer){&nn_initializer_zeros, 0, 0})
#define nn_ones ((nn_initializer){&nn_initializer_ones, 0, 0})
#define nn_constant(value) ((nn_initializer){&nn_initializer_constant, value, 0})
#define nn_normal(mean, sigma) ((nn_initializer){&nn_initializer_normal, mean, sigma})
#define nn_uniform(low, high) ((nn_initializer){&nn_initializer_uniform, low, high})
#define nn_he_normal ((nn_initializer){&nn_initializer_he_normal, 0, 0})    // scale 2, fan_in
#define nn_he_uniform ((nn_initializer){&nn_initializer_he_uniform, 0, 0})  // limit sqrt(6 / fan_in)
#define nn_glorot_normal \
    ((nn_initializer){&nn_initializer_glorot_normal, 0, 0})  // scale 1, (fan_in + fan_out) / 2
#define nn_glorot_uniform \
    ((nn_initializer){&nn_initializer_glorot_uniform, 0, 0})  // limit sqrt(6 / (fan_in + fan_out))

// All kinds, for tests and for files that name one; NULL past the end.
AG_API const nn_initializer_kind *nn_initializer_at(int i);

// Keras's compute_fans. Rank 1: fan_in = fan_out = size.
AG_API void nn_fans(ag_shape shape, double *fan_in, double *fan_out);
