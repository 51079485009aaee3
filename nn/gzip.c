// SPDX-License-Identifier: MIT
// A pull reader over zlib's inflate; the only file that includes zlib.h. zlib compares the gzip trailer
// (CRC-32 and length) itself before it reports the end of the stream.
#include "nn/gzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "nn/file.h"
#include "nn/number.h"

#define INFLATE_RATIO 1032          // 258 bytes from a match of 2 bits
#define INFLATE_STEP (1u << 30)     // zlib counts in 32 bits
#define WINDOW_GZIP_ONLY (15 + 16)  // 32 KiB window, gzip wrapper required

struct nn_gzip {
    char *path;
    int descriptor;
    int64_t size;       // of the file
    int64_t delivered;  // bytes handed out
    bool compressed, opened, ended;
    z_stream stream;
    uint8_t input[1 << 16];
};

static bool fail_read(const nn_gzip *gzip, ag_error *error) {
    return ag_fail(error, AG_STATUS_DATA, "cannot read '%s': %s", gzip->path, strerror(errno));
}

// Fills the input buffer, which must be empty.
static bool refill(nn_gzip *gzip, ag_error *error) {
    ssize_t got = nn_file_read(gzip->descriptor, gzip->input, sizeof gzip->input);
    if (got < 0) return fail_read(gzip, error);
    gzip->stream.next_in = gzip->input;
    gzip->stream.avail_in = (uInt)got;
    return true;
}

static bool start(nn_gzip *gzip, const char *path, ag_error *error) {
    gzip->path = strdup(path);
    if (!gzip->path) return ag_fail(error, AG_STATUS_MEMORY, "no memory to read '%s'", path);
    gzip->descriptor = nn_file_open(path, AG_STATUS_DATA, &gzip->size, error);
    if (gzip->descriptor < 0 || !refill(gzip, error)) return false;
    gzip->compressed = gzip->stream.avail_in >= 2 && gzip->input[0] == 0x1f && gzip->input[1] == 0x8b;
    if (!gzip->compressed) return true;
    gzip->opened = inflateInit2(&gzip->stream, WINDOW_GZIP_ONLY) == Z_OK;
    return gzip->opened || ag_fail(error, AG_STATUS_MEMORY, "no memory to inflate '%s'", path);
}

nn_gzip *nn_gzip_open(const char *path, ag_error *error) {
    nn_gzip *gzip = calloc(1, sizeof *gzip);
    if (!gzip) {
        ag_fail(error, AG_STATUS_MEMORY, "no memory to read '%s'", path);
        return NULL;
    }
    gzip->descriptor = -1;
    if (start(gzip, path, error)) return gzip;
    nn_gzip_free(gzip);
    return NULL;
}

void nn_gzip_free(nn_gzip *gzip) {
    if (!gzip) return;
    if (gzip->opened) inflateEnd(&gzip->stream);
    if (gzip->descriptor >= 0) close(gzip->descriptor);
    free(gzip->path);
    free(gzip);
}

int64_t nn_gzip_capacity(const nn_gzip *gzip) {
    int64_t capacity = gzip->size;
    if (gzip->compressed && __builtin_mul_overflow(capacity, (int64_t)INFLATE_RATIO, &capacity))
        return INT64_MAX;
    return capacity;
}

// Up to n bytes of a plain file; fewer only at its end.
static bool copy_some(nn_gzip *gzip, uint8_t *out, size_t n, size_t *got, ag_error *error) {
    size_t buffered = gzip->stream.avail_in < n ? gzip->stream.avail_in : n;
    memcpy(out, gzip->stream.next_in, buffered);
    gzip->stream.next_in += buffered;
    gzip->stream.avail_in -= (uInt)buffered;
    ssize_t rest = nn_file_read(gzip->descriptor, out + buffered, n - buffered);
    if (rest < 0) return fail_read(gzip, error);
    *got = buffered + (size_t)rest;
    return true;
}

// One call of inflate with input and output to work on.
static bool inflate_step(nn_gzip *gzip, ag_error *error) {
    if (gzip->stream.avail_in == 0 && !refill(gzip, error)) return false;
    if (gzip->stream.avail_in == 0)
        return ag_fail(error, AG_STATUS_DATA, "'%s' is cut off: its gzip stream has no end", gzip->path);
    int result = inflate(&gzip->stream, Z_NO_FLUSH);
    gzip->ended = result == Z_STREAM_END;
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR) return true;
    return ag_fail(error, result == Z_MEM_ERROR ? AG_STATUS_MEMORY : AG_STATUS_DATA,
                   "'%s' is not a sound gzip file: %s", gzip->path,
                   gzip->stream.msg ? gzip->stream.msg : "it cannot be inflated");
}

// Up to n inflated bytes; fewer only at the end of the stream.
static bool inflate_some(nn_gzip *gzip, uint8_t *out, size_t n, size_t *got, ag_error *error) {
    *got = 0;
    while (*got < n && !gzip->ended) {
        uInt room = n - *got < INFLATE_STEP ? (uInt)(n - *got) : INFLATE_STEP;
        gzip->stream.next_out = out + *got;
        gzip->stream.avail_out = room;
        if (!inflate_step(gzip, error)) return false;
        *got += room - gzip->stream.avail_out;
    }
    return true;
}

static bool read_some(nn_gzip *gzip, uint8_t *out, size_t n, size_t *got, ag_error *error) {
    bool ok = gzip->compressed ? inflate_some(gzip, out, n, got, error) : copy_some(gzip, out, n, got, error);
    if (ok) gzip->delivered += (int64_t)*got;
    return ok;
}

bool nn_gzip_read(nn_gzip *gzip, void *bytes, size_t n, ag_error *error) {
    size_t got = 0;
    if (!read_some(gzip, bytes, n, &got, error)) return false;
    return got == n || ag_fail(error, AG_STATUS_DATA, "'%s' ends after %lld byte%s%s, %lld too few",
                               gzip->path, (long long)gzip->delivered, nn_plural(gzip->delivered),
                               gzip->compressed ? " (inflated)" : "", (long long)(n - got));
}

bool nn_gzip_end(nn_gzip *gzip, ag_error *error) {
    uint8_t extra;
    size_t got = 0;
    int64_t expected = gzip->delivered;
    if (!read_some(gzip, &extra, 1, &got, error)) return false;
    if (got > 0)
        return ag_fail(error, AG_STATUS_DATA,
                       "'%s' holds more than the %lld byte%s%s that its header announces", gzip->path,
                       (long long)expected, nn_plural(expected), gzip->compressed ? " (inflated)" : "");
    if (gzip->compressed && gzip->stream.avail_in == 0 && !refill(gzip, error)) return false;
    return gzip->stream.avail_in == 0 ||
           ag_fail(error, AG_STATUS_DATA, "'%s' has bytes behind the end of its gzip stream", gzip->path);
}
