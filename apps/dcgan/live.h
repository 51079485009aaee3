// SPDX-License-Identifier: MIT
// A line that is written over and over on a terminal. In a pipe there is none.
#pragma once

#include <stdbool.h>

typedef struct live {
    bool on;       // the standard output is a terminal
    double shown;  // when, by live_clock
    int width;     // of what stands there
} live;

double live_clock(void);  // seconds since some moment

void live_start(live *l);
bool live_due(const live *l);  // time to show something new, which is a few times a second
// Cut off at the terminal's width, so that it never wraps: what matters most comes first.
void live_show(live *l, const char *text);
void live_clear(live *l);  // takes the line away
