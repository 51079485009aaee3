// SPDX-License-Identifier: MIT
// A model's own fields, for the files of this room that walk it.
#pragma once

#include "nn/model.h"

#define NN_CHAIN_PARTS 8

struct nn_model {
    char *name;
    ag_dtype dtype;
    ag_shape in, out;  // without the batch axis
    // Sequential: layers over one set. Chain: no set, no layers, but borrowed parts.
    ag_parameter_set *set;
    int n_layers;
    nn_layer **layers;
    int n_parts;
    nn_model *parts[NN_CHAIN_PARTS];
};

// Whether a model may have the name; it is part of the names of tensors and tapes, whose buffers it thus
// bounds.
#define NN_NAME_LIMIT 64
bool nn_model_check_name(const char *name, ag_error *error);

// Whether the shape, with a batch axis before it, is one that nodes may have.
bool nn_shape_is_valid(ag_shape shape);
