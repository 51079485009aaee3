// SPDX-License-Identifier: MIT
// CONTRACT of a layer: what a file in layers/ provides. A layer declares its parameters once (build) and
// records its forward pass on any tape (apply). To add one: copy the smallest sibling in layers/, add its
// name to layer_names in meson.build, its constructor to layers.h and its row to tests/nn/layer_cases.c.
#pragma once

#include "autograd/ops.h"
#include "nn/initializer.h"

#define NN_LAYER_PARAMETERS 4

// How a model is applied. Freezing parameters (ag_freeze, `trainable`) is a third switch, independent of
// these.
typedef struct nn_mode {
    bool batch_statistics;   // BatchNorm normalises with the batch's moments instead of the moving ones
    bool update_statistics;  // ... and records the update of the moving ones (with batch_statistics only)
    bool dropout;            // dropout drops
} nn_mode;

#define NN_TRAIN ((nn_mode){.batch_statistics = true, .update_statistics = true, .dropout = true})
#define NN_INFER ((nn_mode){0})

typedef struct nn_layer nn_layer;

typedef struct nn_layer_kind {
    const char *name;  // "conv2d"
    // Sets layer->out from layer->in (shapes without the batch axis) and declares parameters with
    // nn_layer_declare. False, with *error filled, when the layer cannot take that input. NULL: out = in.
    bool (*build)(nn_layer *layer, ag_error *error);
    // x [N, in...] -> y [N, out...].
    ag_node *(*apply)(const nn_layer *layer, ag_node *x, nn_mode mode);
} nn_layer_kind;

struct nn_layer {
    const nn_layer_kind *kind;
    void *params;           // the layer's own params struct, copied; owned
    char *name;             // unique in its model: "conv2d", "conv2d_1"; owned
    ag_parameter_set *set;  // its model's; NULL until a model has taken it
    ag_shape in, out;       // without the batch axis
    int n_parameters;
    ag_parameter *parameters[NN_LAYER_PARAMETERS];
    nn_initializer initializers[NN_LAYER_PARAMETERS];
    unsigned
        nonnegative;  // bit i, set by build: parameter i has no value below 0; files that say so are refused
};

// A layer not yet in a model, with a copy of its params. The model that takes it owns it. NULL when memory
// runs out, or after telling the handler when the kind lacks a name or apply.
AG_API nn_layer *nn_layer_create(const nn_layer_kind *kind, const void *params, size_t params_bytes);
AG_API void nn_layer_free(nn_layer *layer);

// Declares the layer's next parameter or buffer, "LAYER/NAME", with the initializer it starts from; for
// build, which runs when the layer is in its model. Owned by the model's set. NULL, with *error filled, when
// there is one too many, the name is taken or too long, or shape or initializer are not valid.
AG_API ag_parameter *nn_layer_declare(nn_layer *layer, const char *name, ag_shape shape,
                                      ag_parameter_kind kind, nn_initializer initializer, ag_error *error);

// Fills *error with "layer MODEL/LAYER: sentence"; false. What build returns when an option is out of its
// range (AG_STATUS_USAGE) or the input does not fit (AG_STATUS_CONTRACT).
#define nn_layer_fail(layer, error, status, ...) \
    nn_layer_fail_at(layer, error, status, __FILE__, __LINE__, __VA_ARGS__)
AG_API bool nn_layer_fail_at(const nn_layer *layer, ag_error *error, ag_status status, const char *file,
                             int line, const char *format, ...) AG_PRINTF(6, 7);
