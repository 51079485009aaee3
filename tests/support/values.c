// SPDX-License-Identifier: MIT
// Test values from a generator of the tests' own.
#include "tests/support/values.h"

uint64_t values_next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double values_uniform(uint64_t *state) { return (double)(values_next(state) >> 11) * 0x1p-53; }

int values_below(uint64_t *state, int bound) { return (int)(values_next(state) % (uint64_t)bound); }

static double draw(value_domain domain, uint64_t *state) {
    double u = values_uniform(state);
    switch (domain) {
        case VALUES_POSITIVE:
            return 0.25 + 2 * u;
        case VALUES_NONZERO:
            return (0.25 + 2 * u) * (values_next(state) & 1 ? 1 : -1);
        default:
            return 4 * u - 2;
    }
}

void values_fill(value_domain domain, uint64_t seed, int64_t n, double *out) {
    uint64_t state = seed;
    for (int64_t i = 0; i < n; i++) out[i] = draw(domain, &state);
}

ag_tensor *values_tensor(ag_dtype dtype, ag_shape shape, value_domain domain, uint64_t seed) {
    ag_tensor *tensor = ag_tensor_create(dtype, shape);
    uint64_t state = seed;
    for (int64_t i = 0; i < ag_shape_size(shape); i++) ag_tensor_set(tensor, i, draw(domain, &state));
    return tensor;
}

ag_tensor *values_constant(ag_dtype dtype, ag_shape shape, double value) {
    ag_tensor *tensor = ag_tensor_create(dtype, shape);
    for (int64_t i = 0; i < ag_shape_size(shape); i++) ag_tensor_set(tensor, i, value);
    return tensor;
}

ag_tensor *values_from(ag_dtype dtype, ag_shape shape, const double *numbers) {
    ag_tensor *tensor = ag_tensor_create(dtype, shape);
    for (int64_t i = 0; i < ag_shape_size(shape); i++) ag_tensor_set(tensor, i, numbers[i]);
    return tensor;
}
