// SPDX-License-Identifier: MIT
// Parameter sets: declarations first, then one flat array.
#include "autograd/parameter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/element.h"
#include "autograd/memory.h"

#define OFFSET_STEP 16  // elements: every parameter starts on a 64-byte boundary

struct ag_parameter_set {
    char *name;
    ag_dtype dtype;
    int n_parameters, capacity;
    ag_parameter **parameters;  // each allocated on its own: addresses stay
    int64_t size;               // elements of the flat array
    void *values;               // NULL until sealed
};

ag_parameter_set *ag_parameter_set_create(const char *name, ag_dtype dtype) {
    ag_parameter_set *set = calloc(1, sizeof *set);
    if (!set) return NULL;
    set->dtype = dtype;
    set->name = strdup(name);
    if (set->name) return set;
    free(set);
    return NULL;
}

static void parameter_free(ag_parameter *parameter) {
    if (!parameter) return;
    free((char *)parameter->name);
    free(parameter);
}

void ag_parameter_set_free(ag_parameter_set *set) {
    if (!set) return;
    for (int i = 0; i < set->n_parameters; i++) parameter_free(set->parameters[i]);
    free(set->parameters);
    free(set->values);
    free(set->name);
    free(set);
}

static bool set_grow(ag_parameter_set *set) {
    if (set->n_parameters < set->capacity) return true;
    const int capacity = set->capacity ? 2 * set->capacity : 16;
    ag_parameter **grown = realloc(set->parameters, (size_t)capacity * sizeof *grown);
    if (!grown) return false;
    set->parameters = grown;
    set->capacity = capacity;
    return true;
}

ag_parameter *ag_parameter_add(ag_parameter_set *set, const char *name, ag_shape shape,
                               ag_parameter_kind kind, ag_error *error) {
    const int64_t size = ag_shape_size(shape);
    char text[AG_SHAPE_TEXT];
    if (size < 0)
        return ag_fail(error, AG_STATUS_CONTRACT,
                       "parameter %s/%s: shape %s has a dimension below 1 or is too large", set->name, name,
                       ag_shape_format(shape, text)),
               NULL;
    const int64_t end = set->size + (size + OFFSET_STEP - 1) / OFFSET_STEP * OFFSET_STEP;
    if (end > AG_MAX_SIZE)
        return ag_fail(error, AG_STATUS_CONTRACT,
                       "parameter %s/%s %s: the set would have %lld values, at most %lld", set->name, name,
                       ag_shape_format(shape, text), (long long)end, (long long)AG_MAX_SIZE),
               NULL;
    if (set->values)
        return ag_fail(error, AG_STATUS_CONTRACT, "parameter %s/%s: the set is sealed, its values are in use",
                       set->name, name),
               NULL;
    if (ag_parameter_set_find(set, name))
        return ag_fail(error, AG_STATUS_CONTRACT, "parameter %s/%s: the name is taken", set->name, name),
               NULL;
    ag_parameter *parameter = malloc(sizeof *parameter);
    char *copy = strdup(name);
    if (!parameter || !copy || !set_grow(set)) {
        free(parameter);
        free(copy);
        return ag_fail(error, AG_STATUS_MEMORY, "parameter %s/%s: out of memory", set->name, name), NULL;
    }
    *parameter = (ag_parameter){.name = copy,
                                .shape = shape,
                                .kind = kind,
                                .trainable = kind == AG_PARAMETER,
                                .offset = set->size,
                                .size = size,
                                .set = set};
    set->size = end;
    return set->parameters[set->n_parameters++] = parameter;
}

bool ag_parameter_set_seal(ag_parameter_set *set, ag_error *error) {
    if (set->values) return true;
    set->values = ag_memory_create(set->size * (int64_t)ag_dtype_bytes(set->dtype));
    return set->values || ag_fail(error, AG_STATUS_MEMORY, "parameters of %s: no memory for %lld values",
                                  set->name, (long long)set->size);
}

static bool add_prefixed(ag_parameter_set *set, const char *prefix, const ag_parameter *model,
                         ag_error *error) {
    const size_t size = strlen(prefix) + strlen(model->name) + 2;
    char *name = malloc(size);
    if (!name) return ag_fail(error, AG_STATUS_MEMORY, "parameters of %s: out of memory", prefix);
    snprintf(name, size, "%s/%s", prefix, model->name);
    const bool ok = ag_parameter_add(set, name, model->shape, AG_BUFFER, error) != NULL;
    free(name);
    return ok;
}

ag_parameter_set *ag_parameter_set_like(const ag_parameter_set *like, const char *prefix, ag_error *error) {
    ag_parameter_set *set = ag_parameter_set_create(prefix, like->dtype);
    if (!set) return ag_fail(error, AG_STATUS_MEMORY, "parameters of %s: out of memory", prefix), NULL;
    for (int i = 0; i < like->n_parameters; i++) {
        const ag_parameter *model = like->parameters[i];
        if (model->kind != AG_PARAMETER) continue;
        set->size = model->offset;  // the same place as the model's: one loop serves both arrays
        if (!add_prefixed(set, prefix, model, error)) {
            ag_parameter_set_free(set);
            return NULL;
        }
    }
    set->size = like->size;
    return set;
}

const char *ag_parameter_set_name(const ag_parameter_set *set) { return set->name; }
ag_dtype ag_parameter_set_dtype(const ag_parameter_set *set) { return set->dtype; }
int ag_parameter_set_count(const ag_parameter_set *set) { return set->n_parameters; }
ag_parameter *ag_parameter_set_at(const ag_parameter_set *set, int i) { return set->parameters[i]; }

ag_parameter *ag_parameter_set_find(const ag_parameter_set *set, const char *name) {
    for (int i = 0; i < set->n_parameters; i++) {
        if (strcmp(set->parameters[i]->name, name) == 0) return set->parameters[i];
    }
    return NULL;
}

void *ag_parameter_set_values(ag_parameter_set *set, int64_t *out_size) {
    if (out_size) *out_size = set->size;
    return set->values;
}

void *ag_parameter_values(const ag_parameter *parameter) {
    const ag_parameter_set *set = parameter->set;
    return set->values ? ag_at(set->values, parameter->offset, set->dtype) : NULL;
}
