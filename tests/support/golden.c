// SPDX-License-Identifier: MIT
// Reading golden files.
#include "tests/support/golden.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_TEXT 256

#define FORMAT_NAME(name, format)                      \
    do {                                               \
        va_list arguments;                             \
        va_start(arguments, format);                   \
        vsnprintf(name, NAME_TEXT, format, arguments); \
        va_end(arguments);                             \
    } while (0)

nn_format_content *golden_open(const char *name) {
    char path[1024];
    ag_error error = {0};
    snprintf(path, sizeof path, "%s/data/%s.safetensors", TEST_GOLDEN_DIR, name);
    nn_format_content *file = nn_format_load(path, &(nn_format_params){.unverified = true}, &error);
    cr_assert(file, "%s", error.text);
    return file;
}

static ag_tensor *read_tensor(const nn_format_content *file, const char *name) {
    const nn_format_tensor *found = nn_format_find(file, name);
    cr_assert(found, "%s holds no array %s", file->path, name);
    cr_assert(found->dtype != NN_FORMAT_U8, "%s: %s holds bytes", file->path, name);
    ag_error error = {0};
    ag_tensor *tensor = ag_tensor_create(found->dtype == NN_FORMAT_F64 ? AG_F64 : AG_F32, found->shape);
    cr_assert(tensor && nn_format_read(file, name, found->dtype, found->shape, tensor->data, &error), "%s",
              error.text);
    return tensor;
}

ag_tensor *golden_tensor(const nn_format_content *file, const char *format, ...) {
    char name[NAME_TEXT];
    FORMAT_NAME(name, format);
    return read_tensor(file, name);
}

double golden_number(const nn_format_content *file, int64_t i, const char *format, ...) {
    char name[NAME_TEXT];
    FORMAT_NAME(name, format);
    ag_tensor *tensor = read_tensor(file, name);
    cr_assert(i < ag_shape_size(tensor->shape), "%s has no number %lld", name, (long long)i);
    const double number = ag_tensor_get(tensor, i);
    ag_tensor_free(tensor);
    return number;
}

void golden_read_parameter(const nn_format_content *file, ag_parameter *parameter, const char *format, ...) {
    char name[NAME_TEXT];
    FORMAT_NAME(name, format);
    ag_tensor *tensor = read_tensor(file, name);
    cr_assert(ag_shape_size(tensor->shape) == parameter->size &&
                  tensor->dtype == ag_parameter_set_dtype(parameter->set),
              "%s does not fit parameter %s", name, parameter->name);
    memcpy(ag_parameter_values(parameter), tensor->data,
           (size_t)parameter->size * ag_dtype_bytes(tensor->dtype));
    ag_tensor_free(tensor);
}

static double largest(const ag_tensor *tensor) {
    double result = 0;
    for (int64_t i = 0, n = ag_shape_size(tensor->shape); i < n; i++)
        result = fmax(result, fabs(ag_tensor_get(tensor, i)));
    return result;
}

void golden_check(const nn_format_content *file, ag_dtype dtype, const void *values, double relative,
                  double floor, const char *format, ...) {
    char name[NAME_TEXT];
    FORMAT_NAME(name, format);
    ag_tensor *expected = read_tensor(file, name);
    const ag_tensor actual = {.dtype = dtype, .shape = expected->shape, .data = (void *)values};
    const double bound = relative * fmax(largest(expected), floor);
    for (int64_t i = 0, n = ag_shape_size(expected->shape); i < n; i++) {
        const double a = ag_tensor_get(&actual, i), e = ag_tensor_get(expected, i);
        cr_assert(fabs(a - e) <= bound,
                  "%s: %s[%lld] is %.17g, expected %.17g; they differ by %.3g, at most %.3g", file->path,
                  name, (long long)i, a, e, fabs(a - e), bound);
    }
    ag_tensor_free(expected);
}
