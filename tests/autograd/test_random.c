// SPDX-License-Identifier: MIT
// The random streams themselves: Random123's known answers, independence of how a range is cut, moments,
// integers.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/random.h"
#include "autograd/threads.h"

#define N 100000

static const ag_stream stream = {0xfeedu, AG_PURPOSE_TEST, 3};

// Random123's kat_vectors for philox4x32-10, through the mapping of random.h: counter = (index, step,
// purpose), key = seed.
Test(random, blocks_are_the_known_answers_of_philox) {
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (int i = 0; i < 3; i++) {
        const uint32_t *c = known[i].counter, *k = known[i].key, *answer = known[i].answer;
        uint32_t out[4];
        ag_random_block((ag_stream){(uint64_t)k[1] << 32 | k[0], c[3], c[2]}, (uint64_t)c[1] << 32 | c[0],
                        out);
        cr_expect(memcmp(out, answer, sizeof out) == 0,
                  "vector %d: got %08x %08x %08x %08x, expected %08x %08x %08x %08x", i, out[0], out[1],
                  out[2], out[3], answer[0], answer[1], answer[2], answer[3]);
    }
}

typedef void (*fill)(ag_stream stream, uint64_t first, int64_t n, ag_dtype dtype, void *out);

static void expect_cut_free(const char *what, fill draw, ag_dtype dtype) {
    enum { LENGTH = 1037 };
    size_t bytes = ag_dtype_bytes(dtype);
    char *whole = malloc(LENGTH * bytes), *part = malloc(LENGTH * bytes);
    for (uint64_t first = 0; first < 9; first++) {
        draw(stream, first, LENGTH, dtype, whole);
        for (int64_t at = 0; at < LENGTH;) {
            int64_t n = 1 + at % 13 * 5;
            if (at + n > LENGTH) n = LENGTH - at;
            draw(stream, first + (uint64_t)at, n, dtype, part + (size_t)at * bytes);
            at += n;
        }
        cr_expect(memcmp(whole, part, LENGTH * bytes) == 0, "%s %s from %llu depends on how the range is cut",
                  what, ag_dtype_name(dtype), (unsigned long long)first);
    }
    free(whole);
    free(part);
}

Test(random, a_range_drawn_in_pieces_is_the_range_drawn_at_once) {
    for (ag_dtype dtype = AG_F32; dtype <= AG_F64; dtype++) {
        expect_cut_free("uniform", ag_random_uniform_fill, dtype);
        expect_cut_free("normal", ag_random_normal_fill, dtype);
    }
}

Test(random, any_number_of_threads_draws_the_same) {
    double *one = malloc(N * sizeof *one), *many = malloc(N * sizeof *many);
    fill draws[2] = {ag_random_uniform_fill, ag_random_normal_fill};
    for (int k = 0; k < 2; k++) {
        ag_threads_set(1);
        draws[k](stream, 5, N, AG_F64, one);
        for (int threads = 2; threads <= 7; threads++) {
            ag_threads_set(threads);
            draws[k](stream, 5, N, AG_F64, many);
            cr_expect(memcmp(one, many, N * sizeof *one) == 0, "%s differs with %d threads",
                      k ? "normal" : "uniform", threads);
        }
    }
    free(one);
    free(many);
}

// The p-th moment's sample mean of n draws lies within 5 standard errors.
static void expect_moment(const char *what, const double *x, int power, double moment, double deviation) {
    double sum = 0;
    for (int i = 0; i < N; i++) sum += pow(x[i], power);
    cr_expect(fabs(sum / N - moment) <= 5 * deviation / sqrt(N), "%s: moment %d is %g, expected %g within %g",
              what, power, sum / N, moment, 5 * deviation / sqrt(N));
}

static void widen(const float *from, double *to) {
    for (int i = 0; i < N; i++) to[i] = from[i];
}

// Var(x^p) = E x^2p - (E x^p)^2.
static void expect_normal(const char *what, const double *x) {
    static const double moments[9] = {1, 0, 1, 0, 3, 0, 15, 0, 105};
    for (int p = 1; p <= 4; p++)
        expect_moment(what, x, p, moments[p], sqrt(moments[2 * p] - moments[p] * moments[p]));
    double neighbours = 0;
    for (int i = 1; i < N; i++) neighbours += x[i] * x[i - 1];
    cr_expect(fabs(neighbours / N) <= 5 / sqrt(N), "%s: neighbours correlate by %g", what, neighbours / N);
}

static void expect_uniform(const char *what, const double *x, double bits) {
    for (int i = 0; i < N; i++)
        cr_assert(x[i] >= 0 && x[i] < 1 && x[i] * bits == floor(x[i] * bits), "%s: draw %d is %.17g", what, i,
                  x[i]);
    for (int p = 1; p <= 4; p++)
        expect_moment(what, x, p, 1.0 / (p + 1), sqrt(1.0 / (2 * p + 1) - 1.0 / ((p + 1) * (p + 1))));
}

Test(random, draws_have_the_moments_of_their_distribution) {
    double *x = malloc(N * sizeof *x);
    float *narrow = malloc(N * sizeof *narrow);
    ag_random_normal_fill(stream, 0, N, AG_F64, x);
    expect_normal("normal f64", x);
    ag_random_uniform_fill(stream, 0, N, AG_F64, x);
    expect_uniform("uniform f64", x, 0x1p53);
    ag_random_normal_fill(stream, 0, N, AG_F32, narrow);
    widen(narrow, x);
    expect_normal("normal f32", x);
    ag_random_uniform_fill(stream, 0, N, AG_F32, narrow);
    widen(narrow, x);
    expect_uniform("uniform f32", x, 0x1p24);
    free(x);
    free(narrow);
}

Test(random, seed_purpose_step_and_index_each_change_the_block) {
    ag_stream streams[4] = {stream, stream, stream, stream};
    streams[1].seed ^= 1ull << 40;
    streams[2].purpose++;
    streams[3].step ^= 1ull << 33;
    uint32_t block[5][4];
    for (int i = 0; i < 4; i++) ag_random_block(streams[i], 9, block[i]);
    ag_random_block(stream, 9 + (1ull << 35), block[4]);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < i; k++)
            cr_expect(memcmp(block[i], block[k], 16) != 0, "blocks %d and %d are equal", k, i);
}

Test(random, integers_stay_below_their_bound_and_are_evenly_spread) {
    static const uint64_t bounds[] = {1, 2, 3, 7, 10, 1000, (1ull << 63) + 1};
    for (size_t b = 0; b < sizeof bounds / sizeof *bounds; b++) {
        double sum = 0;
        for (uint64_t i = 0; i < 20000; i++) {
            uint64_t value = ag_random_below(stream, i, bounds[b]);
            cr_assert(value < bounds[b], "%llu is not below %llu", (unsigned long long)value,
                      (unsigned long long)bounds[b]);
            sum += (double)value;
        }
        double mean = ((double)bounds[b] - 1) / 2, deviation = (double)bounds[b] / sqrt(12 * 20000);
        cr_expect(fabs(sum / 20000 - mean) <= 5 * deviation + 1e-12, "below %llu: mean %g, expected %g",
                  (unsigned long long)bounds[b], sum / 20000, mean);
    }
}

Test(random, a_permutation_holds_every_index_once_and_moves_them) {
    static const int64_t sizes[] = {1, 2, 3, 97, 1000};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        uint32_t order[1000];
        int seen[1000] = {0};
        int64_t fixed = 0;
        ag_random_permutation(stream, sizes[s], order);
        for (int64_t i = 0; i < sizes[s]; i++) {
            cr_assert(order[i] < sizes[s] && !seen[order[i]]++,
                      "size %lld: index %u comes twice or is out of range", (long long)sizes[s], order[i]);
            fixed += order[i] == i;
        }
        cr_expect(sizes[s] < 97 || fixed < 10, "size %lld: %lld indices stay in place", (long long)sizes[s],
                  (long long)fixed);
    }
}

// All six orders of three come equally often: 6000 streams, 1000 each within 5 standard deviations.
Test(random, permutations_of_three_are_evenly_spread) {
    int count[27] = {0};
    for (uint64_t step = 0; step < 6000; step++) {
        uint32_t order[3];
        ag_random_permutation((ag_stream){1, AG_PURPOSE_SHUFFLE, step}, 3, order);
        count[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    for (int code = 0; code < 27; code++)
        cr_expect(count[code] == 0 || abs(count[code] - 1000) < 5 * 29, "order %d comes %d times of 6000",
                  code, count[code]);
}
