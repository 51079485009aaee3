// SPDX-License-Identifier: MIT
// PNG files come back as they were written, other kinds of PNG by the stated rules, and damaged ones not at
// all.
#include <criterion/criterion.h>
#include <math.h>
#include <png.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "nn/image.h"
#include "tests/support/scratch.h"
#include "tests/support/values.h"

TestSuite(image, .init = scratch_create, .fini = scratch_remove);

static nn_image *random_image(int64_t h, int64_t w, int64_t c) {
    ag_error error = {0};
    nn_image *image = nn_image_create(h, w, c, &error);
    cr_assert(image, "%s", error.text);
    uint64_t state = (uint64_t)(h * 1000 + w * 10 + c);
    for (int64_t i = 0; i < h * w * c; i++) image->pixels[i] = (uint8_t)values_below(&state, 256);
    return image;
}

static nn_image *load(const char *name) {
    ag_error error = {0};
    nn_image *image = nn_image_load(scratch_path(name), &error);
    cr_assert(image, "%s", error.text);
    return image;
}

static bool same(const nn_image *a, const nn_image *b) {
    return a->h == b->h && a->w == b->w && a->c == b->c &&
           memcmp(a->pixels, b->pixels, (size_t)(a->h * a->w * a->c)) == 0;
}

Test(image, a_written_picture_is_read_back_pixel_for_pixel) {
    const int64_t sizes[][2] = {{1, 1}, {1, 9}, {7, 1}, {28, 28}, {33, 17}, {122, 242}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
        for (int64_t c = 1; c <= 3; c += 2) {
            nn_image *image = random_image(sizes[k][0], sizes[k][1], c);
            ag_error error = {0};
            cr_assert(nn_image_save(image, scratch_path("a.png"), &error), "%s", error.text);
            nn_image *back = load("a.png");
            cr_assert(same(image, back), "%d x %d x %d", (int)image->h, (int)image->w, (int)c);
            nn_image_free(image);
            nn_image_free(back);
        }
    cr_assert(scratch_count() == 1);
}

Test(image, the_same_picture_gives_the_same_bytes) {
    nn_image *image = random_image(31, 29, 3);
    size_t n, m;
    cr_assert(nn_image_save(image, scratch_path("a.png"), NULL) &&
              nn_image_save(image, scratch_path("b.png"), NULL));
    uint8_t *a = scratch_read("a.png", &n), *b = scratch_read("b.png", &m);
    cr_assert(n == m && memcmp(a, b, n) == 0);
    free(a);
    free(b);
    nn_image_free(image);
}

enum {
    PALETTE = 1,   // colour i is (i, 2 i, 255 - i) and, with ALPHA, has alpha 40 i
    ALPHA = 2,     // with grey: the sample 7 is transparent
    COMMENTS = 4,  // text, time, gamma and an unknown chunk around the pixels
};

// A PNG of any kind, written by libpng itself. rows [h, stride].
struct recipe {
    int h, w, depth, type, interlace;
    const uint8_t *rows;
    size_t stride;
    int extras;
};

static void add_palette(png_structp png, png_infop info, bool alpha) {
    png_color colours[4];
    uint8_t alphas[4];
    for (int i = 0; i < 4; i++) {
        colours[i] = (png_color){(png_byte)i, (png_byte)(2 * i), (png_byte)(255 - i)};
        alphas[i] = (uint8_t)(40 * i);
    }
    png_set_PLTE(png, info, colours, 4);
    if (alpha) png_set_tRNS(png, info, alphas, 4, NULL);
}

static void add_comments(png_structp png, png_infop info) {
    png_text text = {.compression = PNG_TEXT_COMPRESSION_zTXt, .key = "Comment", .text = "words"};
    png_unknown_chunk chunk = {"boBb", (png_byte *)"x", 1, PNG_HAVE_IHDR};
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_ALWAYS, NULL, 0);
    png_set_unknown_chunks(png, info, &chunk, 1);
    png_set_text(png, info, &text, 1);
    png_set_gAMA(png, info, 1.0);
    png_set_tIME(png, info, &(png_time){.year = 2000, .month = 1, .day = 1});
}

static void write_recipe(const char *name, struct recipe r) {
    FILE *file = fopen(scratch_path(name), "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    cr_assert(file && info && !setjmp(png_jmpbuf(png)));
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)r.w, (png_uint_32)r.h, r.depth, r.type, r.interlace, 0, 0);
    if (r.extras & PALETTE) add_palette(png, info, r.extras & ALPHA);
    if ((r.extras & ALPHA) && !(r.extras & PALETTE))
        png_set_tRNS(png, info, NULL, 0, &(png_color_16){.gray = 7, .red = 7, .green = 7, .blue = 7});
    if (r.extras & COMMENTS) add_comments(png, info);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < r.h; y++) png_write_row(png, r.rows + (size_t)y * r.stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(file);
}

static void expect_pixels(const char *what, struct recipe recipe, int64_t c, const uint8_t *expected) {
    write_recipe("r.png", recipe);
    nn_image *image = load("r.png");
    cr_assert(image->h == recipe.h && image->w == recipe.w && image->c == c, "%s: %d x %d x %d", what,
              (int)image->h, (int)image->w, (int)image->c);
    for (int64_t i = 0; i < image->h * image->w * c; i++)
        cr_assert(image->pixels[i] == expected[i], "%s: sample %d is %d, expected %d", what, (int)i,
                  image->pixels[i], expected[i]);
    nn_image_free(image);
}

Test(image, few_and_many_bits_become_eight) {
    expect_pixels("1 bit", (struct recipe){1, 4, 1, PNG_COLOR_TYPE_GRAY, 0, (const uint8_t[]){0x50}, 1, 0}, 1,
                  (const uint8_t[]){0, 255, 0, 255});
    expect_pixels("2 bits", (struct recipe){1, 4, 2, PNG_COLOR_TYPE_GRAY, 0, (const uint8_t[]){0x1b}, 1, 0},
                  1, (const uint8_t[]){0, 85, 170, 255});
    expect_pixels("4 bits", (struct recipe){1, 2, 4, PNG_COLOR_TYPE_GRAY, 0, (const uint8_t[]){0x3f}, 1, 0},
                  1, (const uint8_t[]){51, 255});
    const uint8_t wide[] = {0x00, 0x80, 0x00, 0x81,
                            0xff, 0xff, 0x12, 0x34};  // 128, 129, 65535, 4660 of 65535
    expect_pixels("16 bits", (struct recipe){1, 4, 16, PNG_COLOR_TYPE_GRAY, 0, wide, 8, 0}, 1,
                  (const uint8_t[]){0, 1, 255, 18});
}

Test(image, palettes_become_rgb) {
    const uint8_t expected[] = {0, 0, 255, 1, 2, 254, 2, 4, 253, 3, 6, 252};
    expect_pixels("palette",
                  (struct recipe){1, 4, 2, PNG_COLOR_TYPE_PALETTE, 0, (const uint8_t[]){0x1b}, 1, PALETTE}, 3,
                  expected);
}

// round(v a / 255 + 255 - a)
Test(image, transparency_is_laid_over_white) {
    expect_pixels("grey and alpha",
                  (struct recipe){1, 4, 8, PNG_COLOR_TYPE_GRAY_ALPHA, 0,
                                  (const uint8_t[]){100, 255, 100, 0, 0, 128, 100, 51}, 8, 0},
                  1, (const uint8_t[]){100, 255, 127, 224});
    expect_pixels("RGB and alpha",
                  (struct recipe){2, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, 0,
                                  (const uint8_t[]){10, 20, 30, 255, 0, 255, 128, 51}, 4, 0},
                  3, (const uint8_t[]){10, 20, 30, 204, 255, 230});
    expect_pixels("a transparent grey",
                  (struct recipe){1, 3, 8, PNG_COLOR_TYPE_GRAY, 0, (const uint8_t[]){6, 7, 8}, 3, ALPHA}, 1,
                  (const uint8_t[]){6, 255, 8});
    const struct recipe palette = {
        1, 4, 2, PNG_COLOR_TYPE_PALETTE, 0, (const uint8_t[]){0x1b}, 1, PALETTE | ALPHA};
    expect_pixels("a palette with alpha", palette, 3,
                  (const uint8_t[]){255, 255, 255, 215, 215, 255, 176, 176, 254, 136, 138, 254});
}

Test(image, interlaced_pictures_and_foreign_chunks_are_read) {
    nn_image *image = random_image(19, 23, 3);
    const struct recipe recipe = {19,     23,      8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7, image->pixels,
                                  23 * 3, COMMENTS};
    expect_pixels("interlaced", recipe, 3, image->pixels);
    nn_image_free(image);
}

static void expect_damage(const uint8_t *bytes, size_t n, const char *rule, const char *what, size_t at) {
    ag_error error = {0};
    nn_image *image = nn_image_decode(bytes, n, "a.png", &error);
    cr_assert(!image, "%s at byte %zu was not noticed", what, at);
    cr_assert(error.status == AG_STATUS_DATA && strstr(error.text, "'a.png'") && strstr(error.text, rule),
              "%s at byte %zu, expected \"%s\": %s", what, at, rule, error.text);
}

Test(image, a_picture_cut_off_anywhere_is_refused) {
    nn_image *image = random_image(5, 6, 3);
    const struct recipe recipe = {5, 6, 8, PNG_COLOR_TYPE_RGB, 0, image->pixels, 18, COMMENTS};
    write_recipe("a.png", recipe);
    size_t n;
    uint8_t *bytes = scratch_read("a.png", &n);
    for (size_t length = 0; length < n; length++) {
        uint8_t *exact = malloc(length + 1);
        memcpy(exact, bytes, length);
        expect_damage(exact, length, "", "a cut", length);
        free(exact);
    }
    free(bytes);
    nn_image_free(image);
}

Test(image, what_does_not_begin_with_the_signature_is_no_png) {
    static const uint8_t begun[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0};
    const char *const others[] = {"abc\n", "", "GIF89a, and more than eight bytes", "\x89PNG\n\n\x1a\n"};
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        expect_damage((const uint8_t *)others[k], strlen(others[k]),
                      "is no PNG: it does not begin with the signature of one", "a beginning", k);
    for (size_t n = 1; n < sizeof begun; n++)
        expect_damage(begun, n, "is not a sound PNG: it is cut off", "a signature cut off", n);
}

Test(image, a_bit_flipped_anywhere_is_refused) {
    nn_image *image = random_image(5, 6, 1);
    const struct recipe recipe = {5, 6, 8, PNG_COLOR_TYPE_GRAY, 0, image->pixels, 6, COMMENTS};
    write_recipe("a.png", recipe);
    size_t n;
    uint8_t *bytes = scratch_read("a.png", &n);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        expect_damage(bytes, n, "", "a flip", bit / 8);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(bytes);
    nn_image_free(image);
}

static void put_big_endian(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

// CRC-32 of PNG, bit by bit (W3C PNG specification, annex D).
static uint32_t png_crc(const uint8_t *bytes, size_t n) {
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

// Claims of a header with a right CRC, over the pixels of a 5 x 6 picture.
Test(image, sizes_beyond_the_limits_or_the_file_are_refused_before_they_are_allocated) {
    nn_image *image = random_image(5, 6, 1);
    cr_assert(nn_image_save(image, scratch_path("a.png"), NULL));
    size_t n;
    uint8_t *bytes = scratch_read("a.png", &n);
    const struct {
        uint32_t h, w;
        const char *rule;
    } claims[] = {
        {0, 6, "IHDR"},
        {5, 0, "IHDR"},
        {0xffffffff, 6, "integer out of range"},
        {16385, 1, "IHDR"},
        {1, 16385, "IHDR"},
        {0x7fffffff, 0x7fffffff, "IHDR"},
        {8193, 8193, "more than 2^26 pixels"},
        {16384, 4097, "more than 2^26 pixels"},
        {16384, 4096, "too short for the size in its header"},
        {500, 500, "too short for the size in its header"},
    };
    for (size_t k = 0; k < sizeof claims / sizeof claims[0]; k++) {
        put_big_endian(bytes + 16, claims[k].w);
        put_big_endian(bytes + 20, claims[k].h);
        put_big_endian(bytes + 29, png_crc(bytes + 12, 17));
        expect_damage(bytes, n, claims[k].rule, "a claim", k);
    }
    free(bytes);
    nn_image_free(image);
}

static void expect_unsaved(const nn_image *image, const char *name, ag_status status) {
    ag_error error = {0};
    cr_assert(!nn_image_save(image, scratch_path(name), &error), "'%s' was written", name);
    cr_assert(error.status == status && error.text[0], "'%s': status %d, %s", name, error.status, error.text);
}

Test(image, a_picture_that_cannot_be_written_leaves_the_old_one) {
    nn_image *image = random_image(64, 64, 3), *other = random_image(9, 9, 1);
    cr_assert(nn_image_save(other, scratch_path("a.png"), NULL));
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t most = 0; most < 12000; most += most < 200 ? 1 : 1000) {
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){most, RLIM_INFINITY});
        expect_unsaved(image, "a.png", AG_STATUS_OUTPUT);
        cr_assert(scratch_count() == 1, "a temporary file is left after %d bytes", (int)most);
    }
    nn_image *back = load("a.png");
    cr_assert(same(back, other));
    expect_unsaved(image, "a.png/b.png", AG_STATUS_OUTPUT);
    expect_unsaved(NULL, "a.png", AG_STATUS_CONTRACT);
    expect_unsaved(&(nn_image){4, 4, 2, other->pixels}, "a.png", AG_STATUS_CONTRACT);
    nn_image_free(back);
    nn_image_free(other);
    nn_image_free(image);
}

Test(image, sizes_out_of_range_are_refused) {
    const int64_t sizes[][3] = {{0, 1, 1},     {1, -1, 1},    {1, 1, 2},       {1, 1, 4},
                                {16385, 1, 1}, {1, 16385, 1}, {8193, 8193, 1}, {INT64_MAX, INT64_MAX, 3}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        ag_error error = {0};
        cr_assert(!nn_image_create(sizes[k][0], sizes[k][1], sizes[k][2], &error), "case %zu", k);
        cr_assert(error.status == AG_STATUS_USAGE, "case %zu", k);
        cr_assert(strstr(error.text, sizes[k][2] == 1 ? "1 channel:" : "channels:"), "%s", error.text);
    }
    nn_image_free(NULL);
}

// Which cell of the grid, if any, pixel (y, x) belongs to; straight from the description of nn_grid.
static bool cell_of(int64_t y, int64_t side, int64_t gap, int64_t *cell, int64_t *inside) {
    *cell = (y - gap) / (side + gap);
    *inside = (y - gap) % (side + gap);
    return y >= gap && *inside < side;
}

static int expected_pixel(const nn_image *all, int64_t n, int64_t h, nn_grid grid, int64_t y, int64_t x,
                          int64_t k) {
    int64_t row, col, i, j;
    if (!cell_of(y, h, grid.gap, &row, &i) || !cell_of(x, all->w, grid.gap, &col, &j)) return 255;
    int64_t image = row * grid.cols + col;
    return image < n ? all->pixels[((image * h + i) * all->w + j) * all->c + k] : 255;
}

static void check_grid(int64_t n, int64_t h, int64_t w, int64_t c, nn_grid grid) {
    nn_image *all = random_image(n * h, w, c);
    ag_error error = {0};
    nn_image *canvas = nn_image_grid(all->pixels, n, h, w, c, grid, &error);
    cr_assert(canvas, "%s", error.text);
    cr_assert(canvas->h == grid.rows * (h + grid.gap) + grid.gap &&
              canvas->w == grid.cols * (w + grid.gap) + grid.gap);
    for (int64_t y = 0; y < canvas->h; y++)
        for (int64_t x = 0; x < canvas->w; x++)
            for (int64_t k = 0; k < c; k++)
                cr_assert(
                    canvas->pixels[(y * canvas->w + x) * c + k] == expected_pixel(all, n, h, grid, y, x, k),
                    "%d images in %d x %d, gap %d, %d channels: pixel (%d, %d, %d)", (int)n, (int)grid.rows,
                    (int)grid.cols, (int)grid.gap, (int)c, (int)y, (int)x, (int)k);
    nn_image_free(canvas);
    nn_image_free(all);
}

Test(image, a_grid_shows_each_image_in_its_cell_on_white) {
    for (int64_t gap = 0; gap <= 2; gap++)
        for (int64_t c = 1; c <= 3; c += 2) {
            check_grid(1, 5, 4, c, (nn_grid){1, 1, gap});
            check_grid(32, 3, 5, c, (nn_grid){4, 8, gap});
            check_grid(5, 4, 3, c, (nn_grid){2, 3, gap});
        }
}

Test(image, grids_that_do_not_fit_are_refused) {
    const uint8_t pixels[64] = {0};
    const struct {
        int64_t n, h, w, c;
        nn_grid grid;
    } cases[] = {
        {5, 2, 2, 1, {2, 2, 1}},        {-1, 2, 2, 1, {2, 2, 1}},    {1, 2, 2, 1, {0, 2, 1}},
        {1, 2, 2, 1, {2, -1, 1}},       {1, 2, 2, 1, {2, 2, -1}},    {1, 2, 2, 2, {2, 2, 1}},
        {1, 0, 2, 1, {2, 2, 1}},        {1, 2, 2, 1, {16384, 2, 1}}, {1, 2, 2, 1, {INT64_MAX, INT64_MAX, 1}},
        {1, INT64_MAX, 2, 1, {2, 2, 1}}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        ag_error error = {0};
        nn_image *image =
            nn_image_grid(pixels, cases[k].n, cases[k].h, cases[k].w, cases[k].c, cases[k].grid, &error);
        cr_assert(!image && error.status == AG_STATUS_USAGE, "case %zu", k);
    }
}

Test(image, values_are_rounded_clamped_and_nan_is_black) {
    const float x[] = {-1, 1, 0, NAN, -NAN, INFINITY, -INFINITY, -1.5f, 1.5f, 0.003f};
    const uint8_t signed_range[] = {0, 255, 128, 0, 0, 255, 0, 0, 255, 128};
    const uint8_t unit_range[] = {0, 255, 0, 0, 0, 255, 0, 0, 255, 1};
    double wide[10];
    uint8_t out[4][10];
    for (int i = 0; i < 10; i++) wide[i] = x[i];
    nn_image_quantize(x, AG_F32, 10, -1, 1, out[0]);
    nn_image_quantize(wide, AG_F64, 10, -1, 1, out[1]);
    nn_image_quantize(x, AG_F32, 10, 0, 1, out[2]);
    nn_image_quantize(wide, AG_F64, 10, 0, 1, out[3]);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 10; i++)
            cr_assert(out[k][i] == (k < 2 ? signed_range : unit_range)[i], "way %d: %g gives %d", k, wide[i],
                      out[k][i]);
}
