// SPDX-License-Identifier: MIT
// The table of model file formats, and what their contents have in common.
#include "nn/format.h"

#include <stdlib.h>
#include <string.h>

#include "nn/given.h"
#include "nn/json.h"

#define NN_FORMAT_FILE(name) extern const nn_format nn_format_##name;
#include "nn/format_list.def"
#undef NN_FORMAT_FILE

static const nn_format *const formats[] = {
#define NN_FORMAT_FILE(name) &nn_format_##name,
#include "nn/format_list.def"
#undef NN_FORMAT_FILE
};

const nn_format *nn_format_at(int i) {
    return i >= 0 && i < (int)(sizeof formats / sizeof *formats) ? formats[i] : NULL;
}

static bool dtype_is_known(nn_format_dtype dtype, const char *function) {
    return (unsigned)dtype < NN_FORMAT_DTYPES ||
           ag_fail(NULL, AG_STATUS_CONTRACT, "%s: element type %d; it is below %d", function, (int)dtype,
                   (int)NN_FORMAT_DTYPES);
}

int64_t nn_format_dtype_bytes(nn_format_dtype dtype) {
    static const int64_t bytes[] = {[NN_FORMAT_F32] = 4, [NN_FORMAT_F64] = 8, [NN_FORMAT_U8] = 1};
    return dtype_is_known(dtype, __func__) ? bytes[dtype] : 0;
}

const char *nn_format_dtype_name(nn_format_dtype dtype) {
    static const char *const names[] = {
        [NN_FORMAT_F32] = "F32", [NN_FORMAT_F64] = "F64", [NN_FORMAT_U8] = "U8"};
    return dtype_is_known(dtype, __func__) ? names[dtype] : "?";
}

static bool has_extension(const char *path, const char *extension) {
    size_t n = strlen(path), m = strlen(extension);
    return n > m && strcmp(path + n - m, extension) == 0;
}

static const nn_format *format_of(const char *path) {
    for (int i = 0; nn_format_at(i); i++)
        if (has_extension(path, nn_format_at(i)->extension)) return nn_format_at(i);
    return nn_format_at(0);
}

bool nn_format_save(const char *path, const nn_format_content *content, ag_error *error) {
    if (!NN_GIVEN(path, "path", error) || !NN_GIVEN(content, "content", error)) return false;
    return format_of(path)->save(path, content, error);
}

nn_format_content *nn_format_load(const char *path, const nn_format_params *params, ag_error *error) {
    if (!NN_GIVEN(path, "path", error)) return NULL;
    static const nn_format_params defaults;
    nn_format_content *content = calloc(1, sizeof *content);
    if (content) content->path = strdup(path);
    if (!content || !content->path)
        ag_fail(error, AG_STATUS_MEMORY, "no memory to read '%s'", path);
    else if (format_of(path)->load(path, params ? params : &defaults, content, error))
        return content;
    nn_format_free(content);
    return NULL;
}

void nn_format_free(nn_format_content *content) {
    if (!content) return;
    nn_json_free(content->header);
    free(content->bytes);
    free(content->tensors);
    free(content->metadata);
    free(content->path);
    free(content);
}

const nn_format_tensor *nn_format_find(const nn_format_content *content, const char *name) {
    if (!NN_GIVEN(content, "content", NULL) || !NN_GIVEN(name, "name", NULL)) return NULL;
    for (int i = 0; i < content->n_tensors; i++)
        if (strcmp(content->tensors[i].name, name) == 0) return &content->tensors[i];
    return NULL;
}

const char *nn_format_metadata(const nn_format_content *content, const char *key) {
    if (!NN_GIVEN(content, "content", NULL) || !NN_GIVEN(key, "key", NULL)) return NULL;
    for (int i = 0; i < content->n_metadata; i++)
        if (strcmp(content->metadata[i].key, key) == 0) return content->metadata[i].value;
    return NULL;
}

static bool fail_mismatch(const nn_format_content *content, const nn_format_tensor *tensor,
                          nn_format_dtype dtype, ag_shape shape, ag_error *error) {
    char has[AG_SHAPE_TEXT], needs[AG_SHAPE_TEXT];
    return ag_fail(error, AG_STATUS_MODEL,
                   "'%s' is of another architecture: tensor '%s' is %s %s there, %s %s here", content->path,
                   tensor->name, nn_format_dtype_name(tensor->dtype), ag_shape_format(tensor->shape, has),
                   nn_format_dtype_name(dtype), ag_shape_format(shape, needs));
}

bool nn_format_read(const nn_format_content *content, const char *name, nn_format_dtype dtype, ag_shape shape,
                    void *out, ag_error *error) {
    if (!NN_GIVEN(content, "content", error) || !NN_GIVEN(name, "name", error) ||
        !NN_GIVEN(out, "out", error))
        return false;
    const nn_format_tensor *tensor = nn_format_find(content, name);
    if (!tensor)
        return ag_fail(error, AG_STATUS_MODEL, "'%s' is of another architecture: it has no tensor '%s'",
                       content->path, name);
    if (tensor->dtype != dtype || !ag_shape_equal(tensor->shape, shape))
        return fail_mismatch(content, tensor, dtype, shape, error);
    memcpy(out, tensor->data, (size_t)(ag_shape_size(shape) * nn_format_dtype_bytes(dtype)));
    return true;
}
