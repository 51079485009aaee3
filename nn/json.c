// SPDX-License-Identifier: MIT
// jansson behind the room's own names; the only file that includes jansson.h.
#include "nn/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *raw(const nn_json *value) { return (json_t *)value; }
static nn_json *cover(json_t *value) { return (nn_json *)value; }

nn_json *nn_json_parse(const char *text, size_t n, const char *source, ag_status status, ag_error *error) {
    json_error_t why;
    errno = 0;
    json_t *value = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
    // jansson calls a failed allocation a syntax error in most places.
    if (!value && errno == ENOMEM)
        ag_fail(error, AG_STATUS_MEMORY, "no memory for the JSON of '%s'", source);
    else if (!value)
        ag_fail(error, status, "'%s' is not sound JSON at line %d, column %d: %s", source, why.line,
                why.column, why.text);
    return cover(value);
}

char *nn_json_print(const nn_json *value) {
    return json_dumps(raw(value), JSON_COMPACT | JSON_REAL_PRECISION(17));
}

// With the fewest digits that are read back as the same value.
static char *print_short(const nn_json *value, size_t flags) {
    for (int digits = 1;; digits++) {
        char *text = json_dumps(raw(value), flags | JSON_REAL_PRECISION(digits));
        if (!text || digits == 17) return text;
        json_t *back = json_loads(text, 0, NULL);
        const bool same = json_equal(raw(value), back);
        json_decref(back);
        if (same) return text;
        free(text);
    }
}

char *nn_json_print_pretty(const nn_json *value) {
    char *text = print_short(value, JSON_INDENT(2));
    if (!text) return NULL;
    size_t n = strlen(text);
    char *longer = realloc(text, n + 2);
    if (longer)
        memcpy(longer + n, "\n", 2);
    else
        free(text);
    return longer;
}

void nn_json_free(nn_json *value) { json_decref(raw(value)); }

nn_json *nn_json_object(void) { return cover(json_object()); }
nn_json *nn_json_array(void) { return cover(json_array()); }
nn_json *nn_json_string(const char *text) { return cover(json_string(text)); }
nn_json *nn_json_int(int64_t number) { return cover(json_integer(number)); }
nn_json *nn_json_double(double number) { return cover(json_real(number)); }
nn_json *nn_json_bool(bool truth) { return cover(json_boolean(truth)); }

bool nn_json_set(nn_json *object, const char *key, nn_json *value) {
    return json_object_set_new(raw(object), key, raw(value)) == 0;
}

bool nn_json_append(nn_json *array, nn_json *value) {
    return json_array_append_new(raw(array), raw(value)) == 0;
}

const nn_json *nn_json_get(const nn_json *object, const char *key) {
    return cover(json_object_get(raw(object), key));
}

const nn_json *nn_json_at(const nn_json *array, int64_t i) {
    return i < 0 ? NULL : cover(json_array_get(raw(array), (size_t)i));
}

bool nn_json_is_object(const nn_json *value) { return json_is_object(raw(value)); }
bool nn_json_is_array(const nn_json *value) { return json_is_array(raw(value)); }

int64_t nn_json_count(const nn_json *container) {
    return (int64_t)(json_object_size(raw(container)) + json_array_size(raw(container)));
}

bool nn_json_next(const nn_json *object, const char **key, const nn_json **value) {
    json_t *members = raw(object);
    void *at =
        *key ? json_object_iter_next(members, json_object_key_to_iter(*key)) : json_object_iter(members);
    if (!at) return false;
    *key = json_object_iter_key(at);
    *value = cover(json_object_iter_value(at));
    return true;
}

bool nn_json_read_string(const nn_json *value, const char **out) {
    if (!json_is_string(raw(value))) return false;
    *out = json_string_value(raw(value));
    return true;
}

bool nn_json_read_int(const nn_json *value, int64_t *out) {
    if (!json_is_integer(raw(value))) return false;
    *out = json_integer_value(raw(value));
    return true;
}

bool nn_json_read_double(const nn_json *value, double *out) {
    if (!json_is_number(raw(value))) return false;
    *out = json_number_value(raw(value));
    return true;
}

bool nn_json_read_bool(const nn_json *value, bool *out) {
    if (!json_is_boolean(raw(value))) return false;
    *out = json_boolean_value(raw(value));
    return true;
}
