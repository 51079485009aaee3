// SPDX-License-Identifier: MIT
// dcgan evaluate: the seed's three scores, on real images and as many fakes.
#include <stdio.h>
#include <stdlib.h>

#include "apps/dcgan/command.h"
#include "apps/dcgan/use.h"

// n real images with label 1, then n fakes with label 0.
static bool fill(dcgan *model, const nn_dataset *data, int64_t n, float *images, float *labels, float *z,
                 ag_error *error) {
    const int64_t size = ag_shape_size(dcgan_image_shape(model));
    use_images(data, 0, n, images);
    for (int64_t i = 0; i < 2 * n; i++) labels[i] = i < n;
    dcgan_draw_z(model, n, z);
    return dcgan_generate(model, z, n, images + n * size, error);
}

static bool evaluate(dcgan *model, const nn_dataset *data, int64_t n, ag_error *error) {
    const size_t count = (size_t)n;
    float *images = calloc(2 * count * (size_t)ag_shape_size(dcgan_image_shape(model)), sizeof *images);
    float *labels = calloc(2 * count, sizeof *labels),
          *z = calloc(count * (size_t)dcgan_z_dim(model), sizeof *z);
    dcgan_scores scores;
    const bool ok = ((images && labels && z) ||
                     ag_fail(error, AG_STATUS_MEMORY, "no memory for %lld images", 2 * (long long)n)) &&
                    fill(model, data, n, images, labels, z, error) &&
                    dcgan_evaluate(model, images, labels, 2 * n, &scores, error);
    if (ok)
        printf("d_loss %.6f\nd_accuracy %.6f\ng_loss %.6f\n", scores.d_loss, scores.d_accuracy,
               scores.g_loss);
    free(images);
    free(labels);
    free(z);
    return ok;
}

static exit_code run(const options *o, ag_error *error) {
    dcgan *model = use_model(o, error);
    nn_dataset *data = model ? use_data(o, error) : NULL;
    const int64_t n = options_integer(o, OPTION_REALS);
    if (data && use_check(model, data, error) && !evaluate(model, data, n < data->n ? n : data->n, error))
        use_blame_model(o, error);
    nn_dataset_free(data);
    dcgan_free(model);
    return EXIT_OK;
}

const command command_evaluate = {
    .name = "evaluate",
    .summary = "Print the losses and the accuracy on reals and fakes",
    .note =
        "The losses are the seed's for every --gan that the model was trained with: d_loss is the binary "
        "cross-entropy of reals and fakes, and g_loss the non-saturating one, -mean log D(G(z)).",
    .options = (const option_id[]){OPTION_MODEL, OPTION_DATA, OPTION_REALS, OPTION_THREADS, OPTION_END},
    .run = run,
};
