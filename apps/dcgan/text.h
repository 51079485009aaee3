// SPDX-License-Identifier: MIT
// Numbers as people and files want them. Each function writes into the caller's buffer and returns it.
#pragma once

#include <stdint.h>

#define TEXT_NUMBER 64

char *text_count(int64_t n, char text[TEXT_NUMBER]);                      // "1,637,121"
char *text_things(int64_t n, const char *thing, char text[TEXT_NUMBER]);  // "1 image", "1,280 images"
char *text_duration(double seconds, char text[TEXT_NUMBER]);              // "42 s", "3 min 20 s", "2 h 5 min"
// The fewest digits that are read back as the same number.
char *text_double(double x, char text[TEXT_NUMBER]);
