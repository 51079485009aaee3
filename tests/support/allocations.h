// SPDX-License-Identifier: MIT
// Watching allocations: malloc and its kin, mmap and the break, from inside an executable whose definitions
// come before the C library's. For plain mains, so that nothing else runs in the process.
#pragma once

// Whether the watch sees a malloc, a realloc and an mmap; call it first.
int allocations_are_seen(void);

// From start to stop: number of allocations, and bytes by which the break moved. A pause leaves out what
// happens until the next start; counts add up.
void allocations_start(void);
void allocations_pause(void);
int allocations_count(void);
long allocations_break_growth(void);
