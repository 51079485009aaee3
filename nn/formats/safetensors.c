// SPDX-License-Identifier: MIT
// Reads safetensors files. The header is read and checked first: no number in it is used before it is
// compared with the bytes that are there, and a file of another size than it says is refused before its data
// are read. The checksum over both comes last.
#include "nn/formats/safetensors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/file.h"
#include "nn/json.h"
#include "nn/number.h"

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

// A tensor and where in the data it begins.
struct place {
    nn_format_tensor tensor;
    int64_t begin;
};

// A file on its way in. All that its header says is checked before its data get memory.
struct input {
    const char *path;
    int file;        // descriptor
    int64_t n;       // bytes of the file
    uint8_t *bytes;  // length and header, then the whole file
    int64_t n_header, n_data;
    struct place *places;
};

static bool check_length(struct input *in, uint64_t length, ag_error *error) {
    if (length > (uint64_t)ST_HEADER_LIMIT)
        return ag_fail(
            error, AG_STATUS_MODEL,
            "'%s' is no model file: its first 8 bytes announce a header of %llu bytes; at most %lld are "
            "read",
            in->path, (unsigned long long)length, (long long)ST_HEADER_LIMIT);
    if ((int64_t)length > in->n - ST_LENGTH_BYTES)
        return ag_fail(error, AG_STATUS_MODEL,
                       "'%s' is cut off: a header of %llu bytes is announced, %lld are there", in->path,
                       (unsigned long long)length, (long long)(in->n - ST_LENGTH_BYTES));
    in->n_header = (int64_t)length;
    in->n_data = in->n - ST_LENGTH_BYTES - in->n_header;
    return true;
}

// Reads the bytes [from, to) to their place in memory for `room` bytes.
static bool read_range(struct input *in, int64_t from, int64_t to, int64_t room, ag_error *error) {
    uint8_t *grown = realloc(in->bytes, (size_t)room);
    if (!grown)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory for %lld bytes of '%s'", (long long)room,
                       in->path);
    in->bytes = grown;
    const ssize_t got = nn_file_read(in->file, in->bytes + from, (size_t)(room - from));
    if (got < 0) return ag_fail(error, AG_STATUS_MODEL, "cannot read '%s': %s", in->path, strerror(errno));
    return got == to - from ||
           ag_fail(error, AG_STATUS_MODEL, "'%s' changed its size from %lld bytes while it was read",
                   in->path, (long long)in->n);
}

static bool read_head(struct input *in, ag_error *error) {
    if (in->n < ST_LENGTH_BYTES)
        return ag_fail(error, AG_STATUS_MODEL,
                       "'%s' is no model file: %lld byte%s %s less than a header's length takes", in->path,
                       (long long)in->n, nn_plural(in->n), in->n == 1 ? "is" : "are");
    if (!read_range(in, 0, ST_LENGTH_BYTES, ST_LENGTH_BYTES, error)) return false;
    uint64_t length;
    memcpy(&length, in->bytes, sizeof length);
    const int64_t end = ST_LENGTH_BYTES + (int64_t)length;
    return check_length(in, length, error) && read_range(in, ST_LENGTH_BYTES, end, end, error);
}

// One byte more than the size is asked for: a file that grew gives it, one that shrank gives too few.
static bool read_data(struct input *in, ag_error *error) {
    return read_range(in, in->n - in->n_data, in->n, in->n + 1, error);
}

static bool has_checksum(const struct input *in) {
    return ST_LENGTH_BYTES + in->n_header >= (int64_t)(ST_DIGITS_AT + NN_DIGEST_DIGITS) &&
           memcmp(in->bytes + ST_LENGTH_BYTES, ST_HEADER_START, sizeof ST_HEADER_START - 1) == 0;
}

static bool check_digest(const struct input *in, ag_error *error) {
    nn_digest *digest = nn_digest_create();
    if (!digest) return ag_fail(error, AG_STATUS_MEMORY, "no memory for the checksum of '%s'", in->path);
    const size_t behind = ST_DIGITS_AT + NN_DIGEST_DIGITS;
    char digits[NN_DIGEST_TEXT];
    nn_digest_append(digest, in->bytes, ST_DIGITS_AT);
    nn_digest_append(digest, ST_ZERO_DIGITS, NN_DIGEST_DIGITS);
    nn_digest_append(digest, in->bytes + behind, (size_t)in->n - behind);
    bool equal = memcmp(nn_digest_format(digest, digits), in->bytes + ST_DIGITS_AT, NN_DIGEST_DIGITS) == 0;
    nn_digest_free(digest);
    return equal ||
           ag_fail(error, AG_STATUS_MODEL, "'%s' is damaged: its %lld bytes do not give its checksum",
                   in->path, (long long)in->n);
}

static bool require_checksum(const struct input *in, bool unverified, bool *verified, ag_error *error) {
    *verified = has_checksum(in);
    return *verified || unverified ||
           ag_fail(error, AG_STATUS_MODEL,
                   "'%s' has no checksum where it belongs: it is damaged, or of another program", in->path);
}

static bool parse_header(const struct input *in, nn_format_content *content, ag_error *error) {
    const char *text = (const char *)in->bytes + ST_LENGTH_BYTES;
    if (in->n_header == 0 || text[0] != '{')
        return ag_fail(error, AG_STATUS_MODEL, "'%s' is no model file: its header does not start with '{'",
                       in->path);
    content->header = nn_json_parse(text, (size_t)in->n_header, in->path, AG_STATUS_MODEL, error);
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

static bool read_place(const struct input *in, const char *name, const nn_json *entry, struct place *place,
                       ag_error *error) {
    nn_format_tensor *tensor = &place->tensor;
    int64_t end;
    tensor->name = name;
    if (!nn_safetensors_name_sane(name))
        return ag_fail(error, AG_STATUS_MODEL,
                       "'%s': a tensor's name is empty, longer than %d bytes or unprintable", in->path,
                       ST_NAME_LIMIT);
    if (nn_json_count(entry) != 3 || !read_dtype(entry, &tensor->dtype) ||
        !read_shape(entry, &tensor->shape) || !read_offsets(entry, &place->begin, &end))
        return ag_fail(
            error, AG_STATUS_MODEL,
            "'%s': tensor '%s' needs a dtype of F32, F64 or U8, a shape of at most %d positive dimensions "
            "and two data_offsets",
            in->path, name, AG_MAX_RANK);
    if (place->begin < 0 || end < place->begin || end > in->n_data ||
        end - place->begin != nn_safetensors_bytes(tensor))
        return ag_fail(error, AG_STATUS_MODEL,
                       "'%s' is damaged or cut off: tensor '%s' at bytes %lld to %lld does not fit its shape "
                       "or the %lld byte%s of data",
                       in->path, name, (long long)place->begin, (long long)end, (long long)in->n_data,
                       nn_plural(in->n_data));
    return true;
}

static bool read_places(struct input *in, nn_format_content *content, ag_error *error) {
    int64_t members = nn_json_count(content->header);
    if (members > ST_TENSOR_LIMIT + 1)
        return ag_fail(error, AG_STATUS_MODEL, "'%s' has %lld tensors; at most %d are read", in->path,
                       (long long)members, ST_TENSOR_LIMIT);
    in->places = calloc((size_t)members + 1, sizeof *in->places);
    content->tensors = calloc((size_t)members + 1, sizeof *content->tensors);
    if (!in->places || !content->tensors)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory for the tensors of '%s'", in->path);
    const nn_json *entry;
    for (const char *name = NULL; nn_json_next(content->header, &name, &entry);) {
        if (strcmp(name, ST_METADATA) == 0) continue;
        if (!read_place(in, name, entry, &in->places[content->n_tensors], error)) return false;
        content->n_tensors++;
    }
    return true;
}

static int by_begin(const void *a, const void *b) {
    const int64_t x = ((const struct place *)a)->begin, y = ((const struct place *)b)->begin;
    return (x > y) - (x < y);
}

// The tensors cover the data exactly: no hole in which something else could hide, and no overlap, by which a
// small file could ask for much memory.
static bool check_cover(const struct input *in, int n_tensors, ag_error *error) {
    qsort(in->places, (size_t)n_tensors, sizeof *in->places, by_begin);
    int64_t at = 0;
    for (int i = 0; i < n_tensors; i++) {
        const nn_format_tensor *tensor = &in->places[i].tensor;
        if (in->places[i].begin != at)
            return ag_fail(error, AG_STATUS_MODEL,
                           "'%s': tensor '%s' leaves a hole before it, or overlaps another", in->path,
                           tensor->name);
        at += nn_safetensors_bytes(tensor);
    }
    return at == in->n_data ||
           ag_fail(error, AG_STATUS_MODEL, "'%s' is damaged: it has %lld byte%s behind its last tensor",
                   in->path, (long long)(in->n_data - at), nn_plural(in->n_data - at));
}

static void set_tensors(const struct input *in, nn_format_content *content) {
    const uint8_t *data = in->bytes + ST_LENGTH_BYTES + in->n_header;
    for (int i = 0; i < content->n_tensors; i++) {
        content->tensors[i] = in->places[i].tensor;
        content->tensors[i].data = data + in->places[i].begin;
    }
}

static bool read_file(struct input *in, bool unverified, nn_format_content *content, ag_error *error) {
    if (!read_head(in, error) || !require_checksum(in, unverified, &content->verified, error) ||
        !parse_header(in, content, error) || !read_metadata(in, content, error) ||
        !read_places(in, content, error) || !check_cover(in, content->n_tensors, error) ||
        !read_data(in, error) || (content->verified && !check_digest(in, error)))
        return false;
    set_tensors(in, content);
    return true;
}

static bool load(const char *path, const nn_format_params *params, nn_format_content *content,
                 ag_error *error) {
    struct input in = {.path = path};
    in.file = nn_file_open(path, AG_STATUS_MODEL, &in.n, error);
    if (in.file < 0) return false;
    const bool ok = read_file(&in, params->unverified, content, error);
    close(in.file);
    free(in.places);
    content->bytes = in.bytes;
    return ok;
}

const nn_format nn_format_safetensors = {
    .name = "safetensors",
    .extension = ".safetensors",
    .save = nn_safetensors_save,
    .load = load,
};
