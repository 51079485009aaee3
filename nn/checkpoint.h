// SPDX-License-Identifier: MIT
// What a model file contains: parameter sets as tensors "SET/PARAMETER", an optimizer's state among them as
// "MODEL.m/PARAMETER", single tensors, and text entries.
// Built up, then written in one atomic step (file.h) in the format of the path (format.h).
#pragma once

#include "autograd/parameter.h"
#include "nn/format.h"
#include "nn/model.h"
#include "nn/optimizer.h"

typedef struct nn_checkpoint nn_checkpoint;

// Empty. NULL when memory runs out. The caller frees it.
AG_API nn_checkpoint *nn_checkpoint_create(void);
AG_API void nn_checkpoint_free(nn_checkpoint *checkpoint);

// Values are borrowed until the checkpoint is saved; names and text are copied. AG_STATUS_DIVERGED when a
// value is NaN or infinite: a broken model never replaces a good file.
AG_API bool nn_checkpoint_add_set(nn_checkpoint *checkpoint, ag_parameter_set *set, ag_error *error);
AG_API bool nn_checkpoint_add_optimizer(nn_checkpoint *checkpoint, const nn_optimizer *optimizer,
                                        ag_error *error);
AG_API bool nn_checkpoint_add(nn_checkpoint *checkpoint, const char *name, ag_dtype dtype, ag_shape shape,
                              const void *values, ag_error *error);
AG_API bool nn_checkpoint_add_text(nn_checkpoint *checkpoint, const char *key, const char *text,
                                   ag_error *error);

AG_API bool nn_checkpoint_save(const nn_checkpoint *checkpoint, const char *path, ag_error *error);

// Whether a loaded file holds the tensor with this type and shape, F32 or F64, and every value is finite and
// at least `least`; AG_STATUS_MODEL otherwise, naming file, tensor and value. The next three do this for
// every tensor of the set, of any value, of a sequential model, whose layers know what is never negative, and
// of an optimizer's state, whose kind knows it. They seal the sets, so that reading them afterwards cannot
// fail: check all before reading the first, and a file of another architecture, or of a broken model, changes
// nothing.
AG_API bool nn_checkpoint_check(const nn_format_content *content, const char *name, nn_format_dtype dtype,
                                ag_shape shape, double least, ag_error *error);
AG_API bool nn_checkpoint_check_set(const nn_format_content *content, ag_parameter_set *set, ag_error *error);
AG_API bool nn_checkpoint_check_model(const nn_format_content *content, const nn_model *model,
                                      ag_error *error);
AG_API bool nn_checkpoint_check_optimizer(const nn_format_content *content, const nn_optimizer *optimizer,
                                          ag_error *error);
AG_API bool nn_checkpoint_read_set(const nn_format_content *content, ag_parameter_set *set, ag_error *error);
AG_API bool nn_checkpoint_read_optimizer(const nn_format_content *content, const nn_optimizer *optimizer,
                                         ag_error *error);
