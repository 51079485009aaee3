// SPDX-License-Identifier: MIT
// JSON values: parse, look, build, print. A thin cover over jansson, so that one file includes it. Strings
// are UTF-8 without NUL; integers have 64 bits; numbers are finite.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "autograd/check.h"

typedef struct nn_json nn_json;

// n bytes of text, an object or an array, to a value that the caller frees. A key that comes twice, bytes
// behind the value, bad UTF-8 and out-of-range numbers are errors with `status`, naming `source`, line and
// column.
nn_json *nn_json_parse(const char *text, size_t n, const char *source, ag_status status, ag_error *error);

// Text of the value, members in the order of their insertion: the same bytes for the same value, always.
// Without white space and doubles with 17 digits; or for people, with an indent of 2, a last newline, and as
// few digits as bring all doubles back. The caller frees it; NULL when memory runs out.
char *nn_json_print(const nn_json *value);
char *nn_json_print_pretty(const nn_json *value);

void nn_json_free(nn_json *value);  // NULL is fine

// New values. NULL when memory runs out, text is not UTF-8, or a double is NaN or infinite.
nn_json *nn_json_object(void);
nn_json *nn_json_array(void);
nn_json *nn_json_string(const char *text);
nn_json *nn_json_int(int64_t number);
nn_json *nn_json_double(double number);
nn_json *nn_json_bool(bool truth);

// Put `value`, which the container owns from then on, under a key, or at the end of an array. On failure,
// which a NULL value is, it is freed. So a chain of nn_json_set(o, "a", nn_json_int(1)) && ... needs one
// check.
bool nn_json_set(nn_json *object, const char *key, nn_json *value);
bool nn_json_append(nn_json *array, nn_json *value);

// Borrowed; NULL when the key is absent, i is out of range or the value is of another kind.
const nn_json *nn_json_get(const nn_json *object, const char *key);
const nn_json *nn_json_at(const nn_json *array, int64_t i);

bool nn_json_is_object(const nn_json *value);  // false for NULL
bool nn_json_is_array(const nn_json *value);
int64_t nn_json_count(const nn_json *container);  // members or elements; 0 for anything else

// Steps through an object's members in order: start with *key = NULL; false after the last one.
bool nn_json_next(const nn_json *object, const char **key, const nn_json **value);

// The value into *out, which stays untouched when it is NULL or of another kind:
// nn_json_read_int(nn_json_get(o, "seed"), &seed). An integer is read as a double too, never the reverse.
// Strings are borrowed.
bool nn_json_read_string(const nn_json *value, const char **out);
bool nn_json_read_int(const nn_json *value, int64_t *out);
bool nn_json_read_double(const nn_json *value, double *out);
bool nn_json_read_bool(const nn_json *value, bool *out);
