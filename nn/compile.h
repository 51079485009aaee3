// SPDX-License-Identifier: MIT
// Keras's compile and train_on_batch: sugar over record, gradient, optimizer, program.
#pragma once

#include "nn/loss.h"
#include "nn/optimizer.h"

typedef struct nn_program nn_program;

// A training step of the model (a chain trains those of its parts' parameters that are trainable): snapshots
// the trainable set as it is now. Changing `trainable` later does not change it; compiling again does. Batch
// sizes are recorded when first used and cached; they share one optimizer state. The model must outlive it.
// The caller frees it. NULL, with *error filled, when nothing is trainable or an option is out of its range.
AG_API nn_program *nn_compile(nn_model *model, nn_loss loss, nn_optimizer_params optimizer, ag_error *error);
AG_API void nn_program_free(nn_program *program);

// Seed of the program's random numbers (dropout); 0 until set.
AG_API void nn_program_set_seed(nn_program *program, uint64_t seed);

// One step on a batch: x [n, input...], y [n, output...]. *out_loss is the loss before the step. Layers are
// in training mode.
AG_API bool nn_train_on_batch(nn_program *program, const void *x, const void *y, int64_t n, double *out_loss,
                              ag_error *error);

// The loss on a batch, layers in inference mode, nothing changed.
AG_API bool nn_test_on_batch(nn_program *program, const void *x, const void *y, int64_t n, double *out_loss,
                             ag_error *error);

// The planned step for batch n (recorded if need be), to print its plan. Owned by the nn_program.
AG_API const ag_program *nn_program_plan(nn_program *program, int64_t n, ag_error *error);

// out [n, output...] := model(x), inference mode, in chunks of one fixed size, the last one filled up with
// zeros: a row's bits do not depend on n, nor on ag_precision_set: products are in f32. `workspace` NULL: one
// of its own. The model and the workspace must outlive it; the caller frees it. A run that fails has written
// the chunks before it.
typedef struct nn_predictor nn_predictor;
AG_API nn_predictor *nn_predictor_create(nn_model *model, int64_t chunk, ag_workspace *workspace,
                                         ag_error *error);
AG_API bool nn_predict(nn_predictor *predictor, const void *x, int64_t n, void *out, ag_error *error);
AG_API void nn_predictor_free(nn_predictor *predictor);
