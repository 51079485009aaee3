// SPDX-License-Identifier: MIT
// Parameter sets to named tensors and back.
#include "nn/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/given.h"
#include "nn/number.h"

#define NAME_TEXT 256

struct nn_checkpoint {
    nn_format_content content;  // its names, keys and values are owned here
};

nn_checkpoint *nn_checkpoint_create(void) { return calloc(1, sizeof(nn_checkpoint)); }

void nn_checkpoint_free(nn_checkpoint *checkpoint) {
    if (!checkpoint) return;
    nn_format_content *c = &checkpoint->content;
    for (int i = 0; i < c->n_tensors; i++) free((char *)c->tensors[i].name);
    for (int i = 0; i < c->n_metadata; i++) {
        free((char *)c->metadata[i].key);
        free((char *)c->metadata[i].value);
    }
    free(c->tensors);
    free(c->metadata);
    free(checkpoint);
}

static bool out_of_memory(ag_error *error) {
    return ag_fail(error, AG_STATUS_MEMORY, "checkpoint: out of memory");
}

static nn_format_dtype format_dtype(ag_dtype dtype) {
    return dtype == AG_F64 ? NN_FORMAT_F64 : NN_FORMAT_F32;
}

// The first value that is not finite, or below `least`; -1 when all are sound. Values of a file need not be
// aligned.
static int64_t find_unsound(nn_format_dtype dtype, ag_shape shape, const void *values, double least,
                            double *unsound) {
    const size_t bytes = (size_t)nn_format_dtype_bytes(dtype);
    for (int64_t i = 0, n = ag_shape_size(shape); i < n; i++) {
        float narrow = 0;
        double value = 0;
        const char *at = (const char *)values + (size_t)i * bytes;
        if (dtype == NN_FORMAT_F64)
            memcpy(&value, at, sizeof value);
        else
            memcpy(&narrow, at, sizeof narrow);
        *unsound = dtype == NN_FORMAT_F64 ? value : (double)narrow;
        if (!isfinite(*unsound) || *unsound < least) return i;
    }
    return -1;
}

static bool check_finite(const char *name, nn_format_dtype dtype, ag_shape shape, const void *values,
                         ag_error *error) {
    double value;
    char text[NN_NUMBER_TEXT];
    const int64_t i = find_unsound(dtype, shape, values, -INFINITY, &value);
    return i < 0 || ag_fail(error, AG_STATUS_DIVERGED,
                            "tensor %s: value %lld is %s; a model that is not finite is not saved", name,
                            (long long)i, nn_number_format(value, text));
}

bool nn_checkpoint_add(nn_checkpoint *checkpoint, const char *name, ag_dtype dtype, ag_shape shape,
                       const void *values, ag_error *error) {
    if (!NN_GIVEN(checkpoint, "checkpoint", error) || !NN_GIVEN(name, "name", error) ||
        !NN_GIVEN(values, "values", error) || !check_finite(name, format_dtype(dtype), shape, values, error))
        return false;
    nn_format_content *c = &checkpoint->content;
    nn_format_tensor *grown = realloc(c->tensors, (size_t)(c->n_tensors + 1) * sizeof *grown);
    if (grown) c->tensors = grown;
    char *copy = grown ? strdup(name) : NULL;
    if (!copy) return out_of_memory(error);
    c->tensors[c->n_tensors++] =
        (nn_format_tensor){.name = copy, .dtype = format_dtype(dtype), .shape = shape, .data = values};
    return true;
}

bool nn_checkpoint_add_text(nn_checkpoint *checkpoint, const char *key, const char *text, ag_error *error) {
    if (!NN_GIVEN(checkpoint, "checkpoint", error) || !NN_GIVEN(key, "key", error) ||
        !NN_GIVEN(text, "text", error))
        return false;
    nn_format_content *c = &checkpoint->content;
    nn_format_entry *grown = realloc(c->metadata, (size_t)(c->n_metadata + 1) * sizeof *grown);
    if (grown) c->metadata = grown;
    char *key_copy = grown ? strdup(key) : NULL, *text_copy = key_copy ? strdup(text) : NULL;
    if (!text_copy) {
        free(key_copy);
        return out_of_memory(error);
    }
    c->metadata[c->n_metadata++] = (nn_format_entry){.key = key_copy, .value = text_copy};
    return true;
}

typedef enum set_kind { OF_MODEL, OF_OPTIMIZER } set_kind;

// "SET/PARAMETER", which an optimizer's parameters are called by themselves; false when it is longer than a
// file's tensors may be called.
static bool tensor_name(const ag_parameter *parameter, set_kind kind, char name[NAME_TEXT], ag_error *error) {
    const char *set = kind == OF_MODEL ? ag_parameter_set_name(parameter->set) : "";
    return snprintf(name, NAME_TEXT, "%s%s%s", set, *set ? "/" : "", parameter->name) < NAME_TEXT ||
           ag_fail(error, AG_STATUS_CONTRACT, "tensor %s...: its name is longer than %d bytes", name,
                   NAME_TEXT - 1);
}

// The same in a file, which an earlier version may have written: "SET/SET/PARAMETER" for an optimizer's.
static bool stored_name(const nn_format_content *content, const ag_parameter *parameter, set_kind kind,
                        char name[NAME_TEXT], ag_error *error) {
    char earlier[NAME_TEXT];
    if (!tensor_name(parameter, kind, name, error)) return false;
    if (kind == OF_MODEL || nn_format_find(content, name)) return true;
    snprintf(earlier, sizeof earlier, "%s/%s", ag_parameter_set_name(parameter->set), parameter->name);
    if (nn_format_find(content, earlier)) memcpy(name, earlier, sizeof earlier);
    return true;
}

static bool add_set(nn_checkpoint *checkpoint, ag_parameter_set *set, set_kind kind, ag_error *error) {
    char name[NAME_TEXT];
    if (!ag_parameter_set_seal(set, error)) return false;
    for (int i = 0; i < ag_parameter_set_count(set); i++) {
        const ag_parameter *p = ag_parameter_set_at(set, i);
        if (!tensor_name(p, kind, name, error) ||
            !nn_checkpoint_add(checkpoint, name, ag_parameter_set_dtype(set), p->shape,
                               ag_parameter_values(p), error))
            return false;
    }
    return true;
}

bool nn_checkpoint_add_set(nn_checkpoint *checkpoint, ag_parameter_set *set, ag_error *error) {
    return NN_GIVEN(checkpoint, "checkpoint", error) && NN_GIVEN(set, "set", error) &&
           add_set(checkpoint, set, OF_MODEL, error);
}

bool nn_checkpoint_add_optimizer(nn_checkpoint *checkpoint, const nn_optimizer *optimizer, ag_error *error) {
    if (!NN_GIVEN(checkpoint, "checkpoint", error) || !NN_GIVEN(optimizer, "optimizer", error)) return false;
    for (int i = 0; i < nn_optimizer_state_count(optimizer); i++) {
        if (!add_set(checkpoint, nn_optimizer_state(optimizer, i), OF_OPTIMIZER, error)) return false;
    }
    return true;
}

bool nn_checkpoint_save(const nn_checkpoint *checkpoint, const char *path, ag_error *error) {
    if (!NN_GIVEN(checkpoint, "checkpoint", error) || !NN_GIVEN(path, "path", error)) return false;
    return nn_format_save(path, &checkpoint->content, error);
}

bool nn_checkpoint_check(const nn_format_content *content, const char *name, nn_format_dtype dtype,
                         ag_shape shape, double least, ag_error *error) {
    if (!NN_GIVEN(content, "content", error) || !NN_GIVEN(name, "name", error)) return false;
    char got[AG_SHAPE_TEXT], wanted[AG_SHAPE_TEXT], text[NN_NUMBER_TEXT], rule[NN_NUMBER_TEXT];
    const nn_format_tensor *tensor = nn_format_find(content, name);
    if (!tensor)
        return ag_fail(error, AG_STATUS_MODEL, "%s: no tensor %s; the file is of another architecture",
                       content->path, name);
    if (tensor->dtype != dtype || !ag_shape_equal(tensor->shape, shape))
        return ag_fail(error, AG_STATUS_MODEL, "%s: tensor %s is %s %s, the model's is %s %s", content->path,
                       name, nn_format_dtype_name(tensor->dtype), ag_shape_format(tensor->shape, got),
                       nn_format_dtype_name(dtype), ag_shape_format(shape, wanted));
    double value;
    const int64_t i = find_unsound(dtype, shape, tensor->data, least, &value);
    if (i < 0) return true;
    return ag_fail(error, AG_STATUS_MODEL, "%s: tensor %s: value %lld is %s; it must be finite%s%s",
                   content->path, name, (long long)i, nn_number_format(value, text),
                   isfinite(least) ? " and at least " : "",
                   isfinite(least) ? nn_number_format(least, rule) : "");
}

static bool check_set(const nn_format_content *content, ag_parameter_set *set, set_kind kind, double least,
                      ag_error *error) {
    char name[NAME_TEXT];
    if (!ag_parameter_set_seal(set, error)) return false;
    const nn_format_dtype dtype = format_dtype(ag_parameter_set_dtype(set));
    for (int i = 0; i < ag_parameter_set_count(set); i++) {
        const ag_parameter *p = ag_parameter_set_at(set, i);
        if (!stored_name(content, p, kind, name, error) ||
            !nn_checkpoint_check(content, name, dtype, p->shape, least, error))
            return false;
    }
    return true;
}

bool nn_checkpoint_check_set(const nn_format_content *content, ag_parameter_set *set, ag_error *error) {
    return NN_GIVEN(content, "content", error) && NN_GIVEN(set, "set", error) &&
           check_set(content, set, OF_MODEL, -INFINITY, error);
}

static bool check_layer(const nn_format_content *content, const nn_layer *layer, ag_error *error) {
    char name[NAME_TEXT];
    for (int i = 0; i < layer->n_parameters; i++) {
        const ag_parameter *p = layer->parameters[i];
        if (!(layer->nonnegative & 1u << i)) continue;
        if (!tensor_name(p, OF_MODEL, name, error) ||
            !nn_checkpoint_check(content, name, format_dtype(ag_parameter_set_dtype(layer->set)), p->shape, 0,
                                 error))
            return false;
    }
    return true;
}

bool nn_checkpoint_check_model(const nn_format_content *content, const nn_model *model, ag_error *error) {
    if (!NN_GIVEN(content, "content", error) || !NN_GIVEN(model, "model", error) ||
        !nn_checkpoint_check_set(content, nn_model_set(model, 0), error))
        return false;
    for (int i = 0; i < nn_model_layer_count(model); i++) {
        if (!check_layer(content, nn_model_layer(model, i), error)) return false;
    }
    return true;
}

bool nn_checkpoint_check_optimizer(const nn_format_content *content, const nn_optimizer *optimizer,
                                   ag_error *error) {
    if (!NN_GIVEN(content, "content", error) || !NN_GIVEN(optimizer, "optimizer", error)) return false;
    for (int i = 0; i < nn_optimizer_state_count(optimizer); i++) {
        const double least = nn_optimizer_state_nonnegative(optimizer, i) ? 0 : -INFINITY;
        if (!check_set(content, nn_optimizer_state(optimizer, i), OF_OPTIMIZER, least, error)) return false;
    }
    return true;
}

// Of a set that was checked.
static bool read_set(const nn_format_content *content, ag_parameter_set *set, set_kind kind,
                     ag_error *error) {
    char name[NAME_TEXT];
    for (int i = 0; i < ag_parameter_set_count(set); i++) {
        const ag_parameter *p = ag_parameter_set_at(set, i);
        if (!stored_name(content, p, kind, name, error) ||
            !nn_format_read(content, name, format_dtype(ag_parameter_set_dtype(set)), p->shape,
                            ag_parameter_values(p), error))
            return false;
    }
    return true;
}

bool nn_checkpoint_read_set(const nn_format_content *content, ag_parameter_set *set, ag_error *error) {
    return NN_GIVEN(content, "content", error) && NN_GIVEN(set, "set", error) &&
           nn_checkpoint_check_set(content, set, error) && read_set(content, set, OF_MODEL, error);
}

bool nn_checkpoint_read_optimizer(const nn_format_content *content, const nn_optimizer *optimizer,
                                  ag_error *error) {
    if (!NN_GIVEN(content, "content", error) || !NN_GIVEN(optimizer, "optimizer", error) ||
        !nn_checkpoint_check_optimizer(content, optimizer, error))
        return false;
    for (int i = 0; i < nn_optimizer_state_count(optimizer); i++) {
        if (!read_set(content, nn_optimizer_state(optimizer, i), OF_OPTIMIZER, error)) return false;
    }
    return true;
}
