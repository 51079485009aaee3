// SPDX-License-Identifier: MIT
// Random numbers as functions of (seed, purpose, step, index): Random123's Philox4x32-10, and Box-Muller.
//
// The words: counter = (index low, index high, step low, purpose), key = (seed low, seed high ^ step high).
// Steps below 2^32 are part of the counter, so that no two draws of one seed meet.
#include "autograd/random.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

#include "autograd/kernels/elementary.h"

enum { GROUP = 2 };  // blocks at a time: their f32 numbers fill a vector of SSE2

// The values of a group: four of each block in f32, two in f64.
typedef union group {
    float f32[4 * GROUP];
    double f64[2 * GROUP];
} group;

typedef void (*group_function)(const uint32_t words[4 * GROUP], group *values);

void ag_random_block(ag_stream stream, uint64_t index, uint32_t out[4]) {
    const philox4x32_ctr_t counter = {
        {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream.step, stream.purpose}};
    const philox4x32_key_t key = {
        {(uint32_t)stream.seed, (uint32_t)(stream.seed >> 32) ^ (uint32_t)(stream.step >> 32)}};
    const philox4x32_ctr_t words = philox4x32(counter, key);
    memcpy(out, words.v, sizeof words.v);
}

static uint64_t join(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

static void uniform_f32(const uint32_t words[4 * GROUP], group *values) {
    for (int i = 0; i < 4 * GROUP; i++) values->f32[i] = (float)(words[i] >> 8) * 0x1p-24f;
}

static void uniform_f64(const uint32_t words[4 * GROUP], group *values) {
    for (int i = 0; i < 2 * GROUP; i++)
        values->f64[i] = (double)(join(words[2 * i], words[2 * i + 1]) >> 11) * 0x1p-53;
}

// logarithm[i] = log u[i]; sine, cosine of 2 pi v[i]. SLEEF's cinz functions round the same way on every
// processor and in every width.
#ifdef __SSE2__
static void elementary_f32(const float u[4], const float v[4], float logarithm[4], float sine[4],
                           float cosine[4]) {
    const Sleef___m128_2 angles = Sleef_cinz_sincospif4_u05sse2(_mm_loadu_ps(v));
    _mm_storeu_ps(logarithm, Sleef_cinz_logf4_u10sse2(_mm_loadu_ps(u)));
    _mm_storeu_ps(sine, angles.x);
    _mm_storeu_ps(cosine, angles.y);
}
#else
static void elementary_f32(const float u[4], const float v[4], float logarithm[4], float sine[4],
                           float cosine[4]) {
    for (int i = 0; i < 4; i++) {
        const Sleef_float_2 angle = Sleef_cinz_sincospif1_u05purec(v[i]);
        logarithm[i] = Sleef_cinz_logf1_u10purec(u[i]), sine[i] = angle.x, cosine[i] = angle.y;
    }
}
#endif

// Box and Muller 1958: sqrt(-2 log u) (cos 2 pi v, sin 2 pi v), u in (0, 1].
static void normal_f32(const uint32_t words[4 * GROUP], group *values) {
    float u[4], v[4], logarithm[4], sine[4], cosine[4];
    for (int i = 0; i < 4; i++) {
        u[i] = ((float)words[2 * i] + 1) * 0x1p-32f;
        v[i] = (float)(words[2 * i + 1] >> 8) * 0x1p-23f;
    }
    elementary_f32(u, v, logarithm, sine, cosine);
    for (int i = 0; i < 4; i++) {
        const float radius = sqrtf(-2 * logarithm[i]);
        values->f32[2 * i] = radius * cosine[i];
        values->f32[2 * i + 1] = radius * sine[i];
    }
}

static void normal_f64(const uint32_t words[4 * GROUP], group *values) {
    for (int i = 0; i < GROUP; i++, words += 4) {
        const double u = (double)((join(words[0], words[1]) >> 11) + 1) * 0x1p-53;
        const double v = (double)(join(words[2], words[3]) >> 11) * 0x1p-52;
        const double radius = sqrt(-2 * Sleef_cinz_logd1_u10purec(u));
        const Sleef_double_2 angle = Sleef_cinz_sincospid1_u05purec(v);
        values->f64[2 * i] = radius * angle.y;
        values->f64[2 * i + 1] = radius * angle.x;
    }
}

// Values first .. first + n, of which the outermost groups may give only a part.
static void fill(ag_stream stream, uint64_t first, int64_t n, ag_dtype dtype, group_function function,
                 void *out) {
    const size_t size = ag_dtype_bytes(dtype);
    const int64_t per_group = (int64_t)(sizeof(group) / size);
    for (int64_t done = 0; done < n;) {
        const uint64_t at = first + (uint64_t)done;
        const int64_t skip = (int64_t)(at % (uint64_t)per_group);
        const int64_t count = per_group - skip < n - done ? per_group - skip : n - done;
        uint32_t words[4 * GROUP];
        group values;
        for (uint64_t i = 0; i < GROUP; i++)
            ag_random_block(stream, at / (uint64_t)per_group * GROUP + i, words + 4 * i);
        function(words, &values);
        memcpy((char *)out + (size_t)done * size, (const char *)&values + (size_t)skip * size,
               (size_t)count * size);
        done += count;
    }
}

void ag_random_uniform_fill(ag_stream stream, uint64_t first, int64_t n, ag_dtype dtype, void *out) {
    fill(stream, first, n, dtype, dtype == AG_F32 ? uniform_f32 : uniform_f64, out);
}

void ag_random_normal_fill(ag_stream stream, uint64_t first, int64_t n, ag_dtype dtype, void *out) {
    fill(stream, first, n, dtype, dtype == AG_F32 ? normal_f32 : normal_f64, out);
}

// Lemire 2019: the high half of a 64-bit word times the bound, rejected while the low half falls into the
// part that does not divide evenly. A block holds two candidates; the next ones lie 2^48 blocks further on,
// past every index in use.
uint64_t ag_random_below(ag_stream stream, uint64_t index, uint64_t bound) {
    const uint64_t uneven = -bound % bound;
    for (uint64_t block_index = index;; block_index += UINT64_C(1) << 48) {
        uint32_t words[4];
        ag_random_block(stream, block_index, words);
        for (int i = 0; i < 4; i += 2) {
            const unsigned __int128 product = (unsigned __int128)join(words[i], words[i + 1]) * bound;
            if ((uint64_t)product >= uneven) return (uint64_t)(product >> 64);
        }
    }
}

void ag_random_permutation(ag_stream stream, int64_t n, uint32_t *out) {
    for (int64_t i = 0; i < n; i++) out[i] = (uint32_t)i;
    for (int64_t i = n - 1; i > 0; i--) {
        const uint64_t j = ag_random_below(stream, (uint64_t)i, (uint64_t)i + 1);
        const uint32_t swapped = out[i];
        out[i] = out[j];
        out[j] = swapped;
    }
}
