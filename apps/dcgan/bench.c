// SPDX-License-Identifier: MIT
// The benches by name.
#include "apps/dcgan/bench.h"

#include <string.h>

#define BENCH(name) extern const bench bench_##name;
#include "apps/bench_list.def"
#undef BENCH

#define BENCH(name) &bench_##name,
static const bench *const benches[] = {
#include "apps/bench_list.def"
};
#undef BENCH

#define Z_DIM 100
#define COUNT ((int)(sizeof benches / sizeof *benches))

const bench *bench_at(int i) { return i >= 0 && i < COUNT ? benches[i] : NULL; }

const bench *bench_find(const char *name) {
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(benches[i]->name, name) == 0) return benches[i];
    }
    return NULL;
}

dcgan *bench_model(const bench_params *p, ag_error *error) {
    dcgan_params params = {.image_shape = p->image, .seed = 1};
    params.generator = dcgan_generator_create(Z_DIM, p->image, p->width, AG_F32, error);
    if (!params.generator) return NULL;
    params.discriminator = dcgan_discriminator_create(p->image, p->width, AG_F32, error);
    if (params.discriminator) return dcgan_create(params, error);
    nn_model_free(params.generator);
    return NULL;
}
