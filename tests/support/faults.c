// SPDX-License-Identifier: MIT
// Stand-ins for system calls, found by the linker before the C library's. They make the real call unless it
// is its turn to fail.
#define _GNU_SOURCE
#include "tests/support/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_FAULT 77

static fault_kind kind;
static bool armed;
static int turn, count, code;
static char names[4096];

static void note(const char *name) {
    size_t n = strlen(names);
    if (armed) snprintf(names + n, sizeof names - n, "%s ", name);
}

const char *fault_calls(void) { return names; }

void fault_arm(fault_kind new_kind, int at, int error) {
    kind = new_kind;
    turn = at;
    code = error;
    count = 0;
    names[0] = '\0';
    armed = true;
}

int fault_disarm(void) {
    armed = false;
    return count;
}

// Makes system call `number`, or fails in its place.
static long call(const char *name, long number, long a, long b, long c, long d) {
    note(name);
    bool now = armed && count++ == turn;
    if (now && kind == FAULT_EXIT) _exit(EXIT_FAULT);
    if (now && kind == FAULT_ERROR) {
        errno = code;
        return -1;
    }
    long result = syscall(number, a, b, c, d);
    if (now && kind == FAULT_EXIT_AFTER) _exit(EXIT_FAULT);
    return result;
}

// Reads and writes, which may also move less than asked for.
static long transfer(const char *name, long number, int descriptor, long bytes, size_t n) {
    if (armed && kind == FAULT_TRICKLE) {
        if (count++ % 2 == 0) {
            errno = EINTR;
            return -1;
        }
        return syscall(number, descriptor, bytes, n < 1 ? n : 1);
    }
    return call(name, number, descriptor, bytes, (long)n, 0);
}

ssize_t read(int descriptor, void *bytes, size_t n) {
    return transfer("read", SYS_read, descriptor, (long)bytes, n);
}
ssize_t write(int descriptor, const void *bytes, size_t n) {
    return transfer("write", SYS_write, descriptor, (long)bytes, n);
}
int fsync(int descriptor) { return (int)call("fsync", SYS_fsync, descriptor, 0, 0, 0); }
int fchmod(int descriptor, mode_t mode) {
    return (int)call("fchmod", SYS_fchmod, descriptor, (long)mode, 0, 0);
}
int close(int descriptor) { return (int)call("close", SYS_close, descriptor, 0, 0, 0); }

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return (int)call("renameat", SYS_renameat, from_folder, (long)from, to_folder, (long)to);
}

int unlinkat(int folder, const char *name, int flags) {
    return (int)call("unlinkat", SYS_unlinkat, folder, (long)name, flags, 0);
}

static int open_mode(int folder, const char *path, int flags, va_list arguments) {
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    return (int)call("openat", SYS_openat, folder, (long)path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int descriptor = open_mode(AT_FDCWD, path, flags, arguments);
    va_end(arguments);
    return descriptor;
}

int openat(int folder, const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    int descriptor = open_mode(folder, path, flags, arguments);
    va_end(arguments);
    return descriptor;
}
