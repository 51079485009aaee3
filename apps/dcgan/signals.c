// SPDX-License-Identifier: MIT
// Signal handlers that set a flag.
#define _GNU_SOURCE  // sigaction
#include "apps/dcgan/signals.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "apps/dcgan/command.h"

static volatile sig_atomic_t arrived;

// Files are only ever replaced whole, so that ending anywhere leaves them sound.
static void notice(int signal) {
    (void)signal;
    if (arrived) _exit(EXIT_INTERRUPTED);
    arrived = 1;
}

void signals_prepare(void) { signal(SIGXFSZ, SIG_IGN); }

void signals_watch(void) {
    const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = notice, .sa_flags = SA_RESTART}, was;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        // What was ignored at the start stays so: nohup, and background jobs of shells.
        if (sigaction(stops[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaction(stops[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

bool signals_arrived(void) { return arrived != 0; }
