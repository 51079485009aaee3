// SPDX-License-Identifier: MIT
// Model files: named tensors and text metadata in one file that is written atomically and checked before it
// is believed. Also the contract of the files in formats/.
#pragma once

#include <stddef.h>

#include "autograd/check.h"
#include "autograd/shape.h"
#include "autograd/tensor.h"

typedef enum nn_format_dtype { NN_FORMAT_F32, NN_FORMAT_F64, NN_FORMAT_U8, NN_FORMAT_DTYPES } nn_format_dtype;

typedef struct nn_format_tensor {
    const char *name;  // 1 to 255 bytes of UTF-8 without control characters, unique in its file
    nn_format_dtype dtype;
    ag_shape shape;
    const void *data;  // row-major; in a loaded file it need not be aligned: copy it
} nn_format_tensor;

typedef struct nn_format_entry {
    const char *key, *value;  // UTF-8; structured values are JSON text
} nn_format_entry;

// The content of a model file. To save, point at what you own. A loaded one owns everything that it points
// at.
typedef struct nn_format_content {
    nn_format_tensor *tensors;
    int n_tensors;
    nn_format_entry *metadata;  // without the checksum
    int n_metadata;
    bool verified;           // loaded, and its checksum over header and data was right
    char *path;              // where it was loaded from, for messages
    uint8_t *bytes;          // private to the format that loaded it
    struct nn_json *header;  // likewise
} nn_format_content;

typedef struct nn_format_params {
    bool unverified;  // also load files of other programs, which carry no checksum; sizes are checked all the
                      // same
} nn_format_params;

// Writes content to path, atomically (file.h): AG_STATUS_OUTPUT when that fails, AG_STATUS_CONTRACT when the
// content breaks the rules above. Equal content gives equal bytes. The format is the one whose extension path
// has, or else the first, safetensors.
AG_API bool nn_format_save(const char *path, const nn_format_content *content, ag_error *error);

// Reads a model file; params may be NULL. AG_STATUS_MODEL when the file is missing, malformed, or any bit of
// it differs from what was written. The caller frees the result.
AG_API nn_format_content *nn_format_load(const char *path, const nn_format_params *params, ag_error *error);
AG_API void nn_format_free(nn_format_content *content);  // a loaded one; NULL is fine

// Borrowed; NULL when absent.
AG_API const nn_format_tensor *nn_format_find(const nn_format_content *content, const char *name);
AG_API const char *nn_format_metadata(const nn_format_content *content, const char *key);

// Copies a tensor's values to out when it is there and has this type and shape. Otherwise AG_STATUS_MODEL
// with both sides named, and out is untouched.
AG_API bool nn_format_read(const nn_format_content *content, const char *name, nn_format_dtype dtype,
                           ag_shape shape, void *out, ag_error *error);

// 1, 4 or 8; 0 for an unknown type.
AG_API int64_t nn_format_dtype_bytes(nn_format_dtype dtype);

// "F32", "F64", "U8": safetensors' names; "?" for an unknown type.
AG_API const char *nn_format_dtype_name(nn_format_dtype dtype);

// A file format: one file in formats/, which defines `const nn_format nn_format_NAME` and is listed in
// nn/meson.build.
typedef struct nn_format {
    const char *name;
    const char *extension;  // ".safetensors"
    bool (*save)(const char *path, const nn_format_content *content, ag_error *error);
    // Fills *content, which nn_format_free frees even after a failure.
    bool (*load)(const char *path, const nn_format_params *params, nn_format_content *content,
                 ag_error *error);
} nn_format;

// All formats, the default first; NULL past the end.
AG_API const nn_format *nn_format_at(int i);
