// SPDX-License-Identifier: MIT
// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011; Random123). Key = seed, counter =
// (purpose, step, index): a stream has no state but these numbers, so neither threads, batch split, resume
// nor sampling can move it.
#pragma once

#include <stdint.h>

#include "autograd/tensor.h"

// What a stream is for. Two draws with one purpose, step and index are equal.
typedef enum ag_purpose {
    AG_PURPOSE_INITIALIZE = 1,
    AG_PURPOSE_SHUFFLE,
    AG_PURPOSE_LATENT_DISCRIMINATOR,
    AG_PURPOSE_LATENT_GENERATOR,
    AG_PURPOSE_FIXED,
    AG_PURPOSE_EVALUATE,
    AG_PURPOSE_SAMPLE,
    AG_PURPOSE_DROPOUT,
    AG_PURPOSE_PENALTY,
    AG_PURPOSE_TEST,
    AG_PURPOSE_USER = 1024,  // and above: free
} ag_purpose;

typedef struct ag_stream {
    uint64_t seed;
    uint32_t purpose;
    uint64_t step;
} ag_stream;

// Four words of block `index`.
AG_API void ag_random_block(ag_stream stream, uint64_t index, uint32_t out[4]);

// out[i], i in [0, n): value `first + i` of the stream. Uniform on [0, 1) (24 bits in f32, 53 in f64); normal
// by Box-Muller on SLEEF's cinz functions, the same on every instruction set.
AG_API void ag_random_uniform_fill(ag_stream stream, uint64_t first, int64_t n, ag_dtype dtype, void *out);
AG_API void ag_random_normal_fill(ag_stream stream, uint64_t first, int64_t n, ag_dtype dtype, void *out);

// Unbiased integer in [0, bound), bound >= 1 (rejection); a permutation of 0..n-1 (Fisher-Yates),
// n at most 2^32.
AG_API uint64_t ag_random_below(ag_stream stream, uint64_t index, uint64_t bound);
AG_API void ag_random_permutation(ag_stream stream, int64_t n, uint32_t *out);
