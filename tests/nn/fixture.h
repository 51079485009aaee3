// SPDX-License-Identifier: MIT
// Models and values for the tests of this room; everything that fails here fails the test by name.
#pragma once

#include "autograd/program.h"
#include "nn/optimizer.h"
#include "tests/support/reference.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

// A sequential model named "m" of one layer, which it takes, with sealed parameters.
nn_model *fixture_model(nn_layer *layer, ag_dtype dtype, ag_shape in);

// Draws all values of a set: parameters in [-2, 2), buffers in [0.25, 2.25), which a variance needs.
void fixture_draw(ag_parameter_set *set, uint64_t seed);

// A parameter's values; fixture_set casts to its element type.
ref_array fixture_get(const ag_parameter *parameter);
void fixture_set(const ag_parameter *parameter, const double *values);

// The values of a set as bytes, to be compared later; the caller frees them.
void *fixture_bytes(ag_parameter_set *set, size_t *out_bytes);
bool fixture_same_bytes(ag_parameter_set *set, const void *bytes);

// Whether two parameters of equal size hold the same bits.
bool fixture_same_values(const ag_parameter *a, const ag_parameter *b);

// [n, shape...].
ag_shape fixture_batch(int64_t n, ag_shape shape);

// A model with one kernel [3,4], and the program of a step whose loss has the input g as its gradient.
typedef struct fixture_trainee {
    nn_model *model;
    ag_parameter *kernel;  // drawn
    nn_optimizer *optimizer;
    ag_tape *tape;
    ag_node *g, *loss;
    nn_update update;
    ag_program *program;
} fixture_trainee;

void fixture_trainee_open(fixture_trainee *t, nn_optimizer_params params, ag_dtype dtype);
void fixture_trainee_close(fixture_trainee *t);

// Runs the step with gradient g; whether it counts is left to nn_optimizer_advance.
void fixture_trainee_step(fixture_trainee *t, const ag_tensor *g);

// Fails unless the sentence contains `part`.
void fixture_expect_sentence(const char *what, const char *sentence, const char *part);
