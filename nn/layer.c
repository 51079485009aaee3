// SPDX-License-Identifier: MIT
// What all layers share: their memory, the declaration of parameters, the form of their errors.
#include "nn/layer.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/given.h"

#define NAME_BYTES 128

nn_layer *nn_layer_create(const nn_layer_kind *kind, const void *params, size_t params_bytes) {
    if (!NN_GIVEN(kind, "kind", NULL) || (params_bytes && !NN_GIVEN(params, "params", NULL))) return NULL;
    if (!kind->name || !kind->apply)
        return ag_fail(NULL, AG_STATUS_CONTRACT, "nn_layer_create: kind %s lacks a name or apply",
                       kind->name),
               NULL;
    nn_layer *layer = calloc(1, sizeof *layer);
    if (!layer) return NULL;
    layer->kind = kind;
    layer->params = malloc(params_bytes ? params_bytes : 1);
    if (layer->params) {
        if (params_bytes) memcpy(layer->params, params, params_bytes);
        return layer;
    }
    free(layer);
    return NULL;
}

void nn_layer_free(nn_layer *layer) {
    if (!layer) return;
    free(layer->params);
    free(layer->name);
    free(layer);
}

bool nn_layer_fail_at(const nn_layer *layer, ag_error *error, ag_status status, const char *file, int line,
                      const char *format, ...) {
    char text[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return ag_fail_at(error, status, file, line, "layer %s/%s: %s", ag_parameter_set_name(layer->set),
                      layer->name, text);
}

ag_parameter *nn_layer_declare(nn_layer *layer, const char *name, ag_shape shape, ag_parameter_kind kind,
                               nn_initializer initializer, ag_error *error) {
    if (!NN_GIVEN(layer, "layer", error) || !NN_GIVEN(layer->set, "layer->set", error) ||
        !NN_GIVEN(name, "name", error) || !NN_GIVEN(initializer.kind, "initializer.kind", error))
        return NULL;
    const int i = layer->n_parameters;
    char full[NAME_BYTES];
    if (i == NN_LAYER_PARAMETERS) {
        nn_layer_fail(layer, error, AG_STATUS_CONTRACT,
                      "parameter %s is one more than the %d a layer may have", name, NN_LAYER_PARAMETERS);
        return NULL;
    }
    if (!isfinite(initializer.a) || !isfinite(initializer.b)) {
        nn_layer_fail(layer, error, AG_STATUS_USAGE, "%s: initializer %s(%g, %g) must have finite numbers",
                      name, initializer.kind->name, initializer.a, initializer.b);
        return NULL;
    }
    if (snprintf(full, sizeof full, "%s/%s", layer->name, name) >= (int)sizeof full) {
        nn_layer_fail(layer, error, AG_STATUS_CONTRACT, "the name of parameter %s is longer than %d bytes",
                      name, NAME_BYTES - 1);
        return NULL;
    }
    ag_parameter *parameter = ag_parameter_add(layer->set, full, shape, kind, error);
    if (!parameter) return NULL;
    layer->initializers[i] = initializer;
    layer->n_parameters++;
    return layer->parameters[i] = parameter;
}
