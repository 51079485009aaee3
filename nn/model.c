// SPDX-License-Identifier: MIT
// Sequential models: creation, application, initialization.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/op.h"
#include "nn/given.h"
#include "nn/model_private.h"

#define NAME_BYTES 64

bool nn_shape_is_valid(ag_shape shape) {
    return shape.rank >= 0 && shape.rank < AG_MAX_RANK && ag_shape_size(shape) > 0;
}

bool nn_model_check_name(const char *name, ag_error *error) {
    const size_t n = strlen(name);
    return (n >= 1 && n <= NN_NAME_LIMIT) ||
           ag_fail(error, AG_STATUS_CONTRACT, "model '%.*s': its name has %zu bytes, 1 to %d are allowed",
                   NN_NAME_LIMIT, name, n, NN_NAME_LIMIT);
}

// ---- sequential ----

// Takes every layer that no model has, so that all are freed once whatever follows. False when some cannot be
// taken.
static bool adopt(nn_model *model, nn_layer *const *layers, int n_layers, ag_error *error) {
    bool ok = true;
    for (int i = 0; i < n_layers; i++) {
        if (!layers[i]) {
            ok = ag_fail(error, AG_STATUS_MEMORY, "model %s: layer %d is NULL: there was no memory for it",
                         model->name, i);
        } else if (layers[i]->set) {
            ok = ag_fail(error, AG_STATUS_CONTRACT, "model %s: layer %d (%s) is part of a model already",
                         model->name, i, layers[i]->kind->name);
        } else {
            layers[i]->set = model->set;
            model->layers[model->n_layers++] = layers[i];
        }
    }
    return ok;
}

// Keras's names: "conv2d", "conv2d_1", ...
static bool name_layer(nn_model *model, int i, ag_error *error) {
    const char *kind = model->layers[i]->kind->name;
    int earlier = 0;
    for (int k = 0; k < i; k++) earlier += strcmp(model->layers[k]->kind->name, kind) == 0;
    char name[NAME_BYTES];
    if (snprintf(name, sizeof name, earlier ? "%s_%d" : "%s", kind, earlier) >= (int)sizeof name)
        return ag_fail(error, AG_STATUS_CONTRACT,
                       "model %s: the kind of layer %d, %s, has more than %d bytes", model->name, i, kind,
                       NAME_BYTES - 5);
    model->layers[i]->name = strdup(name);
    return model->layers[i]->name || ag_fail(error, AG_STATUS_MEMORY, "model %s: out of memory", model->name);
}

static bool build_layer(nn_model *model, int i, ag_error *error) {
    nn_layer *layer = model->layers[i];
    if (!name_layer(model, i, error)) return false;
    layer->in = layer->out = model->out;
    if (layer->kind->build && !layer->kind->build(layer, error)) return false;
    model->out = layer->out;
    return nn_shape_is_valid(layer->out) ||
           nn_layer_fail(layer, error, AG_STATUS_CONTRACT, "output %s has too many axes or values",
                         AG_TEXT(layer->out));
}

static bool build(nn_model *model, ag_error *error) {
    if (!nn_shape_is_valid(model->in))
        return ag_fail(error, AG_STATUS_CONTRACT,
                       "model %s: input shape %s must have at most %d axes, all at least 1", model->name,
                       AG_TEXT(model->in), AG_MAX_RANK - 1);
    model->out = model->in;
    for (int i = 0; i < model->n_layers; i++) {
        if (!build_layer(model, i, error)) return false;
    }
    return true;
}

static nn_model *sequential_allocate(const char *name, ag_dtype dtype, ag_shape input, int n_layers) {
    nn_model *model = calloc(1, sizeof *model);
    if (!model) return NULL;
    model->dtype = dtype;
    model->in = input;
    model->name = strdup(name);
    model->set = ag_parameter_set_create(name, dtype);
    model->layers = calloc((size_t)n_layers + 1, sizeof *model->layers);
    if (model->name && model->set && model->layers) return model;
    nn_model_free(model);
    return NULL;
}

// Of those that no model has.
static void free_layers(nn_layer *const *layers, int n_layers) {
    for (int i = 0; i < n_layers; i++) {
        bool seen = !layers[i] || layers[i]->set;
        for (int k = 0; k < i && !seen; k++) seen = layers[k] == layers[i];
        if (!seen) nn_layer_free(layers[i]);
    }
}

static bool check_layers(const char *name, int n_layers, ag_error *error) {
    return n_layers >= 1 || ag_fail(error, AG_STATUS_CONTRACT, "model %s: has no layers", name);
}

nn_model *nn_sequential_create(const char *name, ag_dtype dtype, ag_shape input, nn_layer *const *layers,
                               int n_layers, ag_error *error) {
    const bool given = NN_GIVEN(name, "name", error) && (n_layers < 1 || NN_GIVEN(layers, "layers", error)) &&
                       nn_model_check_name(name, error) && check_layers(name, n_layers, error);
    nn_model *model = given ? sequential_allocate(name, dtype, input, n_layers) : NULL;
    if (!model) {
        if (layers) free_layers(layers, n_layers);
        if (given) ag_fail(error, AG_STATUS_MEMORY, "model %s: out of memory", name);
        return NULL;
    }
    if (adopt(model, layers, n_layers, error) && build(model, error)) return model;
    nn_model_free(model);
    return NULL;
}

void nn_model_free(nn_model *model) {
    if (!model) return;
    for (int i = 0; i < model->n_layers; i++) nn_layer_free(model->layers[i]);
    free(model->layers);
    ag_parameter_set_free(model->set);
    free(model->name);
    free(model);
}

// ---- what it is ----

const char *nn_model_name(const nn_model *model) {
    return NN_GIVEN(model, "model", NULL) ? model->name : NULL;
}

ag_dtype nn_model_dtype(const nn_model *model) {
    return NN_GIVEN(model, "model", NULL) ? model->dtype : AG_F32;
}

ag_shape nn_model_input_shape(const nn_model *model) {
    return NN_GIVEN(model, "model", NULL) ? model->in : (ag_shape){0};
}

ag_shape nn_model_output_shape(const nn_model *model) {
    return NN_GIVEN(model, "model", NULL) ? model->out : (ag_shape){0};
}

int nn_model_layer_count(const nn_model *model) {
    return NN_GIVEN(model, "model", NULL) ? model->n_layers : 0;
}

nn_layer *nn_model_layer(const nn_model *model, int i) {
    if (!NN_GIVEN(model, "model", NULL)) return NULL;
    return i >= 0 && i < model->n_layers ? model->layers[i] : NULL;
}

nn_layer *nn_model_find_layer(const nn_model *model, const char *name) {
    if (!NN_GIVEN(model, "model", NULL) || !NN_GIVEN(name, "name", NULL)) return NULL;
    for (int i = 0; i < model->n_layers; i++) {
        if (strcmp(model->layers[i]->name, name) == 0) return model->layers[i];
    }
    return NULL;
}

// ---- values ----

static void initialize_layer(const nn_layer *layer, ag_stream stream) {
    const ag_dtype dtype = ag_parameter_set_dtype(layer->set);
    for (int i = 0; i < layer->n_parameters; i++, stream.step++) {
        const ag_parameter *parameter = layer->parameters[i];
        layer->initializers[i].kind->fill(&layer->initializers[i], parameter->shape, stream, dtype,
                                          ag_parameter_values(parameter));
    }
}

bool nn_model_initialize(nn_model *model, uint64_t seed, uint64_t first, ag_error *error) {
    if (!NN_GIVEN(model, "model", error)) return false;
    if (!model->set)
        return ag_fail(error, AG_STATUS_CONTRACT, "model %s: a chain is initialized by its parts",
                       model->name);
    if (!ag_parameter_set_seal(model->set, error)) return false;
    ag_stream stream = {.seed = seed, .purpose = AG_PURPOSE_INITIALIZE, .step = first};
    for (int i = 0; i < model->n_layers; i++) {
        initialize_layer(model->layers[i], stream);
        stream.step += (uint64_t)model->layers[i]->n_parameters;
    }
    return true;
}

void nn_layer_set_trainable(nn_layer *layer, bool trainable) {
    if (!NN_GIVEN(layer, "layer", NULL)) return;
    for (int i = 0; i < layer->n_parameters; i++) {
        if (layer->parameters[i]->kind == AG_PARAMETER) layer->parameters[i]->trainable = trainable;
    }
}

void nn_set_trainable(nn_model *model, bool trainable) {
    if (!NN_GIVEN(model, "model", NULL)) return;
    for (int i = 0; i < model->n_layers; i++) nn_layer_set_trainable(model->layers[i], trainable);
    for (int i = 0; i < model->n_parts; i++) nn_set_trainable(model->parts[i], trainable);
}

// ---- application ----

static bool fits(const nn_model *model, ag_shape shape) {
    if (shape.rank != model->in.rank + 1) return false;
    for (int i = 0; i < model->in.rank; i++) {
        if (shape.dim[i + 1] != model->in.dim[i]) return false;
    }
    return true;
}

static ag_node *apply_layers(const nn_model *model, ag_node *x, nn_mode mode) {
    for (int i = 0; i < model->n_layers && !ag_node_failed(x); i++) {
        ag_tape *tape = ag_node_tape(x);
        ag_scope_push(tape, model->layers[i]->name);
        x = model->layers[i]->kind->apply(model->layers[i], x, mode);
        ag_scope_pop(tape);
    }
    return x;
}

ag_node *nn_apply(const nn_model *model, ag_node *x, nn_mode mode) {
    if (!NN_GIVEN(x, "x", NULL) || ag_node_failed(x)) return x;
    ag_tape *tape = ag_node_tape(x);
    if (!model) return ag_tape_fail(tape, "nn_apply: model is NULL; it must be given");
    if (ag_tape_dtype(tape) != model->dtype)
        return ag_tape_fail(tape, "model %s is %s, the tape %s", model->name, ag_dtype_name(model->dtype),
                            ag_dtype_name(ag_tape_dtype(tape)));
    if (!fits(model, ag_node_shape(x)))
        return ag_tape_fail(tape, "model %s: input %s must be a batch of %s", model->name,
                            AG_TEXT(ag_node_shape(x)), AG_TEXT(model->in));
    ag_scope_push(tape, model->name);
    ag_node *y = apply_layers(model, x, mode);
    for (int i = 0; i < model->n_parts; i++) y = nn_apply(model->parts[i], y, mode);
    ag_scope_pop(tape);
    return y;
}
