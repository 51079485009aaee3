// SPDX-License-Identifier: MIT
// Aligned memory (private).
#pragma once

#include <stdint.h>

#define AG_ALIGNMENT 64

// `bytes` rounded up to the alignment; -1 on overflow or when negative.
int64_t ag_memory_round(int64_t bytes);

// Zeroed, 64-byte aligned memory for free(); NULL when bytes is negative or memory runs out. Zero bytes give
// a valid block.
void *ag_memory_create(int64_t bytes);
