// SPDX-License-Identifier: MIT
// Opening models and images by the options.
#include "apps/dcgan/use.h"

#include <stdio.h>
#include <string.h>

#include "apps/dcgan/run_dir.h"
#include "autograd/precision.h"

dcgan *use_model(const options *o, ag_error *error) {
    char path[PATH_MAX];
    const char *model = options_text(o, OPTION_MODEL);
    if (!model)
        return ag_fail(error, AG_STATUS_USAGE,
                       "--model is missing: it names a model file or the run that made it"),
               NULL;
    return dcgan_open(run_dir_model(model, path), error);
}

void use_blame(const char *file, ag_error *error) {
    if (error->status != AG_STATUS_MODEL || strstr(error->text, file)) return;
    const ag_error cause = *error;
    *error = (ag_error){0};
    ag_fail(error, cause.status, "'%s': %s", file, cause.text);
}

void use_blame_model(const options *o, ag_error *error) {
    char path[PATH_MAX];
    use_blame(run_dir_model(options_text(o, OPTION_MODEL), path), error);
}

void use_precision(const options *o) {
    const bool bf16 = strcmp(options_text(o, OPTION_PRECISION), "bf16") == 0;
    ag_error error = {0};
    if (!ag_precision_set(bf16 ? AG_PRECISION_BF16 : AG_PRECISION_F32, &error))
        fprintf(stderr, "dcgan: warning: %s; products stay in f32\n", error.text);
}

nn_dataset *use_data(const options *o, ag_error *error) {
    const nn_dataset_params params = {.limit = options_integer(o, OPTION_LIMIT_IMAGES)};
    return nn_dataset_open(options_text(o, OPTION_DATA), &params, error);
}

bool use_check(const dcgan *model, const nn_dataset *data, ag_error *error) {
    const ag_shape wanted = dcgan_image_shape(model), got = AG_SHAPE(data->h, data->w, data->c);
    char a[AG_SHAPE_TEXT], b[AG_SHAPE_TEXT];
    return ag_shape_equal(wanted, got) ||
           ag_fail(error, AG_STATUS_DATA, "'%s' holds images of %s, the model's are %s", data->path,
                   ag_shape_format(got, a), ag_shape_format(wanted, b));
}

void use_images(const nn_dataset *data, int64_t first, int64_t n, float *out) {
    const int64_t size = data->h * data->w * data->c;
    const uint8_t *from = data->images + first * size;
    for (int64_t i = 0; i < n * size; i++) out[i] = (float)from[i] / 255;
}
