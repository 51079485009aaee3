// SPDX-License-Identifier: MIT
// Every reader of files against thousands of mutated ones: it refuses with a sentence or gives a sound
// result, and under the sanitizers it does nothing wrong on the way. Seeded, so that a failure can be
// repeated.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "nn/dataset.h"
#include "nn/format.h"
#include "nn/image.h"
#include "nn/json.h"
#include "tests/support/scratch.h"
#include "tests/support/values.h"

TestSuite(mutations, .init = scratch_create, .fini = scratch_remove);

#define ROUNDS 2500
#define ROOM 4096

struct text {
    uint8_t bytes[ROOM];
    size_t n;
};

// What numbers in headers are changed to.
static const uint32_t lures[] = {0,      1,       0x7f,       0x80,       0xff,      0x7fff,
                                 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff};

static void insert(struct text *text, size_t at, size_t n, uint64_t *state) {
    if (text->n + n > ROOM) return;
    memmove(text->bytes + at + n, text->bytes + at, text->n - at);
    for (size_t i = 0; i < n; i++) text->bytes[at + i] = (uint8_t)values_below(state, 256);
    text->n += n;
}

static void delete (struct text *text, size_t at, size_t n) {
    if (at + n > text->n) n = text->n - at;
    memmove(text->bytes + at, text->bytes + at + n, text->n - at - n);
    text->n -= n;
}

static void lure(struct text *text, size_t at, uint64_t *state) {
    uint32_t number = lures[values_below(state, sizeof lures / sizeof lures[0])];
    for (size_t i = 0; i < 4 && at + i < text->n; i++)
        text->bytes[at + i] = (uint8_t)(number >> (24 - 8 * i));
}

static void mutate_once(struct text *text, uint64_t *state) {
    if (text->n == 0) return;
    size_t at = values_next(state) % text->n, from = values_next(state) % text->n,
           n = 1 + values_next(state) % 8;
    switch (values_below(state, 7)) {
        case 0:
            text->bytes[at] ^= (uint8_t)(1 << values_below(state, 8));
            break;
        case 1:
            text->bytes[at] = (uint8_t)values_below(state, 256);
            break;
        case 2:
            insert(text, at, n, state);
            break;
        case 3:
            delete (text, at, n);
            break;
        case 4:
            text->n = at;
            break;
        case 5:
            lure(text, at, state);
            break;
        default:
            memmove(text->bytes + at, text->bytes + from, text->n - (at > from ? at : from));
            break;
    }
}

// One to four changes of a copy.
static struct text mutate(const struct text *seed, uint64_t *state) {
    struct text text = *seed;
    for (int i = 1 + values_below(state, 4); i > 0; i--) mutate_once(&text, state);
    return text;
}

static struct text read_text(const char *name) {
    struct text text;
    uint8_t *bytes = scratch_read(name, &text.n);
    cr_assert(text.n <= ROOM);
    memcpy(text.bytes, bytes, text.n);
    free(bytes);
    return text;
}

// A refusal has a status and one sentence.
static void check_refusal(const ag_error *error, ag_status status, const char *what, int round) {
    cr_assert(error->status == status && error->text[0] && !strchr(error->text, '\n'),
              "%s, round %d: status %d, \"%s\"", what, round, error->status, error->text);
}

static unsigned sum(const void *bytes, size_t n) {
    unsigned total = 0;
    for (size_t i = 0; i < n; i++) total += ((const uint8_t *)bytes)[i];
    return total;
}

// Reads every byte that the result claims to have, so that a false claim is an error under the sanitizers.
static bool try_dataset(const char *what, int round, bool labels) {
    ag_error error = {0};
    nn_dataset *dataset = nn_dataset_open(scratch_path("a-images-idx3-ubyte"),
                                          &(nn_dataset_params){.labels = labels, .limit = round % 3}, &error);
    if (!dataset) {
        check_refusal(&error, AG_STATUS_DATA, what, round);
        return false;
    }
    sum(dataset->images, (size_t)(dataset->n * dataset->h * dataset->w * dataset->c));
    if (labels) sum(dataset->labels, (size_t)dataset->n);
    nn_dataset_free(dataset);
    return true;
}

static struct text idx_text(void) {
    struct text text = {{0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 3}, 76};
    for (int i = 16; i < 76; i++) text.bytes[i] = (uint8_t)i;
    return text;
}

static struct text gzip_text(const struct text *text) {
    remove(scratch_path("packed"));
    gzFile file = gzopen(scratch_path("packed"), "wb9");
    cr_assert(file && gzwrite(file, text->bytes, (unsigned)text->n) == (int)text->n && gzclose(file) == Z_OK);
    return read_text("packed");
}

Test(mutations, of_idx_files) {
    const struct text seed = idx_text();
    uint64_t state = 1;
    int read = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct text text = mutate(&seed, &state);
        scratch_write("a-images-idx3-ubyte", text.bytes, text.n);
        read += try_dataset("idx", round, false);
    }
    cr_assert(read > ROUNDS / 20 && read < ROUNDS,
              "%d of %d were read: the mutations are too weak or too wild", read, ROUNDS);
}

// Half of them are packed after the mutation, so that gzip's checksum does not hide the reader behind it.
Test(mutations, of_compressed_idx_files) {
    const struct text seed = idx_text(), packed = gzip_text(&seed);
    uint64_t state = 2;
    int read = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct text text = mutate(round % 2 ? &seed : &packed, &state);
        if (round % 2) text = gzip_text(&text);
        scratch_write("a-images-idx3-ubyte", text.bytes, text.n);
        read += try_dataset("idx.gz", round, false);
    }
    cr_assert(read > ROUNDS / 50 && read < ROUNDS, "%d of %d were read", read, ROUNDS);
}

Test(mutations, of_labels) {
    const struct text images = idx_text(), seed = {{0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4, 5}, 13};
    scratch_write("a-images-idx3-ubyte", images.bytes, images.n);
    uint64_t state = 3;
    for (int round = 0; round < ROUNDS; round++) {
        struct text text = mutate(&seed, &state);
        scratch_write("a-labels-idx1-ubyte", text.bytes, text.n);
        try_dataset("labels", round, true);
    }
}

// Gives every chunk the CRC that its bytes call for, as far as chunks can be made out.
static void repair_png(struct text *text) {
    for (size_t at = 8; at + 12 <= text->n;) {
        const uint8_t *p = text->bytes + at;
        size_t length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (length > text->n - at - 12) return;
        uLong crc = crc32(0, p + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++) text->bytes[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + length;
    }
}

static bool try_png(struct text *text, int round) {
    // In memory of exactly its size: reading on is an error under the sanitizers.
    uint8_t *bytes = malloc(text->n + 1);
    memcpy(bytes, text->bytes, text->n);
    ag_error error = {0};
    nn_image *image = nn_image_decode(bytes, text->n, "a.png", &error);
    free(bytes);
    if (!image) {
        check_refusal(&error, AG_STATUS_DATA, "png", round);
        return false;
    }
    sum(image->pixels, (size_t)(image->h * image->w * image->c));
    nn_image_free(image);
    return true;
}

Test(mutations, of_png_files) {
    nn_image *image = nn_image_create(6, 5, 3, NULL);
    for (int i = 0; i < 90; i++) image->pixels[i] = (uint8_t)(i * i);
    cr_assert(nn_image_save(image, scratch_path("a.png"), NULL));
    nn_image_free(image);
    const struct text seed = read_text("a.png");
    uint64_t state = 4;
    int read = 0;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        struct text text = mutate(&seed, &state);
        if (round % 4) repair_png(&text);
        read += try_png(&text, round);
    }
    cr_assert(read > ROUNDS / 100 && read < 2 * ROUNDS, "%d of %d were read", read, 2 * ROUNDS);
}

static bool try_model(const struct text *text, bool unverified, int round) {
    scratch_write("m.safetensors", text->bytes, text->n);
    ag_error error = {0};
    nn_format_content *content =
        nn_format_load(scratch_path("m.safetensors"), &(nn_format_params){.unverified = unverified}, &error);
    if (!content) {
        check_refusal(&error, AG_STATUS_MODEL, "safetensors", round);
        return false;
    }
    for (int i = 0; i < content->n_tensors; i++)
        sum(content->tensors[i].data, (size_t)(ag_shape_size(content->tensors[i].shape) *
                                               nn_format_dtype_bytes(content->tensors[i].dtype)));
    for (int i = 0; i < content->n_metadata; i++)
        sum(content->metadata[i].value, strlen(content->metadata[i].value));
    nn_format_free(content);
    return true;
}

static const char foreign_header[] =
    "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]},"
    "\"b\":{\"dtype\":\"F32\",\"shape\":[2,3,1],\"data_offsets\":[16,40]},"
    "\"c\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[40,41]}}";

// Length, header and data; the length is right for the header as it is.
static struct text foreign_model(const struct text *header) {
    struct text text = {{0}, 8 + header->n + 41};
    uint64_t length = header->n;
    memcpy(text.bytes, &length, 8);
    memcpy(text.bytes + 8, header->bytes, header->n);
    return text;
}

Test(mutations, of_model_files_without_a_checksum) {
    struct text header = {{0}, sizeof foreign_header - 1};
    memcpy(header.bytes, foreign_header, header.n);
    const struct text seed = foreign_model(&header);
    uint64_t state = 5;
    int read = 0;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        struct text changed = mutate(round % 2 ? &header : &seed, &state);
        if (round % 2 && changed.n > ROOM - 49) continue;
        struct text text = round % 2 ? foreign_model(&changed) : changed;
        read += try_model(&text, true, round);
    }
    cr_assert(read > ROUNDS / 50 && read < 2 * ROUNDS, "%d of %d were read", read, 2 * ROUNDS);
}

Test(mutations, of_model_files_with_a_checksum_are_all_refused) {
    const float values[] = {1, 2, 3};
    nn_format_tensor tensor = {"a", NN_FORMAT_F32, {1, {3}}, values};
    nn_format_content content = {.tensors = &tensor, .n_tensors = 1};
    cr_assert(nn_format_save(scratch_path("m.safetensors"), &content, NULL));
    const struct text seed = read_text("m.safetensors");
    uint64_t state = 6;
    for (int round = 0; round < ROUNDS; round++) {
        struct text text = mutate(&seed, &state);
        bool same = text.n == seed.n && memcmp(text.bytes, seed.bytes, text.n) == 0;
        cr_assert(try_model(&text, false, round) == same, "round %d: a changed file was read", round);
    }
}

Test(mutations, of_json_text) {
    struct text seed = {{0}, sizeof foreign_header - 1};
    memcpy(seed.bytes, foreign_header, seed.n);
    uint64_t state = 7;
    int read = 0;
    for (int round = 0; round < 2 * ROUNDS; round++) {
        struct text text = mutate(&seed, &state);
        ag_error error = {0};
        nn_json *value = nn_json_parse((const char *)text.bytes, text.n, "a.json", AG_STATUS_USAGE, &error);
        if (!value) check_refusal(&error, AG_STATUS_USAGE, "json", round);
        char *printed = value ? nn_json_print(value) : NULL;
        cr_assert(!value || printed);
        read += value != NULL;
        free(printed);
        nn_json_free(value);
    }
    cr_assert(read > ROUNDS / 50 && read < 2 * ROUNDS, "%d of %d were read", read, 2 * ROUNDS);
}
