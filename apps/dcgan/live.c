// SPDX-License-Identifier: MIT
// The live line: carriage returns and blanks, which every terminal knows. Nothing here allocates.
#include "apps/dcgan/live.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL 0.1  // seconds between two changes

double live_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void live_start(live *l) { *l = (live){.on = isatty(STDOUT_FILENO)}; }

bool live_due(const live *l) { return l->on && live_clock() - l->shown >= INTERVAL; }

static int terminal_width(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void live_show(live *l, const char *text) {
    const int width = terminal_width() - 1, length = (int)strlen(text), cut = length < width ? length : width;
    printf("\r%.*s%*s", cut, text, l->width > cut ? l->width - cut : 0, "");
    fflush(stdout);
    l->width = cut;
    l->shown = live_clock();
}

void live_clear(live *l) {
    if (l->width == 0) return;
    printf("\r%*s\r", l->width, "");
    fflush(stdout);
    l->width = 0;
}
