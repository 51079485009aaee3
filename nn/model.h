// SPDX-License-Identifier: MIT
// Models: layers in sequence over one parameter set, and chains of models. A model is applied to a node of
// any tape, any number of times; its parameters are shared by all of them.
#pragma once

#include <stdio.h>

#include "nn/layers.h"

typedef struct nn_model nn_model;

// Layers in sequence: nn_sequential("discriminator", AG_F32, AG_SHAPE(28, 28, 1), nn_conv2d(32, 3, .stride =
// 2), ..). Takes the layers, on failure too; the name has 1 to 64 bytes and is copied. The caller frees the
// model. NULL, with *error filled, when a layer is NULL or refuses its input shape; the sentence names both.
#define nn_sequential(error, name, dtype, shape, ...)                           \
    nn_sequential_create(name, dtype, shape, (nn_layer *[]){__VA_ARGS__, NULL}, \
                         (int)(sizeof((nn_layer *[]){__VA_ARGS__}) / sizeof(nn_layer *)), error)
AG_API nn_model *nn_sequential_create(const char *name, ag_dtype dtype, ag_shape input,
                                      nn_layer *const *layers, int n_layers, ag_error *error);

// Models one after the other, up to 8; borrowed, so that they must outlive the chain, which the caller frees.
// NULL, with *error filled, when shapes or element types do not fit, or a model comes twice.
#define nn_chain(error, name, ...)                     \
    nn_chain_create(name, (nn_model *[]){__VA_ARGS__}, \
                    (int)(sizeof((nn_model *[]){__VA_ARGS__}) / sizeof(nn_model *)), error)
AG_API nn_model *nn_chain_create(const char *name, nn_model *const *models, int n_models, ag_error *error);

AG_API void nn_model_free(nn_model *model);

AG_API const char *nn_model_name(const nn_model *model);
AG_API ag_dtype nn_model_dtype(const nn_model *model);
AG_API ag_shape nn_model_input_shape(const nn_model *model);  // without the batch axis
AG_API ag_shape nn_model_output_shape(const nn_model *model);
AG_API int nn_model_layer_count(const nn_model *model);                         // chains: 0
AG_API nn_layer *nn_model_layer(const nn_model *model, int i);                  // NULL when i is out of range
AG_API nn_layer *nn_model_find_layer(const nn_model *model, const char *name);  // NULL when absent

// The parameter sets: one for a sequential model, those of its parts for a chain.
AG_API int nn_model_set_count(const nn_model *model);
AG_API ag_parameter_set *nn_model_set(const nn_model *model, int i);  // NULL when i is out of range

// Values from the seed: parameter i of the model draws from stream (seed, AG_PURPOSE_INITIALIZE, i + first),
// so that the models of one program take disjoint `first`. Chains are initialized by their parts.
AG_API bool nn_model_initialize(nn_model *model, uint64_t seed, uint64_t first, ag_error *error);

// Keras's `trainable`, read when a program is compiled: of all parameters of a model (chains: of all its
// parts), or of a layer.
AG_API void nn_set_trainable(nn_model *model, bool trainable);
AG_API void nn_layer_set_trainable(nn_layer *layer, bool trainable);

// x [N, input...] -> y [N, output...], recorded on x's tape under the scope of the model's name. The tape's
// error node when x is of another shape or element type.
AG_API ag_node *nn_apply(const nn_model *model, ag_node *x, nn_mode mode);

// Keras's table: layer, output shape, parameters, trainable or frozen; then the sums. Written to the caller's
// stream.
AG_API void nn_summary(const nn_model *model, FILE *stream);
