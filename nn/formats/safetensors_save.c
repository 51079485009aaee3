// SPDX-License-Identifier: MIT
// Writes safetensors files: wide element types first, so that every tensor is aligned, and the given order
// within a type.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nn/file.h"
#include "nn/formats/safetensors.h"
#include "nn/json.h"

#define DATA_ALIGNMENT 64

static const nn_format_dtype data_order[] = {NN_FORMAT_F64, NN_FORMAT_F32, NN_FORMAT_U8};
#define N_DTYPES (int)(sizeof data_order / sizeof data_order[0])

typedef bool (*tensor_visitor)(const nn_format_tensor *tensor, int64_t begin, void *context, ag_error *error);

// Visits the tensors in the order of their values in the file.
static bool visit_tensors(const nn_format_content *content, tensor_visitor visit, void *context,
                          ag_error *error) {
    int64_t at = 0;
    for (int k = 0; k < N_DTYPES; k++)
        for (int i = 0; i < content->n_tensors; i++) {
            const nn_format_tensor *tensor = &content->tensors[i];
            if (tensor->dtype != data_order[k]) continue;
            if (!visit(tensor, at, context, error)) return false;
            at += nn_safetensors_bytes(tensor);
        }
    return true;
}

static bool check_content(const char *path, const nn_format_content *content, ag_error *error) {
    if (content->n_tensors > ST_TENSOR_LIMIT)
        return ag_fail(error, AG_STATUS_CONTRACT, "'%s' would get %d tensors; at most %d are allowed", path,
                       content->n_tensors, ST_TENSOR_LIMIT);
    int64_t total = 0;
    for (int i = 0; i < content->n_tensors; i++) {
        const nn_format_tensor *tensor = &content->tensors[i];
        int64_t bytes = nn_safetensors_bytes(tensor);
        if (!nn_safetensors_name_sane(tensor->name) || bytes < 0 ||
            __builtin_add_overflow(total, bytes, &total))
            return ag_fail(
                error, AG_STATUS_CONTRACT,
                "'%s' would get tensor '%s': names have 1 to %d bytes without control characters, shapes "
                "are valid",
                path, tensor->name, ST_NAME_LIMIT);
    }
    return true;
}

static nn_json *shape_json(ag_shape shape) {
    nn_json *dims = nn_json_array();
    bool ok = dims;
    for (int i = 0; i < shape.rank; i++) ok = ok && nn_json_append(dims, nn_json_int(shape.dim[i]));
    if (ok) return dims;
    nn_json_free(dims);
    return NULL;
}

static nn_json *offsets_json(int64_t begin, int64_t end) {
    nn_json *pair = nn_json_array();
    if (nn_json_append(pair, nn_json_int(begin)) && nn_json_append(pair, nn_json_int(end))) return pair;
    nn_json_free(pair);
    return NULL;
}

static nn_json *tensor_json(const nn_format_tensor *tensor, int64_t begin) {
    nn_json *entry = nn_json_object();
    if (nn_json_set(entry, "dtype", nn_json_string(nn_format_dtype_name(tensor->dtype))) &&
        nn_json_set(entry, "shape", shape_json(tensor->shape)) &&
        nn_json_set(entry, "data_offsets", offsets_json(begin, begin + nn_safetensors_bytes(tensor))))
        return entry;
    nn_json_free(entry);
    return NULL;
}

// Puts a value under a key that is new. A value that could not be made fails here; errno tells why.
static bool set_new(nn_json *object, const char *key, nn_json *value, ag_error *error) {
    if (nn_json_get(object, key)) {
        nn_json_free(value);
        return ag_fail(error, AG_STATUS_CONTRACT, "a model file would get two entries '%s'", key);
    }
    if (nn_json_set(object, key, value)) return true;
    if (errno == ENOMEM) return ag_fail(error, AG_STATUS_MEMORY, "no memory for the header of a model file");
    return ag_fail(error, AG_STATUS_CONTRACT, "entry '%s' of a model file is not UTF-8", key);
}

static nn_json *metadata_json(const nn_format_content *content, ag_error *error) {
    nn_json *metadata = nn_json_object();
    bool ok = set_new(metadata, ST_CHECKSUM, nn_json_string(ST_CHECKSUM_KIND ST_ZERO_DIGITS), error);
    for (int i = 0; ok && i < content->n_metadata; i++)
        ok = set_new(metadata, content->metadata[i].key, nn_json_string(content->metadata[i].value), error);
    if (ok) return metadata;
    nn_json_free(metadata);
    return NULL;
}

static bool add_tensor(const nn_format_tensor *tensor, int64_t begin, void *context, ag_error *error) {
    return set_new(context, tensor->name, tensor_json(tensor, begin), error);
}

static nn_json *header_json(const nn_format_content *content, ag_error *error) {
    nn_json *header = nn_json_object();
    if (set_new(header, ST_METADATA, metadata_json(content, error), error) &&
        visit_tensors(content, add_tensor, header, error))
        return header;
    nn_json_free(header);
    return NULL;
}

// Length and header as they stand at the start of the file, digits still zero; the caller frees it.
static char *print_head(const char *path, const nn_json *header, size_t *n, ag_error *error) {
    char *text = nn_json_print(header);
    size_t length = text ? strlen(text) : 0;
    size_t total = (ST_LENGTH_BYTES + length + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
    uint64_t padded = total - ST_LENGTH_BYTES;
    char *head = text && (int64_t)padded <= ST_HEADER_LIMIT ? malloc(total) : NULL;
    if (head) {
        memset(head, ' ', total);
        memcpy(head, &padded, ST_LENGTH_BYTES);
        memcpy(head + ST_LENGTH_BYTES, text, length);
        *n = total;
    } else if (text && (int64_t)padded > ST_HEADER_LIMIT) {
        ag_fail(error, AG_STATUS_CONTRACT,
                "the header of '%s' would take %llu bytes; at most %lld are allowed", path,
                (unsigned long long)padded, (long long)ST_HEADER_LIMIT);
    } else {
        ag_fail(error, AG_STATUS_MEMORY, "no memory for the header of '%s'", path);
    }
    free(text);
    return head;
}

static bool digest_tensor(const nn_format_tensor *tensor, int64_t begin, void *context, ag_error *error) {
    (void)begin, (void)error;
    nn_digest_append(context, tensor->data, (size_t)nn_safetensors_bytes(tensor));
    return true;
}

static bool put_digits(char *head, size_t n, const nn_format_content *content, ag_error *error) {
    nn_digest *digest = nn_digest_create();
    if (!digest) return ag_fail(error, AG_STATUS_MEMORY, "no memory for a checksum");
    char digits[NN_DIGEST_TEXT];
    nn_digest_append(digest, head, n);
    visit_tensors(content, digest_tensor, digest, error);
    memcpy(head + ST_DIGITS_AT, nn_digest_format(digest, digits), NN_DIGEST_DIGITS);
    nn_digest_free(digest);
    return true;
}

static bool write_tensor(const nn_format_tensor *tensor, int64_t begin, void *context, ag_error *error) {
    (void)begin;
    return nn_file_write(context, tensor->data, (size_t)nn_safetensors_bytes(tensor), error);
}

static bool write_all(const char *path, const char *head, size_t n, const nn_format_content *content,
                      ag_error *error) {
    nn_file *file = nn_file_create(path, error);
    bool ok = file && nn_file_write(file, head, n, error) &&
              visit_tensors(content, write_tensor, file, error) && nn_file_commit(file, error);
    nn_file_free(file);
    return ok;
}

bool nn_safetensors_save(const char *path, const nn_format_content *content, ag_error *error) {
    size_t n = 0;
    errno = 0;
    if (!check_content(path, content, error)) return false;
    nn_json *header = header_json(content, error);
    char *head = header ? print_head(path, header, &n, error) : NULL;
    bool ok = head && put_digits(head, n, content, error) && write_all(path, head, n, content, error);
    nn_json_free(header);
    free(head);
    return ok;
}
