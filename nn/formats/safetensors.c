// SPDX-License-Identifier: MIT
// Reads safetensors files: the checksum is compared before anything is parsed, and no number of the header is
// used before it is compared with the bytes that are there.
#include "nn/formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "nn/file.h"
#include "nn/json.h"

#define FILE_LIMIT (INT64_C(1) << 40)

bool nn_safetensors_name_sane(const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) return false;
    return n > 0 && n <= ST_NAME_LIMIT;
}

int64_t nn_safetensors_bytes(const nn_format_tensor *tensor) {
    int64_t size = ag_shape_size(tensor->shape), bytes;
    if (size < 0 || __builtin_mul_overflow(size, nn_format_dtype_bytes(tensor->dtype), &bytes)) return -1;
    return bytes;
}

// The file in memory, cut into its parts.
struct input {
    const char *path;
    const uint8_t *bytes;
    size_t n;
    size_t n_header;  // bytes of JSON behind the length
    const uint8_t *data;
    int64_t n_data;
};

static bool cut(struct input *in, ag_error *error) {
    if (in->n < ST_LENGTH_BYTES)
        return ag_fail(error, AG_STATUS_MODEL,
                       "'%s' is no model file: %zu bytes are less than a header's length takes", in->path,
                       in->n);
    uint64_t length;
    memcpy(&length, in->bytes, sizeof length);
    if (length > (uint64_t)ST_HEADER_LIMIT)
        return ag_fail(
            error, AG_STATUS_MODEL,
            "'%s' is no model file: its first 8 bytes announce a header of %llu bytes; at most %lld are "
            "read",
            in->path, (unsigned long long)length, (long long)ST_HEADER_LIMIT);
    if (length > in->n - ST_LENGTH_BYTES)
        return ag_fail(error, AG_STATUS_MODEL,
                       "'%s' is cut off: a header of %llu bytes is announced, %zu are there", in->path,
                       (unsigned long long)length, in->n - ST_LENGTH_BYTES);
    in->n_header = (size_t)length;
    in->data = in->bytes + ST_LENGTH_BYTES + length;
    in->n_data = (int64_t)(in->n - ST_LENGTH_BYTES - (size_t)length);
    return true;
}

static bool has_checksum(const struct input *in) {
    return ST_LENGTH_BYTES + in->n_header >= ST_DIGITS_AT + NN_DIGEST_DIGITS &&
           memcmp(in->bytes + ST_LENGTH_BYTES, ST_HEADER_START, sizeof ST_HEADER_START - 1) == 0;
}

static bool check_digest(const struct input *in, ag_error *error) {
    nn_digest *digest = nn_digest_create();
    if (!digest) return ag_fail(error, AG_STATUS_MEMORY, "no memory for the checksum of '%s'", in->path);
    const size_t behind = ST_DIGITS_AT + NN_DIGEST_DIGITS;
    char digits[NN_DIGEST_TEXT];
    nn_digest_append(digest, in->bytes, ST_DIGITS_AT);
    nn_digest_append(digest, ST_ZERO_DIGITS, NN_DIGEST_DIGITS);
    nn_digest_append(digest, in->bytes + behind, in->n - behind);
    bool equal = memcmp(nn_digest_format(digest, digits), in->bytes + ST_DIGITS_AT, NN_DIGEST_DIGITS) == 0;
    nn_digest_free(digest);
    return equal || ag_fail(error, AG_STATUS_MODEL, "'%s' is damaged: its %zu bytes do not give its checksum",
                            in->path, in->n);
}

static bool verify(const struct input *in, bool unverified, bool *verified, ag_error *error) {
    *verified = has_checksum(in);
    if (*verified) return check_digest(in, error);
    return unverified ||
           ag_fail(error, AG_STATUS_MODEL,
                   "'%s' has no checksum where it belongs: it is damaged, or of another program", in->path);
}

static bool parse_header(const struct input *in, nn_format_content *content, ag_error *error) {
    const char *text = (const char *)in->bytes + ST_LENGTH_BYTES;
    if (in->n_header == 0 || text[0] != '{')
        return ag_fail(error, AG_STATUS_MODEL, "'%s' is no model file: its header does not start with '{'",
                       in->path);
    content->header = nn_json_parse(text, in->n_header, in->path, AG_STATUS_MODEL, error);
    return content->header != NULL;
}

static bool read_metadata(const struct input *in, nn_format_content *content, ag_error *error) {
    const nn_json *metadata = nn_json_get(content->header, ST_METADATA);
    if (!metadata) return true;
    content->metadata = calloc((size_t)nn_json_count(metadata) + 1, sizeof *content->metadata);
    if (!content->metadata)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory for the metadata of '%s'", in->path);
    const nn_json *value;
    for (const char *key = NULL; nn_json_next(metadata, &key, &value);) {
        nn_format_entry entry = {.key = key};
        if (!nn_json_read_string(value, &entry.value))
            return ag_fail(error, AG_STATUS_MODEL, "'%s': metadata '%s' is not a text", in->path, key);
        if (content->verified && strcmp(key, ST_CHECKSUM) == 0) continue;
        content->metadata[content->n_metadata++] = entry;
    }
    return nn_json_is_object(metadata) ||
           ag_fail(error, AG_STATUS_MODEL, "'%s': its metadata is not an object", in->path);
}

static bool read_dtype(const nn_json *entry, nn_format_dtype *dtype) {
    const char *name;
    if (!nn_json_read_string(nn_json_get(entry, "dtype"), &name)) return false;
    for (int k = 0; k < NN_FORMAT_DTYPES; k++)
        if (strcmp(name, nn_format_dtype_name((nn_format_dtype)k)) == 0) {
            *dtype = (nn_format_dtype)k;
            return true;
        }
    return false;
}

static bool read_shape(const nn_json *entry, ag_shape *shape) {
    const nn_json *dims = nn_json_get(entry, "shape");
    int64_t dim[AG_MAX_RANK], rank = nn_json_count(dims);
    if (!nn_json_is_array(dims) || rank > AG_MAX_RANK) return false;
    for (int64_t i = 0; i < rank; i++)
        if (!nn_json_read_int(nn_json_at(dims, i), &dim[i])) return false;
    *shape = ag_shape_of((int)rank, dim);
    return ag_shape_size(*shape) > 0;
}

static bool read_offsets(const nn_json *entry, int64_t *begin, int64_t *end) {
    const nn_json *pair = nn_json_get(entry, "data_offsets");
    return nn_json_is_array(pair) && nn_json_count(pair) == 2 &&
           nn_json_read_int(nn_json_at(pair, 0), begin) && nn_json_read_int(nn_json_at(pair, 1), end);
}

static bool read_tensor(const struct input *in, const char *name, const nn_json *entry,
                        nn_format_tensor *tensor, ag_error *error) {
    int64_t begin, end;
    tensor->name = name;
    if (!nn_safetensors_name_sane(name))
        return ag_fail(error, AG_STATUS_MODEL,
                       "'%s': a tensor's name is empty, longer than %d bytes or unprintable", in->path,
                       ST_NAME_LIMIT);
    if (nn_json_count(entry) != 3 || !read_dtype(entry, &tensor->dtype) ||
        !read_shape(entry, &tensor->shape) || !read_offsets(entry, &begin, &end))
        return ag_fail(
            error, AG_STATUS_MODEL,
            "'%s': tensor '%s' needs a dtype of F32, F64 or U8, a shape of at most %d positive dimensions "
            "and two data_offsets",
            in->path, name, AG_MAX_RANK);
    if (begin < 0 || end < begin || end > in->n_data || end - begin != nn_safetensors_bytes(tensor))
        return ag_fail(
            error, AG_STATUS_MODEL,
            "'%s': tensor '%s' at bytes %lld to %lld does not fit its shape or the %lld bytes of data",
            in->path, name, (long long)begin, (long long)end, (long long)in->n_data);
    tensor->data = in->data + begin;
    return true;
}

static bool read_tensors(const struct input *in, nn_format_content *content, ag_error *error) {
    int64_t members = nn_json_count(content->header);
    if (members > ST_TENSOR_LIMIT + 1)
        return ag_fail(error, AG_STATUS_MODEL, "'%s' has %lld tensors; at most %d are read", in->path,
                       (long long)members, ST_TENSOR_LIMIT);
    content->tensors = calloc((size_t)members + 1, sizeof *content->tensors);
    if (!content->tensors)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory for the tensors of '%s'", in->path);
    const nn_json *entry;
    for (const char *name = NULL; nn_json_next(content->header, &name, &entry);) {
        if (strcmp(name, ST_METADATA) == 0) continue;
        if (!read_tensor(in, name, entry, &content->tensors[content->n_tensors], error)) return false;
        content->n_tensors++;
    }
    return true;
}

static int by_place(const void *a, const void *b) {
    const uint8_t *x = ((const nn_format_tensor *)a)->data, *y = ((const nn_format_tensor *)b)->data;
    return (x > y) - (x < y);
}

// The tensors cover the data exactly: no hole in which something else could hide, and no overlap, by which a
// small file could ask for much memory.
static bool check_cover(const struct input *in, nn_format_content *content, ag_error *error) {
    qsort(content->tensors, (size_t)content->n_tensors, sizeof *content->tensors, by_place);
    const uint8_t *at = in->data;
    for (int i = 0; i < content->n_tensors; i++) {
        if (content->tensors[i].data != at)
            return ag_fail(error, AG_STATUS_MODEL,
                           "'%s': tensor '%s' leaves a hole before it, or overlaps another", in->path,
                           content->tensors[i].name);
        at += nn_safetensors_bytes(&content->tensors[i]);
    }
    return at == in->data + in->n_data ||
           ag_fail(error, AG_STATUS_MODEL, "'%s' has %lld bytes behind its last tensor", in->path,
                   (long long)(in->data + in->n_data - at));
}

static bool load(const char *path, const nn_format_params *params, nn_format_content *content,
                 ag_error *error) {
    struct input in = {.path = path};
    if (!nn_file_load(path, FILE_LIMIT, AG_STATUS_MODEL, &content->bytes, &in.n, error)) return false;
    in.bytes = content->bytes;
    return cut(&in, error) && verify(&in, params->unverified, &content->verified, error) &&
           parse_header(&in, content, error) && read_metadata(&in, content, error) &&
           read_tensors(&in, content, error) && check_cover(&in, content, error);
}

const nn_format nn_format_safetensors = {
    .name = "safetensors",
    .extension = ".safetensors",
    .save = nn_safetensors_save,
    .load = load,
};
