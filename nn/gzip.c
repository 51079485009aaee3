// SPDX-License-Identifier: MIT
// A pull reader over ISA-L's inflate, which takes two thirds of zlib's time; the only file that includes
// igzip_lib.h. ISA-L itself compares the gzip trailer (CRC-32 and length) before it reports the stream's end.
#include "nn/gzip.h"

#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/file.h"
#include "nn/number.h"

#define INFLATE_RATIO 1032       // 258 bytes from a match of 2 bits
#define INFLATE_STEP (1u << 30)  // ISA-L counts in 32 bits

struct nn_gzip {
    char *path;
    int descriptor;
    int64_t size;       // of the file
    int64_t delivered;  // bytes handed out
    bool compressed;
    struct inflate_state stream;
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
    gzip->stream.avail_in = (uint32_t)got;
    return true;
}

static bool start(nn_gzip *gzip, const char *path, ag_error *error) {
    gzip->path = strdup(path);
    if (!gzip->path) return ag_fail(error, AG_STATUS_MEMORY, "no memory to read '%s'", path);
    gzip->descriptor = nn_file_open(path, AG_STATUS_DATA, &gzip->size, error);
    if (gzip->descriptor < 0 || !refill(gzip, error)) return false;
    gzip->compressed = gzip->stream.avail_in >= 2 && gzip->input[0] == 0x1f && gzip->input[1] == 0x8b;
    return true;
}

nn_gzip *nn_gzip_open(const char *path, ag_error *error) {
    nn_gzip *gzip = calloc(1, sizeof *gzip);
    if (!gzip) {
        ag_fail(error, AG_STATUS_MEMORY, "no memory to read '%s'", path);
        return NULL;
    }
    gzip->descriptor = -1;
    isal_inflate_init(&gzip->stream);
    gzip->stream.crc_flag = ISAL_GZIP;
    if (start(gzip, path, error)) return gzip;
    nn_gzip_free(gzip);
    return NULL;
}

void nn_gzip_free(nn_gzip *gzip) {
    if (!gzip) return;
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
    gzip->stream.avail_in -= (uint32_t)buffered;
    ssize_t rest = nn_file_read(gzip->descriptor, out + buffered, n - buffered);
    if (rest < 0) return fail_read(gzip, error);
    *got = buffered + (size_t)rest;
    return true;
}

static bool at_end(const nn_gzip *gzip) { return gzip->stream.block_state == ISAL_BLOCK_FINISH; }

// One call of inflate with input and output to work on. ISA-L leaves the trailer alone until all output is
// given.
static bool inflate_step(nn_gzip *gzip, ag_error *error) {
    if (gzip->stream.avail_in == 0 && !refill(gzip, error)) return false;
    if (gzip->stream.avail_in == 0)
        return ag_fail(error, AG_STATUS_DATA, "'%s' is cut off: its gzip stream has no end", gzip->path);
    const int result = isal_inflate(&gzip->stream);
    if (result == ISAL_DECOMP_OK) return true;
    return ag_fail(
        error, AG_STATUS_DATA, "'%s' is not a sound gzip file: %s", gzip->path,
        result == ISAL_INCORRECT_CHECKSUM ? "its checksum or length is wrong" : "it cannot be inflated");
}

// Up to n inflated bytes; fewer only at the end of the stream.
static bool inflate_some(nn_gzip *gzip, uint8_t *out, size_t n, size_t *got, ag_error *error) {
    *got = 0;
    while (*got < n && !at_end(gzip)) {
        uint32_t room = n - *got < INFLATE_STEP ? (uint32_t)(n - *got) : INFLATE_STEP;
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
