// SPDX-License-Identifier: MIT
// Data sets are read exactly, and whatever is missing, cut, too long or contradictory is refused by a
// sentence.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "nn/dataset.h"
#include "nn/image.h"
#include "tests/support/scratch.h"
#include "tests/support/values.h"

TestSuite(dataset, .init = scratch_create, .fini = scratch_remove);

#define IDX_ROOM 4096

// An IDX file in memory.
struct idx {
    uint8_t bytes[IDX_ROOM];
    size_t n;
};

static struct idx idx_header(int type, int rank, const uint32_t *dims) {
    struct idx idx = {{0, 0, (uint8_t)type, (uint8_t)rank}, 4};
    for (int i = 0; i < rank; i++)
        for (int shift = 24; shift >= 0; shift -= 8) idx.bytes[idx.n++] = (uint8_t)(dims[i] >> shift);
    return idx;
}

// A sound file with values that differ from place to place.
static struct idx idx_values(int rank, const uint32_t *dims) {
    struct idx idx = idx_header(8, rank, dims);
    size_t size = 1;
    for (int i = 0; i < rank; i++) size *= dims[i];
    uint64_t state = size;
    for (size_t i = 0; i < size; i++) idx.bytes[idx.n++] = (uint8_t)values_below(&state, 256);
    return idx;
}

static struct idx idx_images(void) { return idx_values(3, (const uint32_t[]){5, 4, 3}); }

// n bytes as one gzip member; returns its length.
static size_t gzip(const void *bytes, size_t n, uint8_t *out, size_t room) {
    z_stream stream = {0};
    cr_assert(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = (Bytef *)bytes;
    stream.avail_in = (uInt)n;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    cr_assert(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&stream);
    return stream.total_out;
}

static struct idx gzip_idx(const struct idx *idx) {
    struct idx packed;
    packed.n = gzip(idx->bytes, idx->n, packed.bytes, IDX_ROOM);
    return packed;
}

static void write_idx(const char *name, struct idx idx) { scratch_write(name, idx.bytes, idx.n); }

static nn_dataset *open_sound(const char *name, nn_dataset_params params) {
    ag_error error = {0};
    nn_dataset *dataset = nn_dataset_open(scratch_path(name), &params, &error);
    cr_assert(dataset, "%s", error.text);
    cr_assert(strcmp(dataset->path, scratch_path(name)) == 0);
    return dataset;
}

static void expect_refusal(const char *name, nn_dataset_params params, const char *file, const char *rule) {
    ag_error error = {0};
    nn_dataset *dataset = nn_dataset_open(scratch_path(name), &params, &error);
    cr_assert(!dataset, "'%s' was opened; expected \"%s\"", name, rule);
    cr_assert(error.status == AG_STATUS_DATA, "status %d: %s", error.status, error.text);
    cr_assert(strstr(error.text, file) && strstr(error.text, rule) && !strchr(error.text, '\n'),
              "expected '%s' and \"%s\": %s", file, rule, error.text);
}

static void expect_bad_idx(struct idx idx, const char *rule) {
    write_idx("bad", idx);
    expect_refusal("bad", (nn_dataset_params){0}, "bad", rule);
}

static void expect_images(const nn_dataset *dataset, const struct idx *idx, size_t header) {
    int64_t size = dataset->n * dataset->h * dataset->w * dataset->c;
    cr_assert(memcmp(dataset->images, idx->bytes + header, (size_t)size) == 0);
}

Test(dataset, idx_files_are_read_plain_and_compressed_with_and_without_channels) {
    const uint32_t dims[][4] = {{5, 4, 3, 1}, {1, 1, 1, 1}, {2, 7, 5, 3}, {3, 2, 2, 1}};
    for (int k = 0; k < 4; k++)
        for (int rank = dims[k][3] == 3 ? 4 : 3; rank <= 4; rank++) {
            struct idx idx = idx_values(rank, dims[k]);
            write_idx("plain", idx);
            write_idx("packed", gzip_idx(&idx));
            for (int packed = 0; packed < 2; packed++) {
                nn_dataset *dataset = open_sound(packed ? "packed" : "plain", (nn_dataset_params){0});
                cr_assert(dataset->n == dims[k][0] && dataset->h == dims[k][1] && dataset->w == dims[k][2] &&
                              dataset->c == dims[k][3] && !dataset->labels,
                          "case %d, rank %d", k, rank);
                expect_images(dataset, &idx, 4 + 4 * (size_t)rank);
                nn_dataset_free(dataset);
            }
        }
}

Test(dataset, a_folder_of_mnist_names_is_found_and_its_labels_too) {
    struct idx images = idx_images(), labels = idx_values(1, (const uint32_t[]){5});
    for (int packed = 0; packed < 2; packed++) {
        write_idx(packed ? "train-images-idx3-ubyte.gz" : "train-images-idx3-ubyte",
                  packed ? gzip_idx(&images) : images);
        write_idx(packed ? "train-labels-idx1-ubyte.gz" : "train-labels-idx1-ubyte",
                  packed ? gzip_idx(&labels) : labels);
        nn_dataset *dataset = open_sound("", (nn_dataset_params){.labels = true});
        expect_images(dataset, &images, 16);
        cr_assert(dataset->labels && memcmp(dataset->labels, labels.bytes + 8, 5) == 0);
        nn_dataset_free(dataset);
        remove(scratch_path("train-images-idx3-ubyte"));
    }
}

Test(dataset, a_limit_keeps_the_first_images_and_still_checks_the_rest) {
    struct idx images = idx_images(), labels = idx_values(1, (const uint32_t[]){5});
    write_idx("a-images-idx3-ubyte", images);
    write_idx("a-labels-idx1-ubyte", labels);
    const int64_t limits[] = {1, 4, 5, 6, 1000}, kept[] = {1, 4, 5, 5, 5};
    for (int k = 0; k < 5; k++) {
        nn_dataset *dataset = open_sound("a-images-idx3-ubyte", (nn_dataset_params){limits[k], true});
        cr_assert(dataset->n == kept[k], "limit %d: %d images", (int)limits[k], (int)dataset->n);
        expect_images(dataset, &images, 16);
        cr_assert(memcmp(dataset->labels, labels.bytes + 8, (size_t)dataset->n) == 0);
        nn_dataset_free(dataset);
    }
    images.n--;
    write_idx("a-images-idx3-ubyte", images);
    expect_refusal("a-images-idx3-ubyte", (nn_dataset_params){.limit = 1}, "a-images-idx3-ubyte",
                   "can hold at most 75 bytes");
    ag_error error = {0};
    cr_assert(!nn_dataset_open(scratch_path("a"), &(nn_dataset_params){.limit = -1}, &error));
    cr_assert(error.status == AG_STATUS_USAGE);
}

Test(dataset, the_packaged_fashion_mnist_is_what_its_authors_publish) {
    ag_error error = {0};
    nn_dataset *dataset =
        nn_dataset_open("/usr/share/datasets/fashion-mnist", &(nn_dataset_params){.labels = true}, &error);
    cr_assert(dataset, "%s", error.text);
    cr_assert(dataset->n == 60000 && dataset->h == 28 && dataset->w == 28 && dataset->c == 1);
    int64_t sum = 0, count[256] = {0};
    for (int64_t i = 0; i < 60000 * 784; i++) sum += dataset->images[i];
    for (int64_t i = 0; i < 60000; i++) count[dataset->labels[i]]++;
    double mean = (double)sum / (60000.0 * 784 * 255);
    cr_assert(mean > 0.28595 && mean < 0.28605, "mean %g, published 0.2860", mean);
    for (int k = 0; k < 10; k++) cr_assert(count[k] == 6000, "%d images of class %d", (int)count[k], k);
    nn_dataset_free(dataset);
}

Test(dataset, what_is_no_data_set_is_named) {
    scratch_write("text.txt", "words", 5);
    expect_refusal("missing", (nn_dataset_params){0}, "missing", "No such file or directory");
    expect_refusal("", (nn_dataset_params){0}, scratch_path(""),
                   "train-images-idx3-ubyte[.gz], or a folder of PNG");
    expect_refusal("text.txt", (nn_dataset_params){0}, "text.txt", "starts with bytes 77 6f, not 00 00");
    expect_refusal("text.txt/below", (nn_dataset_params){0}, "text.txt/below", "Not a directory");
}

Test(dataset, an_idx_file_cut_off_anywhere_is_refused) {
    struct idx idx = idx_images(), packed = gzip_idx(&idx);
    for (size_t n = 0; n < idx.n; n++) {
        scratch_write("bad", idx.bytes, n);
        expect_refusal("bad", (nn_dataset_params){0}, "bad",
                       n == 1   ? "ends after 1 byte, 3 too few"
                       : n < 16 ? "ends after"
                                : "can hold at most");
    }
    for (size_t n = 0; n < packed.n; n++) {
        scratch_write("bad", packed.bytes, n);
        expect_refusal("bad", (nn_dataset_params){0}, "bad", n < 2 ? "" : "cut off");
    }
}

Test(dataset, an_idx_file_that_is_too_long_is_refused) {
    struct idx idx = idx_images(), packed = gzip_idx(&idx), longer = idx, twice = packed;
    longer.n++;
    expect_bad_idx(longer, "more than the 76 bytes that");
    expect_bad_idx(gzip_idx(&longer), "more than the 76 bytes (inflated)");
    twice.bytes[twice.n++] = 0;
    expect_bad_idx(twice, "bytes behind the end of its gzip stream");
    memcpy(packed.bytes + packed.n, packed.bytes, packed.n);
    packed.n *= 2;
    expect_bad_idx(packed, "bytes behind the end of its gzip stream");
}

Test(dataset, headers_against_the_rules_are_refused_with_the_value) {
    const uint32_t sound[] = {5, 4, 3, 1};
    struct idx idx = idx_images();
    for (int at = 0; at < 2; at++) {
        struct idx bad = idx;
        bad.bytes[at] = 1;
        expect_bad_idx(bad, "not 00 00");
    }
    expect_bad_idx(idx_header(0x0d, 3, sound), "type 0x0d");
    expect_bad_idx(idx_header(8, 2, sound), "has 2 dimensions; 3 to 4");
    expect_bad_idx(idx_header(8, 5, (const uint32_t[]){1, 1, 1, 1, 1}), "has 5 dimensions; 3 to 4");
    expect_bad_idx(idx_header(8, 0, sound), "has 0 dimensions");
    expect_bad_idx(idx_header(8, 1, sound), "has 1 dimension; 3 to 4");
    expect_bad_idx(idx_header(8, 4, (const uint32_t[]){5, 16385, 3, 1}), "16385 x 3 pixels and 1 channel;");
    for (int i = 0; i < 4; i++) {
        uint32_t dims[] = {5, 4, 3, 1};
        char rule[32];
        dims[i] = 0;
        snprintf(rule, sizeof rule, "dimension %d is 0", i);
        expect_bad_idx(idx_header(8, 4, dims), rule);
    }
    expect_bad_idx(idx_header(8, 4, (const uint32_t[]){5, 4, 3, 2}), "2 channels");
    expect_bad_idx(idx_header(8, 3, (const uint32_t[]){1, 16385, 3}), "16385 x 3");
    expect_bad_idx(idx_header(8, 3, (const uint32_t[]){1, 4, 0xffffffff}), "4294967295");
}

Test(dataset, absurd_sizes_are_refused_by_the_bytes_that_are_there) {
    const uint32_t dims[][4] = {
        {0xffffffff, 16384, 16384, 3}, {100000, 1000, 1000, 3}, {6, 4, 3, 1}, {20, 100, 100, 1}};
    for (size_t k = 0; k < 4; k++) {
        struct idx idx = idx_header(8, 4, dims[k]), packed = gzip_idx(&idx);
        expect_bad_idx(idx, "can hold at most 20 bytes");
        if (k != 2) expect_bad_idx(packed, "can hold at most");
    }
}

// 64 MB of zeros behind a header that announces 60, and a wrong checksum at the end, which a reader that
// inflates them all would find first.
Test(dataset, a_gzip_bomb_is_given_up_at_the_first_byte_too_many) {
    struct idx idx = idx_images();
    size_t n = idx.n + (64 << 20), room = n / 500 + 1000;
    uint8_t *bytes = calloc(1, n), *packed = malloc(room);
    memcpy(bytes, idx.bytes, idx.n);
    size_t length = gzip(bytes, n, packed, room);
    packed[length - 8] ^= 1;
    scratch_write("bomb", packed, length);
    free(bytes);
    free(packed);
    expect_refusal("bomb", (nn_dataset_params){0}, "bomb", "more than the 76 bytes (inflated)");
}

// gzip's header holds bytes that mean nothing (time, system); everything else is guarded.
Test(dataset, a_flipped_bit_of_a_compressed_file_never_changes_the_images) {
    struct idx idx = idx_images(), packed = gzip_idx(&idx);
    int harmless = 0;
    for (size_t bit = 0; bit < 8 * packed.n; bit++) {
        struct idx bad = packed;
        bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        write_idx("bad", bad);
        ag_error error = {0};
        nn_dataset *dataset = nn_dataset_open(scratch_path("bad"), NULL, &error);
        cr_assert(dataset || error.status == AG_STATUS_DATA, "bit %zu: %s", bit, error.text);
        if (!dataset) continue;
        cr_assert(dataset->n == 5 && dataset->h == 4 && dataset->w == 3, "bit %zu", bit);
        expect_images(dataset, &idx, 16);
        nn_dataset_free(dataset);
        harmless++;
    }
    cr_assert(harmless <= 8 * 10, "%d flips were not noticed; only the 10 bytes of the header hold idle bits",
              harmless);
}

Test(dataset, labels_that_do_not_fit_the_images_are_refused) {
    const nn_dataset_params labels = {.labels = true};
    write_idx("a-images-idx3-ubyte", idx_images());
    write_idx("images", idx_images());
    expect_refusal("a-images-idx3-ubyte", labels, "a-labels-idx1-ubyte", "No such file or directory");
    write_idx("a-labels-idx1-ubyte", idx_values(1, (const uint32_t[]){4}));
    expect_refusal("a-images-idx3-ubyte", labels, "a-labels-idx1-ubyte", "4 labels for 5 images");
    write_idx("a-labels-idx1-ubyte", idx_values(1, (const uint32_t[]){6}));
    expect_refusal("a-images-idx3-ubyte", labels, "a-labels-idx1-ubyte", "6 labels for 5 images");
    write_idx("a-labels-idx1-ubyte", idx_images());
    expect_refusal("a-images-idx3-ubyte", labels, "a-labels-idx1-ubyte", "has 3 dimensions; 1 to 1");
    expect_refusal("images", labels, "images", "does not say where");
}

static void write_png(const char *name, int64_t h, int64_t w, int64_t c, uint8_t level) {
    nn_image *image = nn_image_create(h, w, c, NULL);
    memset(image->pixels, level, (size_t)(h * w * c));
    cr_assert(nn_image_save(image, scratch_path(name), NULL));
    nn_image_free(image);
}

Test(dataset, a_folder_of_png_files_is_read_in_the_order_of_names) {
    write_png("b.png", 3, 2, 3, 20);
    write_png("a10.PNG", 3, 2, 3, 11);
    write_png("a2.png", 3, 2, 3, 12);
    write_png("Z.png", 3, 2, 3, 10);
    scratch_write("._a.png", "words", 5);
    scratch_write("notes.txt", "words", 5);
    const uint8_t order[] = {10, 11, 12, 20};
    for (int64_t limit = 0; limit <= 5; limit++) {
        nn_dataset *dataset = open_sound("", (nn_dataset_params){.limit = limit});
        cr_assert(dataset->n == (limit > 0 && limit < 4 ? limit : 4));
        cr_assert(dataset->h == 3 && dataset->w == 2 && dataset->c == 3 && !dataset->labels);
        for (int64_t i = 0; i < dataset->n * 18; i++)
            cr_assert(dataset->images[i] == order[i / 18], "image %d", (int)(i / 18));
        nn_dataset_free(dataset);
    }
    expect_refusal("", (nn_dataset_params){.labels = true}, scratch_path(""), "no labels");
}

Test(dataset, a_png_of_another_size_or_damaged_is_named) {
    write_png("a.png", 3, 2, 1, 1);
    write_png("b.png", 3, 4, 1, 1);
    expect_refusal("", (nn_dataset_params){0}, "b.png",
                   "is 3 x 4 x 1; the folder's first image makes 3 x 2 x 1");
    write_png("b.png", 3, 2, 3, 1);
    expect_refusal("", (nn_dataset_params){0}, "b.png",
                   "is 3 x 2 x 3; the folder's first image makes 3 x 2 x 1");
    scratch_write("b.png", "words", 5);
    expect_refusal("", (nn_dataset_params){0}, "b.png", "is no PNG");
    remove(scratch_path("b.png"));
    cr_assert(mkdir(scratch_path("b.png"), 0700) == 0);
    expect_refusal("", (nn_dataset_params){0}, "b.png", "not a regular file");
}

static void digest_of(const nn_dataset *dataset, char *text) {
    cr_assert(nn_dataset_digest(dataset, text, NULL) && strlen(text) == NN_DIGEST_DIGITS);
}

Test(dataset, the_digest_tells_contents_apart_and_nothing_else) {
    struct idx idx = idx_images();
    char plain[NN_DIGEST_TEXT], other[NN_DIGEST_TEXT];
    write_idx("plain", idx);
    write_idx("packed", gzip_idx(&idx));
    nn_dataset *a = open_sound("plain", (nn_dataset_params){0}),
               *b = open_sound("packed", (nn_dataset_params){0});
    digest_of(a, plain);
    digest_of(b, other);
    cr_assert(strcmp(plain, other) == 0);
    for (int i = 0; i < 60; i++) {
        b->images[i] ^= 1;
        digest_of(b, other);
        cr_assert(strcmp(plain, other) != 0, "byte %d", i);
        b->images[i] ^= 1;
    }
    *b = (nn_dataset){b->path, b->n, b->w, b->h, b->c, b->images, NULL};
    digest_of(b, other);
    cr_assert(strcmp(plain, other) != 0, "4 x 3 and 3 x 4 give one digest");
    nn_dataset_free(a);
    nn_dataset_free(b);
}

// Every byte value once, in 16 images of 16 pixels.
static nn_dataset *all_bytes(void) {
    nn_dataset *dataset = nn_dataset_create(16, 4, 4, 1, NULL);
    for (int i = 0; i < 256; i++) dataset->images[i] = (uint8_t)i;
    return dataset;
}

Test(dataset, gathered_images_are_scaled_to_minus_one_and_one) {
    nn_dataset *dataset = all_bytes();
    uint32_t indices[20];
    float narrow[320];
    double wide[320];
    for (uint32_t i = 0; i < 20; i++) indices[i] = 7 * i % 16;
    cr_assert(nn_dataset_gather(dataset, indices, 20, AG_F32, narrow, NULL));
    cr_assert(nn_dataset_gather(dataset, indices, 20, AG_F64, wide, NULL));
    for (int i = 0; i < 320; i++) {
        int v = (int)indices[i / 16] * 16 + i % 16;
        cr_assert(narrow[i] == (v - 127.5f) / 127.5f && wide[i] == (v - 127.5) / 127.5, "value %d", v);
    }
    cr_assert(nn_dataset_gather(dataset, NULL, 0, AG_F32, NULL, NULL));
    nn_dataset_free(dataset);
}

Test(dataset, gathering_and_quantizing_undo_each_other) {
    nn_dataset *dataset = all_bytes();
    uint32_t indices[16];
    float scaled[256];
    uint8_t back[256];
    for (uint32_t i = 0; i < 16; i++) indices[i] = i;
    cr_assert(nn_dataset_gather(dataset, indices, 16, AG_F32, scaled, NULL));
    nn_image_quantize(scaled, AG_F32, 256, -1, 1, back);
    for (int v = 0; v < 256; v++) cr_assert(back[v] == v, "%d came back as %d", v, back[v]);
    nn_dataset_free(dataset);
}

Test(dataset, an_index_beyond_the_set_is_refused_and_nothing_is_written) {
    nn_dataset *dataset = all_bytes();
    const uint32_t indices[][2] = {{0, 16}, {0xffffffff, 0}};
    for (int k = 0; k < 2; k++) {
        float out[32];
        for (int i = 0; i < 32; i++) out[i] = 77;
        ag_error error = {0};
        cr_assert(!nn_dataset_gather(dataset, indices[k], 2, AG_F32, out, &error));
        cr_assert(error.status == AG_STATUS_USAGE && strstr(error.text, "images 0 to 15"), "%s", error.text);
        for (int i = 0; i < 32; i++) cr_assert(out[i] == 77);
    }
    nn_dataset_free(dataset);
}

Test(dataset, sizes_out_of_range_are_refused) {
    const int64_t sizes[][4] = {{0, 1, 1, 1}, {-1, 1, 1, 1},    {INT64_C(1) << 32, 1, 1, 1},
                                {1, 0, 1, 1}, {1, 1, 16385, 1}, {1, 1, 1, 2}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        ag_error error = {0};
        cr_assert(!nn_dataset_create(sizes[k][0], sizes[k][1], sizes[k][2], sizes[k][3], &error), "case %zu",
                  k);
        cr_assert(error.status == AG_STATUS_USAGE, "case %zu", k);
    }
    nn_dataset_free(NULL);
}
