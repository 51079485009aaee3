// SPDX-License-Identifier: MIT
// A signal handler that sets a flag and says what follows.
#include "apps/dcgan/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "apps/dcgan/command.h"

static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
#define N_STOPS (sizeof stops / sizeof *stops)

static volatile sig_atomic_t arrived, on_terminal;

// By write alone, which a handler may call. On a terminal a line of progress, or the key's echo, may stand.
static void say(const char *sentence) {
    if (on_terminal && write(STDERR_FILENO, "\n", 1) < 0) return;
    if (write(STDERR_FILENO, sentence, strlen(sentence)) < 0) return;
}

// Files are only ever replaced whole, so that ending anywhere leaves them sound. A terminal that is closed
// sends SIGHUP twice, by the shell and by the kernel, and nobody means to hurry by that.
static void notice(int signal) {
    const int saved = errno;
    if (arrived && signal == SIGHUP) return;
    if (arrived) {
        say("dcgan: again: stopping without saving; the last saved model is kept\n");
        _exit(EXIT_INTERRUPTED);
    }
    arrived = 1;
    say("dcgan: stopping after this iteration, which is saved; a second signal stops at once\n");
    errno = saved;
}

void signals_prepare(void) { signal(SIGXFSZ, SIG_IGN); }

static void mask_stops(int how) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < N_STOPS; i++) sigaddset(&set, stops[i]);
    sigprocmask(how, &set, NULL);
}

void signals_hold(void) { mask_stops(SIG_BLOCK); }

void signals_release(void) { mask_stops(SIG_UNBLOCK); }

void signals_watch(void) {
    struct sigaction action = {.sa_handler = notice, .sa_flags = SA_RESTART}, was;
    sigemptyset(&action.sa_mask);
    on_terminal = isatty(STDERR_FILENO);
    for (size_t i = 0; i < N_STOPS; i++) {
        // What was ignored at the start stays so: nohup, and background jobs of shells.
        if (sigaction(stops[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaction(stops[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

bool signals_arrived(void) { return arrived != 0; }
