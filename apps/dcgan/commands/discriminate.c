// SPDX-License-Identifier: MIT
// dcgan discriminate: the probability of being real for every image of a set.
#include <stdio.h>
#include <stdlib.h>

#include "apps/dcgan/command.h"
#include "apps/dcgan/text.h"
#include "apps/dcgan/use.h"

#define CHUNK 128  // images at a time

static bool print_chunk(dcgan *model, const nn_dataset *data, int64_t first, float *images, ag_error *error) {
    const int64_t n = data->n - first < CHUNK ? data->n - first : CHUNK;
    float probabilities[CHUNK];
    use_images(data, first, n, images);
    if (!dcgan_discriminate(model, images, n, probabilities, error)) return false;
    if (first == 0) puts("index,probability");
    for (int64_t i = 0; i < n; i++) printf("%lld,%.9g\n", (long long)(first + i), (double)probabilities[i]);
    return true;
}

static bool print_all(dcgan *model, const nn_dataset *data, ag_error *error) {
    float *images = malloc((size_t)(CHUNK * ag_shape_size(dcgan_image_shape(model))) * sizeof *images);
    bool ok = images || ag_fail(error, AG_STATUS_MEMORY, "no memory for %d images", CHUNK);
    for (int64_t first = 0; first < data->n && ok; first += CHUNK)
        ok = print_chunk(model, data, first, images, error);
    free(images);
    return ok;
}

static exit_code run(const options *o, ag_error *error) {
    dcgan *model = use_model(o, error);
    nn_dataset *data = model ? use_data(o, error) : NULL;
    if (data && use_check(model, data, error) && !print_all(model, data, error)) use_blame_model(o, error);
    nn_dataset_free(data);
    dcgan_free(model);
    return EXIT_OK;
}

const command command_discriminate = {
    .name = "discriminate",
    .summary = "Print each image's probability of being real, as CSV",
    .options =
        (const option_id[]){OPTION_MODEL, OPTION_DATA, OPTION_LIMIT_IMAGES, OPTION_THREADS, OPTION_END},
    .run = run,
};
