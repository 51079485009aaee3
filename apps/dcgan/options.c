// SPDX-License-Identifier: MIT
// The table of options, and values by its rules.
#include "apps/dcgan/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/dcgan/bench.h"
#include "apps/dcgan/text.h"
#include "models/gan.h"

#define MANY 1000000

static const char *gan_choice(int i, const char **summary) {
    const gan_variant *variant = gan_variant_at(i);
    if (!variant) return NULL;
    *summary = variant->summary;
    return variant->name;
}

static const char *bench_choice(int i, const char **summary) {
    const bench *found = bench_at(i);
    if (!found) return NULL;
    *summary = found->summary;
    return found->name;
}

static const char *precision_choice(int i, const char **summary) {
    static const char *const names[] = {"f32", "bf16"};
    static const char *const summaries[] = {
        "the numbers as they are", "rounded to bfloat16; sums and all else stay in f32 (AVX512-BF16)"};
    if (i >= (int)(sizeof names / sizeof *names)) return NULL;
    *summary = summaries[i];
    return names[i];
}

static const option_row rows[OPTION_END] = {
    [OPTION_DATA] = {"data", "DIR|FILE", .saved = true, .preset = "/usr/share/datasets/fashion-mnist",
                     .help =
                         "The images: a folder of MNIST's layout, an IDX file, plain or gzip, or a folder "
                         "of PNG files of one size"},
    [OPTION_EPOCHS] = {"epochs", "N", .kind = OPTION_INTEGER, .saved = true, .least = 1, .most = MANY,
                       .preset = "40", .help = "Passes over the images, in all"},
    [OPTION_BATCH] = {"batch", "N", .kind = OPTION_INTEGER, .saved = true, .least = 1, .most = 65536,
                      .preset = "128", .help = "Images in a batch"},
    [OPTION_LS_EPSILON] = {"ls-epsilon", "E", .kind = OPTION_NUMBER, .saved = true, .low = 0, .high = 0.5,
                           .preset = "0", .help = "Label smoothing: targets are 1 - E and 0 + E"},
    [OPTION_GAN] = {"gan", "NAME", .kind = OPTION_CHOICE, .saved = true, .preset = "non_saturating",
                    .help = "The losses of both networks", .choice = gan_choice},
    [OPTION_SEED] = {"seed", "N", .kind = OPTION_INTEGER, .saved = true, .least = 0, .most = INT64_MAX,
                     .preset = "0", .help = "Of every random number; one seed, one result"},
    [OPTION_LIMIT_IMAGES] = {"limit-images", "N", .kind = OPTION_INTEGER, .saved = true, .least = 0,
                             .most = UINT32_MAX, .preset = "0",
                             .help = "Use the first N images; 0 means all"},
    [OPTION_SAMPLE_EVERY] = {"sample-every", "K", .kind = OPTION_INTEGER, .saved = true, .least = 0,
                             .most = MANY, .preset = "1",
                             .help = "Draw fakes after the first, every K-th and the last epoch; 0 means the "
                                     "first and the last"},
    [OPTION_THREADS] = {"threads", "N", .kind = OPTION_INTEGER, .least = 0, .most = 1024, .preset = "0",
                        .help = "Threads; 0 means one for each processor. Results do not depend on it"},
    [OPTION_RUN_DIR] = {"output", "DIR", .letter = 'o',
                        .help = "The run's folder, new or empty (default: the next number in runs/)"},
    [OPTION_MODEL] = {"model", "FILE|RUN_DIR", .letter = 'm', .help = "The model, or the run that made it"},
    [OPTION_COUNT_IMAGES] = {"n", "N", .letter = 'n', .kind = OPTION_INTEGER, .least = 1, .most = MANY,
                             .preset = "64", .help = "Draw the images of seeds 0 to N - 1"},
    [OPTION_SEEDS] = {"seeds", "LIST",
                      .help = "Draw the images of these seeds: 0-31, or 3,7,20-29. A seed "
                              "gives the same image in any list"},
    [OPTION_GRID] = {"grid", "RxC",
                     .help = "Rows and columns of the picture; without --n and --seeds also "
                             "how many images (default: about square)"},
    [OPTION_PICTURE] = {"output", "FILE.png|DIR", .letter = 'o', .preset = "fakes.png",
                        .help = "One picture of all images, or a folder for a picture of each, named by its "
                                "seed"},
    [OPTION_REALS] = {"n", "N", .letter = 'n', .kind = OPTION_INTEGER, .least = 1, .most = MANY,
                      .preset = "1250", .help = "Take the first N images, or all when there are fewer"},
    [OPTION_SAMPLES] = {"samples", "N", .kind = OPTION_INTEGER, .least = 1, .most = MANY, .preset = "24",
                        .help = "Entries of each tensor that are checked, spread evenly"},
    [OPTION_WHAT] = {"what", "NAME", .kind = OPTION_CHOICE, .preset = "train", .help = "What is timed",
                     .choice = bench_choice},
    [OPTION_ITERATIONS] = {"iterations", "N", .kind = OPTION_INTEGER, .least = 1, .most = 10000,
                           .preset = "20", .help = "Iterations that are timed"},
    [OPTION_GENERATED] = {"n", "N", .letter = 'n', .kind = OPTION_INTEGER, .least = 1, .most = MANY,
                          .preset = "10000", .help = "Images of an iteration of --what generate"},
    [OPTION_IMAGE] = {"image", "HxWxC", .preset = "28x28x1",
                      .help = "Height, width and channels of the images: multiples of 4, and 1 or 3"},
    [OPTION_WIDTH] = {"width", "N", .kind = OPTION_INTEGER, .least = 2, .most = 4096, .preset = "64",
                      .help = "Channels of the networks: 4 N, 2 N, N in the generator, N / 2, N, 2 N in the "
                              "discriminator; N is even"},
    [OPTION_ISA] =
        {"isa", "NAME",
         .help = "The kernels' instruction set: scalar, baseline, avx2 or avx512 (default: the best "
                 "of this processor, or AG_ISA's)"},
    [OPTION_PRECISION] = {"precision", "NAME", .kind = OPTION_CHOICE, .saved = true, .recent = true,
                          .preset = "f32",
                          .help = "What convolutions and wide dense layers multiply in training",
                          .choice = precision_choice},
    [OPTION_JSON] = {"json", .kind = OPTION_FLAG, .help = "Print one JSON object instead of tables"},
    [OPTION_PROFILE] = {"profile", "FILE",
                        .help =
                            "Write the times of all steps of all iterations, as a trace that Perfetto and "
                            "chrome://tracing open"},
};

const option_row *option_at(option_id id) { return &rows[id]; }

// ---- values ----

// What strtoll and strtod skip in front of a number is no part of one.
static bool starts_blank(const char *text) { return isspace((unsigned char)*text); }

static bool fail_integer(const option_row *row, const char *text, ag_error *error) {
    return ag_fail(error, AG_STATUS_USAGE, "--%s %s: it must be a whole number from %lld to %lld", row->name,
                   text, (long long)row->least, (long long)row->most);
}

static bool read_integer(const option_row *row, const char *text, int64_t *out, ag_error *error) {
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (starts_blank(text) || end == text || *end || errno || value < row->least || value > row->most)
        return fail_integer(row, text, error);
    *out = value;
    return true;
}

static bool read_number(const option_row *row, const char *text, double *out, ag_error *error) {
    char *end;
    const double value = strtod(text, &end);
    if (starts_blank(text) || end == text || *end || !(value >= row->low && value < row->high))
        return ag_fail(error, AG_STATUS_USAGE, "--%s %s: it must be a number from %g to below %g", row->name,
                       text, row->low, row->high);
    *out = value + 0;  // makes -0 what it equals
    return true;
}

static bool check_choice(const option_row *row, const char *text, ag_error *error) {
    char names[512] = "";
    const char *summary, *name;
    for (int i = 0; (name = row->choice(i, &summary)); i++) {
        if (strcmp(name, text) == 0) return true;
        if (strlen(names) + strlen(name) + 3 > sizeof names) continue;
        strcat(strcat(names, *names ? ", " : ""), name);
    }
    return ag_fail(error, AG_STATUS_USAGE, "--%s %s: it must be one of %s", row->name, text, names);
}

bool options_set(options *o, option_id id, const char *text, ag_error *error) {
    const option_row *row = &rows[id];
    option_value *value = &o->values[id];
    if (row->kind == OPTION_FLAG) return true;
    if (!*text) return ag_fail(error, AG_STATUS_USAGE, "--%s: its value is empty", row->name);
    if (row->kind == OPTION_INTEGER && !read_integer(row, text, &value->integer, error)) return false;
    if (row->kind == OPTION_NUMBER && !read_number(row, text, &value->number, error)) return false;
    if (row->kind == OPTION_CHOICE && !check_choice(row, text, error)) return false;
    value->text = text;
    return true;
}

void options_reset(options *o) {
    *o = (options){0};
    for (option_id id = 0; id < OPTION_END; id++) {
        if (rows[id].preset) options_set(o, id, rows[id].preset, NULL);
    }
}

const char *options_text(const options *o, option_id id) { return o->values[id].text; }
int64_t options_integer(const options *o, option_id id) { return o->values[id].integer; }
double options_number(const options *o, option_id id) { return o->values[id].number; }
bool options_given(const options *o, option_id id) { return o->values[id].given; }

char *options_format(const options *o, option_id id, char text[OPTION_TEXT_BYTES]) {
    const option_value *value = &o->values[id];
    char number[TEXT_NUMBER];
    if (rows[id].kind == OPTION_INTEGER)
        snprintf(text, OPTION_TEXT_BYTES, "%lld", (long long)value->integer);
    else if (rows[id].kind == OPTION_NUMBER)
        snprintf(text, OPTION_TEXT_BYTES, "%s", text_double(value->number, number));
    else
        snprintf(text, OPTION_TEXT_BYTES, "%s", value->text ? value->text : "");
    return text;
}

// ---- config.json ----

static nn_json *value_to_json(const option_row *row, const option_value *value) {
    if (row->kind == OPTION_INTEGER) return nn_json_int(value->integer);
    if (row->kind == OPTION_NUMBER) return nn_json_double(value->number);
    return nn_json_string(value->text);
}

nn_json *options_to_json(const options *o) {
    nn_json *json = nn_json_object();
    bool ok = json != NULL;
    for (option_id id = 0; id < OPTION_END && ok; id++) {
        if (rows[id].saved) ok = nn_json_set(json, rows[id].name, value_to_json(&rows[id], &o->values[id]));
    }
    if (ok) return json;
    nn_json_free(json);
    return NULL;
}

static bool value_from_json(const option_row *row, const nn_json *json, option_value *out) {
    option_value value = *out;
    if (row->kind == OPTION_INTEGER) {
        if (!nn_json_read_int(json, &value.integer)) return false;
        if (value.integer < row->least || value.integer > row->most) return false;
    } else if (row->kind == OPTION_NUMBER) {
        if (!nn_json_read_double(json, &value.number)) return false;
        if (!(value.number >= row->low && value.number < row->high)) return false;
    } else if (!nn_json_read_string(json, &value.text) ||
               (row->kind == OPTION_CHOICE && !check_choice(row, value.text, NULL))) {
        return false;
    }
    *out = value;
    return true;
}

static bool is_saved(const char *name) {
    for (option_id id = 0; id < OPTION_END; id++) {
        if (rows[id].saved && strcmp(rows[id].name, name) == 0) return true;
    }
    return false;
}

bool options_from_json(options *o, const nn_json *json, const char *source, ag_error *error) {
    for (option_id id = 0; id < OPTION_END; id++) {
        if (!rows[id].saved || o->values[id].given) continue;
        const nn_json *value = nn_json_get(json, rows[id].name);
        if (!value && rows[id].recent) continue;
        if (!value_from_json(&rows[id], value, &o->values[id]))
            return ag_fail(error, AG_STATUS_MODEL, "'%s': \"%s\" is missing or no value that --%s could have",
                           source, rows[id].name, rows[id].name);
    }
    const nn_json *value;
    for (const char *name = NULL; nn_json_next(json, &name, &value);) {
        if (!is_saved(name))
            return ag_fail(error, AG_STATUS_MODEL, "'%s': \"%s\" is no option that a run keeps", source,
                           name);
    }
    return true;
}
