// SPDX-License-Identifier: MIT
// PNG through libpng's low-level interface, the only file that includes png.h, and grids. libpng reports
// errors by longjmp: each guarded call has a frame of its own, in which no local variable changes after
// setjmp.
#include "nn/image.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "nn/file.h"
#include "nn/given.h"
#include "nn/number.h"

#define PNG_FILE_LIMIT (INT64_C(1) << 30)
#define SIGNATURE 8            // bytes
#define CHUNK_LIMIT (8 << 20)  // bytes of one chunk other than IDAT
#define INFLATE_RATIO 1032     // DEFLATE's ceiling: 258 bytes from a match of 2 bits

static bool check_sizes(int64_t h, int64_t w, int64_t c, ag_status status, ag_error *error) {
    return (h > 0 && w > 0 && h <= NN_IMAGE_SIDE && w <= NN_IMAGE_SIDE && h * w <= NN_IMAGE_PIXELS &&
            (c == 1 || c == 3)) ||
           ag_fail(
               error, status,
               "an image of %lld x %lld pixels and %lld channel%s: sides are 1 to %d, pixels at most %lld, "
               "channels 1 or 3",
               (long long)h, (long long)w, (long long)c, nn_plural(c), NN_IMAGE_SIDE,
               (long long)NN_IMAGE_PIXELS);
}

// Room for `samples` per pixel, which may count an alpha channel that is gone when the image is handed out.
static nn_image *allocate(int64_t h, int64_t w, int64_t samples) {
    nn_image *image = calloc(1, sizeof *image);
    uint8_t *pixels = calloc((size_t)(h * w), (size_t)samples);
    if (!image || !pixels) {
        free(image);
        free(pixels);
        return NULL;
    }
    *image = (nn_image){h, w, samples, pixels};
    return image;
}

nn_image *nn_image_create(int64_t h, int64_t w, int64_t c, ag_error *error) {
    if (!check_sizes(h, w, c, AG_STATUS_USAGE, error)) return NULL;
    nn_image *image = allocate(h, w, c);
    if (!image)
        ag_fail(error, AG_STATUS_MEMORY, "no memory for %lld x %lld pixels", (long long)h, (long long)w);
    return image;
}

void nn_image_free(nn_image *image) {
    if (!image) return;
    free(image->pixels);
    free(image);
}

// One PNG on its way in or out; what libpng's callbacks get.
struct codec {
    png_structp png;
    png_infop info;
    const char *name;
    ag_status status;
    ag_error *error;
    const uint8_t *bytes;  // input that is left
    size_t n;
    int64_t n_input;         // bytes of the whole input
    nn_image *image;         // result
    const nn_image *source;  // to write
    nn_file *file;
};

// libpng reports a failed allocation like any other error; errno, cleared at the start, tells it apart.
static void on_error(png_structp png, png_const_charp message) {
    struct codec *codec = png_get_error_ptr(png);
    if (errno == ENOMEM)
        ag_fail(codec->error, AG_STATUS_MEMORY, "no memory for the pixels of '%s'", codec->name);
    ag_fail(codec->error, codec->status, "'%s' is not a sound PNG: %s", codec->name, message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep out, size_t n) {
    struct codec *codec = png_get_io_ptr(png);
    if (n > codec->n) png_error(png, "it is cut off");
    memcpy(out, codec->bytes, n);
    codec->bytes += n;
    codec->n -= n;
}

static void on_write(png_structp png, png_bytep bytes, size_t n) {
    struct codec *codec = png_get_io_ptr(png);
    if (!nn_file_write(codec->file, bytes, n, codec->error)) png_error(png, "it cannot be written");
}

static void on_flush(png_structp png) { (void)png; }

// Only IHDR, PLTE, tRNS, IDAT and IEND are looked into; of all other chunks the CRC alone is compared.
static void limit(png_structp png) {
    png_set_user_limits(png, NN_IMAGE_SIDE, NN_IMAGE_SIDE);
    png_set_chunk_malloc_max(png, CHUNK_LIMIT);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_benign_errors(png, 0);
}

// The bytes that the header promises, before the pixels get memory: no file can inflate to more than its
// ratio.
static void check_promise(struct codec *codec) {
    int64_t h = png_get_image_height(codec->png, codec->info),
            w = png_get_image_width(codec->png, codec->info);
    if (h * w > NN_IMAGE_PIXELS) png_error(codec->png, "it has more than 2^26 pixels");
    int64_t packed = h * (int64_t)png_get_rowbytes(codec->png, codec->info);
    if (packed / INFLATE_RATIO > codec->n_input)
        png_error(codec->png, "it is too short for the size in its header");
}

// Everything becomes 1 to 4 samples of 8 bits per pixel.
static void transform(struct codec *codec) {
    png_set_expand(codec->png);
    png_set_scale_16(codec->png);
    png_read_update_info(codec->png, codec->info);
}

static void read_rows(struct codec *codec, int passes) {
    nn_image *image = codec->image;
    size_t stride = (size_t)(image->w * image->c);
    if (png_get_rowbytes(codec->png, codec->info) != stride)
        png_error(codec->png, "its rows have a strange size");
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < image->h; y++) png_read_row(codec->png, image->pixels + y * stride, NULL);
}

static void decode(struct codec *codec) {
    png_set_read_fn(codec->png, codec, on_read);
    limit(codec->png);
    png_read_info(codec->png, codec->info);
    check_promise(codec);
    int passes = png_set_interlace_handling(codec->png);
    transform(codec);
    codec->image =
        allocate(png_get_image_height(codec->png, codec->info), png_get_image_width(codec->png, codec->info),
                 png_get_channels(codec->png, codec->info));
    if (!codec->image) png_error(codec->png, "no memory");
    read_rows(codec, passes);
    png_read_end(codec->png, NULL);
}

static bool decode_guarded(struct codec *codec) {
    if (setjmp(png_jmpbuf(codec->png))) return false;
    decode(codec);
    return true;
}

// Lays pixels with alpha over white: v a + 255 (1 - a), rounded, and closes the gaps that alpha leaves.
static void flatten_alpha(nn_image *image) {
    if (image->c % 2 != 0) return;
    int64_t colours = image->c - 1;
    const uint8_t *in = image->pixels;
    uint8_t *out = image->pixels;
    for (int64_t i = 0; i < image->h * image->w; i++, in += image->c) {
        int alpha = in[colours];
        for (int64_t k = 0; k < colours; k++)
            *out++ = (uint8_t)((in[k] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
    image->c = colours;
}

// A file that ends within the signature is one that was cut off; libpng will say so.
static bool check_signature(const uint8_t *bytes, size_t n, const char *name, ag_error *error) {
    return (n > 0 && png_sig_cmp(bytes, 0, n < SIGNATURE ? n : SIGNATURE) == 0) ||
           ag_fail(error, AG_STATUS_DATA, "'%s' is no PNG: it does not begin with the signature of one",
                   name);
}

nn_image *nn_image_decode(const uint8_t *bytes, size_t n, const char *name, ag_error *error) {
    if (!NN_GIVEN(bytes, "bytes", error) || !NN_GIVEN(name, "name", error) ||
        !check_signature(bytes, n, name, error))
        return NULL;
    struct codec codec = {.name = name, .status = AG_STATUS_DATA, .error = error, .bytes = bytes, .n = n};
    codec.n_input = (int64_t)n;
    errno = 0;
    codec.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &codec, on_error, on_warning);
    codec.info = codec.png ? png_create_info_struct(codec.png) : NULL;
    bool ok = codec.info && decode_guarded(&codec);
    if (!codec.info) ag_fail(error, AG_STATUS_MEMORY, "no memory to read '%s'", name);
    png_destroy_read_struct(&codec.png, &codec.info, NULL);
    if (ok) {
        flatten_alpha(codec.image);
        return codec.image;
    }
    nn_image_free(codec.image);
    return NULL;
}

nn_image *nn_image_load(const char *path, ag_error *error) {
    if (!NN_GIVEN(path, "path", error)) return NULL;
    uint8_t *bytes;
    size_t n;
    if (!nn_file_load(path, PNG_FILE_LIMIT, AG_STATUS_DATA, &bytes, &n, error)) return NULL;
    nn_image *image = nn_image_decode(bytes, n, path, error);
    free(bytes);
    return image;
}

static void encode(struct codec *codec) {
    const nn_image *image = codec->source;
    png_set_write_fn(codec->png, codec, on_write, on_flush);
    png_set_IHDR(codec->png, codec->info, (png_uint_32)image->w, (png_uint_32)image->h, 8,
                 image->c == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(codec->png, codec->info);
    for (int64_t y = 0; y < image->h; y++) png_write_row(codec->png, image->pixels + y * image->w * image->c);
    png_write_end(codec->png, NULL);
}

static bool encode_guarded(struct codec *codec) {
    if (setjmp(png_jmpbuf(codec->png))) return false;
    encode(codec);
    return true;
}

static bool write_png(const nn_image *image, nn_file *file, const char *path, ag_error *error) {
    struct codec codec = {
        .name = path, .status = AG_STATUS_OUTPUT, .error = error, .source = image, .file = file};
    errno = 0;
    codec.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &codec, on_error, on_warning);
    codec.info = codec.png ? png_create_info_struct(codec.png) : NULL;
    bool ok = codec.info && encode_guarded(&codec);
    if (!codec.info) ag_fail(error, AG_STATUS_MEMORY, "no memory to write '%s'", path);
    png_destroy_write_struct(&codec.png, &codec.info);
    return ok;
}

bool nn_image_save(const nn_image *image, const char *path, ag_error *error) {
    if (!NN_GIVEN(image, "image", error) || !NN_GIVEN(path, "path", error) ||
        !NN_GIVEN(image->pixels, "image->pixels", error) ||
        !check_sizes(image->h, image->w, image->c, AG_STATUS_CONTRACT, error))
        return false;
    nn_file *file = nn_file_create(path, error);
    bool ok = file && write_png(image, file, path, error) && nn_file_commit(file, error);
    nn_file_free(file);
    return ok;
}

// Copies one image of `row` bytes by h rows into its cell.
static void put_cell(nn_image *canvas, const uint8_t *cell, int64_t h, int64_t w, int64_t y, int64_t x) {
    for (int64_t i = 0; i < h; i++)
        memcpy(canvas->pixels + ((y + i) * canvas->w + x) * canvas->c, cell + i * w * canvas->c,
               (size_t)(w * canvas->c));
}

static bool grid_valid(int64_t n, int64_t h, int64_t w, nn_grid grid, ag_error *error) {
    const int64_t most = NN_IMAGE_SIDE;
    if (grid.rows < 1 || grid.cols < 1 || grid.gap < 0 || grid.rows > most || grid.cols > most ||
        grid.gap > most)
        return ag_fail(
            error, AG_STATUS_USAGE,
            "a grid of %lld x %lld cells with gap %lld: rows and columns are 1 to %lld, the gap 0 to %lld",
            (long long)grid.rows, (long long)grid.cols, (long long)grid.gap, (long long)most,
            (long long)most);
    if (n < 0 || n > grid.rows * grid.cols || h < 1 || w < 1 || h > most || w > most)
        return ag_fail(error, AG_STATUS_USAGE,
                       "%lld images of %lld x %lld pixels do not fit %lld x %lld cells", (long long)n,
                       (long long)h, (long long)w, (long long)grid.rows, (long long)grid.cols);
    return true;
}

nn_image *nn_image_grid(const uint8_t *images, int64_t n, int64_t h, int64_t w, int64_t c, nn_grid grid,
                        ag_error *error) {
    if (!grid_valid(n, h, w, grid, error) || (n > 0 && !NN_GIVEN(images, "images", error))) return NULL;
    int64_t step_y = h + grid.gap, step_x = w + grid.gap;
    nn_image *canvas =
        nn_image_create(grid.rows * step_y + grid.gap, grid.cols * step_x + grid.gap, c, error);
    if (!canvas) return NULL;
    memset(canvas->pixels, 255, (size_t)(canvas->h * canvas->w * c));
    for (int64_t i = 0; i < n; i++)
        put_cell(canvas, images + i * h * w * c, h, w, grid.gap + i / grid.cols * step_y,
                 grid.gap + i % grid.cols * step_x);
    return canvas;
}

// The comparisons are false for NaN, which thus falls to 0.
static uint8_t quantize(double x, double low, double high) {
    double level = (x - low) / (high - low) * 255 + 0.5;
    if (level >= 255) return 255;
    return level > 0 ? (uint8_t)level : 0;
}

void nn_image_quantize(const void *x, ag_dtype dtype, int64_t n, double low, double high, uint8_t *out) {
    if (n > 0 && (!NN_GIVEN(x, "x", NULL) || !NN_GIVEN(out, "out", NULL))) return;
    for (int64_t i = 0; i < n; i++)
        out[i] = quantize(dtype == AG_F64 ? ((const double *)x)[i] : ((const float *)x)[i], low, high);
}
