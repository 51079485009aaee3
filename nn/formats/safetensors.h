// SPDX-License-Identifier: MIT
// What the reader and the writer of safetensors files share (private): the limits and the place of the
// checksum. Layout (github.com/huggingface/safetensors): 8 bytes little-endian header length, a JSON header,
// the values. Ours has a checksum, first in the metadata and so at a fixed place, over all bytes of the file
// with its own digits taken as zeros.
#pragma once

#include "nn/digest.h"
#include "nn/format.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are written as they lie in memory");

#define ST_LENGTH_BYTES 8
#define ST_HEADER_LIMIT (INT64_C(4) << 20)
#define ST_TENSOR_LIMIT 4096
#define ST_NAME_LIMIT 255

#define ST_METADATA "__metadata__"
#define ST_CHECKSUM "checksum"
#define ST_CHECKSUM_KIND "xxh128:"
#define ST_HEADER_START "{\"" ST_METADATA "\":{\"" ST_CHECKSUM "\":\"" ST_CHECKSUM_KIND
#define ST_DIGITS_AT (ST_LENGTH_BYTES + sizeof ST_HEADER_START - 1)
#define ST_ZERO_DIGITS "00000000000000000000000000000000"

_Static_assert(sizeof ST_ZERO_DIGITS == NN_DIGEST_TEXT, "as many zeros as digits");

// Not empty, at most ST_NAME_LIMIT bytes, no control characters, which would spoil messages and listings.
// UTF-8 itself is checked by the JSON library.
bool nn_safetensors_name_sane(const char *name);

// Bytes of the values; -1 when the shape is not a valid one.
int64_t nn_safetensors_bytes(const nn_format_tensor *tensor);

// The writing half of the format.
bool nn_safetensors_save(const char *path, const nn_format_content *content, ag_error *error);
