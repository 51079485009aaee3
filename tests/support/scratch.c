// SPDX-License-Identifier: MIT
// Scratch folders under TMPDIR.
#define _GNU_SOURCE  // FTW_DEPTH
#include "tests/support/scratch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[256];

void scratch_create(void) {
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/scratch-XXXXXX", parent ? parent : P_tmpdir);
    cr_assert(mkdtemp(folder), "cannot make %s", folder);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where) {
    (void)info, (void)type, (void)where;
    return remove(path);
}

void scratch_remove(void) { cr_assert(nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0); }

const char *scratch_path(const char *name) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s%s%s", folder, *name ? "/" : "", name);
    return path;
}

void scratch_write(const char *name, const void *bytes, size_t n) {
    // Some file systems flush a file that is cut to nothing
    // and written again; a new one they leave in memory.
    remove(scratch_path(name));
    FILE *file = fopen(scratch_path(name), "wb");
    cr_assert(file, "cannot write %s", name);
    cr_assert(fwrite(bytes, 1, n, file) == n);
    cr_assert(fclose(file) == 0);
}

uint8_t *scratch_read(const char *name, size_t *n) {
    FILE *file = fopen(scratch_path(name), "rb");
    cr_assert(file, "cannot read %s", name);
    cr_assert(fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    rewind(file);
    uint8_t *bytes = malloc((size_t)size + 1);
    cr_assert(bytes && fread(bytes, 1, (size_t)size, file) == (size_t)size);
    fclose(file);
    *n = (size_t)size;
    return bytes;
}

int scratch_count(void) {
    DIR *entries = opendir(folder);
    cr_assert(entries);
    int n = 0;
    while (readdir(entries)) n++;
    closedir(entries);
    return n - 2;
}
