// SPDX-License-Identifier: MIT
// A signal handler that sets a flag and says what follows.
#include "apps/dcgan/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "apps/dcgan/command.h"

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

void signals_watch(void) {
    const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = notice, .sa_flags = SA_RESTART}, was;
    sigemptyset(&action.sa_mask);
    on_terminal = isatty(STDERR_FILENO);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        // What was ignored at the start stays so: nohup, and background jobs of shells.
        if (sigaction(stops[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaction(stops[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

bool signals_arrived(void) { return arrived != 0; }
