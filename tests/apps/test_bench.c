// SPDX-License-Identifier: MIT
// dcgan bench: what it prints agrees with itself and with
// the layers' arithmetic, and the trace holds every step.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/json.h"
#include "tests/apps/cli.h"
#include "tests/support/scratch.h"

TestSuite(bench, .init = scratch_create, .fini = scratch_remove);

#define SMALL "bench --batch 4 --threads 1 "

static nn_json *parse(const char *text, size_t n) {
    ag_error error = {0};
    nn_json *json = nn_json_parse(text, n, "the output", AG_STATUS_DATA, &error);
    cr_assert(json, "%s: %.*s", error.text, (int)n, text);
    return json;
}

static nn_json *run_json(const char *arguments) {
    const cli_result *r = cli_succeed("%s --json", arguments);
    cr_assert(!*r->err, "%s", r->err);
    return parse(r->out, strlen(r->out));
}

static double number(const nn_json *object, const char *key) {
    double value;
    cr_assert(nn_json_read_double(nn_json_get(object, key), &value), "no number \"%s\"", key);
    return value;
}

static const char *text(const nn_json *object, const char *key) {
    const char *value;
    cr_assert(nn_json_read_string(nn_json_get(object, key), &value), "no text \"%s\"", key);
    return value;
}

static bool close_to(double a, double b) { return fabs(a - b) <= 1e-9 * fabs(b); }

// The numbers of a spread, of which `n` iterations may make one. The mean is rounded.
static void check_spread(const nn_json *json, const char *key, int n) {
    const nn_json *s = nn_json_get(json, key);
    const double least = number(s, "min"), median = number(s, "median"), mean = number(s, "mean"),
                 most = number(s, "max");
    cr_assert(0 < least && least <= median && median <= most, "%s: %g %g %g", key, least, median, most);
    cr_assert(n > 1 ? least < mean && mean < most : close_to(mean, most), "%s: %g %g %g", key, least, mean,
              most);
    cr_assert(n > 1 || least == most, "%s: one iteration took %g and %g", key, least, most);
}

// Every node's rates follow from its time; times fall. Returns the nodes' number.
static int64_t check_nodes(const nn_json *json, double *out_ms, double *out_gflop) {
    const nn_json *nodes = nn_json_get(json, "nodes"), *node;
    const double peak = number(nn_json_get(json, "fma_gflops"), "median");
    double last = INFINITY;
    *out_ms = *out_gflop = 0;
    for (int64_t i = 0; (node = nn_json_at(nodes, i)); i++) {
        const double ms = number(node, "ms"), gflop = number(node, "gflop"), gflops = number(node, "gflops");
        cr_assert(0 <= ms && ms <= last, "node %d takes %g ms, the one before %g", (int)i, ms, last);
        cr_assert(ms == 0 || close_to(gflops * ms, 1e3 * gflop), "%s: %g GFLOP in %g ms, %g GFLOP/s",
                  text(node, "node"), gflop, ms, gflops);
        cr_assert(gflops == 0 || close_to(number(node, "of_fma") * peak, gflops), "%s", text(node, "node"));
        cr_assert(*text(node, "program") && *text(node, "op") && *text(node, "shape") == '[');
        last = ms;
        *out_ms += ms;
        *out_gflop += gflop;
    }
    return nn_json_count(nodes);
}

// Convolutions and products make 273.7 MFLOP an image; the rest adds less than a tenth.
Test(bench, times_every_step_of_a_training_iteration) {
    double ms, gflop;
    nn_json *json = run_json(SMALL "--iterations 1");
    const int64_t n = check_nodes(json, &ms, &gflop);
    check_spread(json, "ms", 1);
    check_spread(json, "images_per_second", 1);
    check_spread(json, "fma_gflops", 1);
    const double whole = number(nn_json_get(json, "ms"), "median");
    cr_assert(close_to(number(nn_json_get(json, "images_per_second"), "median") * whole, 4e3));
    const double mean = number(nn_json_get(json, "ms"), "mean");
    cr_assert(close_to(number(nn_json_get(json, "images_per_second"), "mean") * mean, 4e3));
    cr_assert(n > 40 && ms <= whole && ms > 0.1 * whole, "%d steps take %g of %g ms", (int)n, ms, whole);
    cr_assert(0.2736 * 4 < gflop && gflop < 0.3 * 4, "%g GFLOP", gflop);
    cr_assert_str_eq(text(json, "what"), "train");
    cr_assert_str_eq(text(json, "precision"), "f32");
    cr_assert(strstr(text(json, "environment"), text(json, "isa")));
    cr_assert(number(json, "threads") == 1 && number(json, "images") == 4 && number(json, "iterations") == 1);
    cr_assert(number(json, "peak_memory_bytes") > 20e6 && number(json, "peak_memory_bytes") < 4e9);
    nn_json_free(json);
}

Test(bench, prints_the_same_as_a_table_sorted_by_time) {
    const cli_result *r = cli_succeed(SMALL "--iterations 2");
    const char *row = strstr(r->out, "\n       ms ");
    double last = INFINITY, ms, sum = 0, all;
    int n = 0, steps;
    cr_assert(row && strstr(r->out, "1 thread, 2 iterations on 4 images each of [28,28,1], width 64\n") &&
                  strstr(r->out, "\nimages/s "),
              "%s", r->out);
    for (row = strchr(row + 1, '\n') + 1; strchr(row, '%') && sscanf(row, "%lf", &ms) == 1; n++) {
        cr_assert(ms <= last, "%s", row);
        last = ms;
        sum += ms;
        row = strchr(row, '\n') + 1;
    }
    cr_assert(sscanf(row, "%lf %d steps\n", &all, &steps) == 2 && steps == n && n > 40, "%d rows: %s", n,
              row);
    cr_assert(fabs(all - sum) < 0.0006 * n, "%g ms, not %g", all, sum);
}

Test(bench, counts_the_arithmetic_of_each_convolution) {
    static const struct {
        const char *layer;
        double flop;  // of an image: 2 kh kw in out, times the pixels of the smaller side
    } layers[] = {
        {"generator 1", 2. * 9 * 256 * 128 * 49},   {"generator 2", 2. * 9 * 128 * 64 * 196},
        {"generator 3", 2. * 9 * 64 * 196},         {"discriminator 1", 2. * 9 * 32 * 196},
        {"discriminator 2", 2. * 9 * 32 * 64 * 49}, {"discriminator 3", 2. * 9 * 64 * 128 * 16},
    };
    static const char *const passes[] = {"forward", "input gradient", "weight gradient"};
    double ms, gflop;
    nn_json *json = run_json(SMALL "--iterations 1 --what kernels");
    cr_assert(check_nodes(json, &ms, &gflop) == 18 && !nn_json_get(json, "images_per_second"));
    for (int i = 0; i < 18; i++) {
        const nn_json *node = nn_json_at(nn_json_get(json, "nodes"), i);
        int found = 0;
        for (int k = 0; k < 18; k++) {
            char name[64];
            snprintf(name, sizeof name, "%s %s", layers[k / 3].layer, passes[k % 3]);
            if (strcmp(name, text(node, "program")) != 0) continue;
            cr_assert(close_to(number(node, "gflop"), 4e-9 * layers[k / 3].flop), "%s: %g", name,
                      number(node, "gflop"));
            found = 1;
        }
        cr_assert(found, "nobody knows %s", text(node, "program"));
    }
    nn_json_free(json);
}

// The precision of products that it computed in, not the one that it was asked for.
Test(bench, names_the_precision_of_products) {
    setenv("AG_ISA", "avx2", 1);
    const cli_result *r = cli_succeed("bench --what kernels --iterations 1 --precision bf16 --json");
    nn_json *json = parse(r->out, strlen(r->out));
    cr_assert(strstr(r->err, "products stay in f32"), "%s", r->err);
    cr_assert_str_eq(text(json, "precision"), "f32");
    nn_json_free(json);
    setenv("AG_BF16", "emulate", 1);
    json = run_json("bench --what kernels --iterations 1 --precision bf16");
    cr_assert_str_eq(text(json, "precision"), "bf16");
    nn_json_free(json);
    unsetenv("AG_BF16");
    json = run_json("bench --what fma --iterations 1");
    cr_assert(!nn_json_get(json, "precision"), "a loop that has none");
    nn_json_free(json);
}

Test(bench, times_generating) {
    double ms, gflop;
    nn_json *json = run_json("bench --what generate -n 130 --iterations 1 --threads 1");
    cr_assert(check_nodes(json, &ms, &gflop) == 5 && number(json, "images") == 130);
    cr_assert(0.0602 * 128 < gflop && gflop < 0.07 * 128, "a chunk takes %g GFLOP", gflop);
    cr_assert(close_to(
        number(nn_json_get(json, "images_per_second"), "median") * number(nn_json_get(json, "ms"), "median"),
        130e3));
    nn_json_free(json);
}

// Of an image: 2 kh kw in out, times the pixels of the smaller side, in each pass: G
// has two forward passes and one backward, D three forward, two backward and one for
// the input's gradient alone. Nobody asks for the gradient of z or of D's images.
static double training_flop(double h, double w, double c, double n) {
    const double p = h * w / 16, quarter = (h / 8) * (w / 8);
    const double z = 2 * 100 * 4 * n * p, g1 = 18 * 4 * n * 2 * n * p, g2 = 18 * 2 * n * n * 4 * p,
                 g3 = 18 * n * c * 4 * p, d1 = 18 * c * n / 2 * 4 * p, d2 = 18 * n / 2 * n * p,
                 d3 = 18 * n * 2 * n * quarter, d4 = 2 * 2 * n * quarter;
    return 3 * z + 4 * (g1 + g2 + g3) + 6 * d1 + 8 * (d2 + d3 + d4);
}

Test(bench, times_networks_for_images_and_of_widths_that_are_asked_for) {
    static const struct {
        const char *options, *image;
        double h, w, c, width;
    } cases[] = {
        {"--image 64x64x3", "[64,64,3]", 64, 64, 3, 64},
        {"--image 16x32x1 --width 48", "[16,32,1]", 16, 32, 1, 48},
        {"--width 100 --image 24x24x3", "[24,24,3]", 24, 24, 3, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[128];
        double ms, gflop;
        snprintf(line, sizeof line, "bench --batch 2 --iterations 1 %s", cases[i].options);
        nn_json *json = run_json(line);
        check_nodes(json, &ms, &gflop);
        const double least = 2e-9 * training_flop(cases[i].h, cases[i].w, cases[i].c, cases[i].width);
        cr_assert(least < gflop && gflop < 1.2 * least, "%s: %g GFLOP, not %g", line, gflop, least);
        cr_assert_str_eq(text(json, "image"), cases[i].image);
        cr_assert(number(json, "width") == cases[i].width);
        nn_json_free(json);
    }
    nn_json *json = run_json("bench --what generate -n 3 --iterations 1 --image 8x12x3 --width 6");
    cr_assert_str_eq(text(json, "image"), "[8,12,3]");
    nn_json_free(json);
}

Test(bench, uses_the_instruction_set_and_the_threads_that_are_asked_for) {
    nn_json *json = run_json("bench --what fma --iterations 3 --isa baseline --threads 2");
    cr_assert_str_eq(text(json, "isa"), "baseline");
    cr_assert(strstr(text(json, "environment"), ", baseline, "), "%s", text(json, "environment"));
    cr_assert(number(json, "threads") == 2 && number(json, "iterations") == 3);
    cr_assert(nn_json_count(nn_json_get(json, "nodes")) == 0);
    check_spread(json, "fma_gflops", 3);
    nn_json_free(json);
    setenv("AG_ISA", "baseline", 1);
    json = run_json("bench --what fma --iterations 1");
    cr_assert_str_eq(text(json, "isa"), "baseline");
    nn_json_free(json);
}

// Whatever is wished: the definition of the kernels has the direct form alone.
Test(bench, names_no_tile_of_winograds_where_the_kernels_have_none) {
    setenv("AG_WINOGRAD", "all", 1);
    nn_json *json = run_json("bench --what fma --iterations 1 --isa baseline");
    cr_assert(strstr(text(json, "environment"), ", Winograd all,"), "%s", text(json, "environment"));
    nn_json_free(json);
    json = run_json("bench --what fma --iterations 1 --isa scalar");
    cr_assert(strstr(text(json, "environment"), ", Winograd 0,"), "%s", text(json, "environment"));
    nn_json_free(json);
}

// ---- the trace ----

typedef struct slice {
    double start, end;
} slice;

static slice slice_of(const nn_json *event) {
    const double start = number(event, "ts"), length = number(event, "dur");
    cr_assert(start >= 0 && length >= 0, "%s: at %g, %g long", text(event, "name"), start, length);
    return (slice){start, start + length};
}

static void check_inside(const char *name, slice inner, slice outer) {
    // Times are microseconds in doubles: rounding lies far below a nanosecond.
    cr_assert(inner.start >= outer.start - 1e-3 && inner.end <= outer.end + 1e-3,
              "%s: %f to %f is not in %f to %f", name, inner.start, inner.end, outer.start, outer.end);
}

// Counts the slices of each kind. Steps lie in their program;
// programs lie in their iteration or, unless `nested`, behind it.
static void check_trace(const char *file, int64_t counts[3], bool nested) {
    static const char *const kinds[] = {"iteration", "program", "step"};
    size_t n;
    char *bytes = (char *)scratch_read(file, &n);
    nn_json *json = parse(bytes, n);
    const nn_json *events = nn_json_get(json, "traceEvents"), *event;
    slice open[3] = {0};
    memset(counts, 0, 3 * sizeof *counts);
    for (int64_t i = 0; (event = nn_json_at(events, i)); i++) {
        cr_assert(number(event, "pid") == 1 && number(event, "tid") == 1);
        if (strcmp(text(event, "ph"), "M") == 0) continue;
        cr_assert_str_eq(text(event, "ph"), "X");
        int k = 0;
        while (k < 2 && strcmp(text(event, "cat"), kinds[k]) != 0) k++;
        cr_assert_str_eq(text(event, "cat"), kinds[k]);
        const slice s = slice_of(event);
        if (k == 2 || (k == 1 && nested)) check_inside(text(event, "name"), s, open[k - 1]);
        cr_assert(k != 1 || nested || s.start >= open[0].end - 1e-3, "%s starts early", text(event, "name"));
        cr_assert(s.start >= open[k].end - 1e-3, "%s starts before the one before ends", text(event, "name"));
        cr_assert(k == 2 || s.end > s.start, "%s took no time", text(event, "name"));
        open[k] = s;
        counts[k]++;
    }
    nn_json_free(json);
    free(bytes);
}

Test(bench, writes_a_trace_with_an_event_for_each_step_of_each_iteration) {
    int64_t counts[3];
    nn_json *json = run_json(SMALL "--iterations 1 --profile one.json");
    const int64_t steps = nn_json_count(nn_json_get(json, "nodes"));
    check_trace("one.json", counts, true);
    cr_assert(counts[0] == 1 && counts[1] == 4 && counts[2] == steps, "%d, %d, %d slices for %d steps",
              (int)counts[0], (int)counts[1], (int)counts[2], (int)steps);
    nn_json_free(json);
    json = run_json(SMALL "--iterations 3 --profile one.json");
    check_spread(json, "ms", 3);
    check_spread(json, "images_per_second", 3);
    nn_json_free(json);
    check_trace("one.json", counts, true);
    cr_assert(counts[0] == 3 && counts[1] == 12 && counts[2] == 3 * steps);
    json = run_json("bench --what generate -n 3 --iterations 2 --threads 1 --profile generate.json");
    const int64_t chunk = nn_json_count(nn_json_get(json, "nodes"));
    nn_json_free(json);
    check_trace("generate.json", counts, false);
    cr_assert(counts[0] == 2 && counts[1] == 2 && counts[2] == 2 * chunk);
}

Test(bench, names_a_wrong_command_line_with_its_rule) {
    static const struct {
        const char *line, *words[2];
    } cases[] = {
        {"bench train", {"'train'", "options only"}},
        {"bench --what paint", {"--what paint", "train, generate, kernels"}},
        {"bench --batch 0", {"--batch 0", "1 to 65536"}},
        {"bench --iterations 0", {"--iterations 0", "1 to 10000"}},
        {"bench --iterations 10001", {"--iterations 10001", "1 to 10000"}},
        {"bench --what generate -n 0", {"--n 0", "1 to 1000000"}},
        {"bench -n 5", {"--n", "--what train does not depend on it"}},
        {"bench --what generate --batch 4", {"--batch", "--what generate does not depend on it"}},
        {"bench --what fma --batch 4", {"--batch", "--what fma does not depend on it"}},
        {"bench --what fma --image 28x28x1", {"--image", "--what fma does not depend on it"}},
        {"bench --what kernels --width 48", {"--width", "--what kernels does not depend on it"}},
        {"bench --what generate --precision bf16", {"--precision", "--what generate does not depend on it"}},
        {"bench --precision f16", {"--precision f16", "f32, bf16"}},
        {"bench --image 28x28", {"--image 28x28", "height x width x channels"}},
        {"bench --image 28x28x1x1", {"--image 28x28x1x1", "height x width x channels"}},
        {"bench --image ' 28x+28x1'", {"--image", "height x width x channels"}},
        {"bench --image 28x9999999999999999999999x1", {"--image", "height x width x channels"}},
        {"bench --image 28x30x1", {"--image 28x30x1", "multiples of 4"}},
        {"bench --image 28x28x2", {"--image 28x28x2", "the channels 1 or 3"}},
        {"bench --width 47", {"--width 47", "even"}},
        {"bench --width 0", {"--width 0", "2 to 4096"}},
        {"bench --isa sse9", {"--isa sse9", "scalar, baseline, avx2 or avx512"}},
        {"bench --isa=", {"--isa", "empty"}},
        {"bench --profile=", {"--profile", "empty"}},
        {"bench --json=1", {"--json"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cli_refuse(2, cases[i].words[1] ? 2 : 1, cases[i].words, "%s", cases[i].line);
}

Test(bench, leaves_a_file_alone_that_it_cannot_replace) {
    scratch_write("file", "mine", 4);
    cli_refuse(1, CLI_WORDS("file/trace.json"), SMALL "--iterations 1 --profile file/trace.json");
    cr_assert(!*cli_run(SMALL "--iterations 1 --profile file/trace.json")->out,
              "refused after the clock ran");
    cli_refuse(2, CLI_WORDS("--isa sse9"), SMALL "--iterations 1 --isa sse9 --profile file");
    size_t n;
    uint8_t *bytes = scratch_read("file", &n);
    cr_assert(n == 4 && memcmp(bytes, "mine", 4) == 0);
    free(bytes);
}
