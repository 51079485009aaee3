// SPDX-License-Identifier: MIT
// System calls that fail on demand. A program that is linked with faults.c calls open, openat, read, write,
// fsync, fchmod, close, renameat and unlinkat through it.
#pragma once

typedef enum fault_kind {
    FAULT_NONE,        // count only
    FAULT_ERROR,       // call number `at` fails with `error`
    FAULT_EXIT,        // the process ends at once in place of call number `at`, as by a kill
    FAULT_EXIT_AFTER,  // the same, but the call is made
    FAULT_TRICKLE,     // every second read and write is interrupted, the others move one byte
} fault_kind;

// From now on, in this process, until fault_disarm; calls are numbered from 0.
void fault_arm(fault_kind kind, int at, int error);

// Back to normal; the number of calls made since fault_arm.
int fault_disarm(void);

// Their names, each followed by a blank, in order.
const char *fault_calls(void);
