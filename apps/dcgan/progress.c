// SPDX-License-Identifier: MIT
// Rows and the live line. Nothing here allocates once training runs.
#include "apps/dcgan/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "apps/dcgan/text.h"

#define INTERVAL 0.1  // seconds between two changes of the live line
#define LINE_BYTES 256

double progress_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_start(progress *p, int64_t epochs, int64_t step) {
    *p = (progress){.live = isatty(STDOUT_FILENO), .epochs = epochs, .first_step = step};
    printf("\n%5s %10s %10s %10s %10s %10s\n", "epoch", "g_loss", "d_loss", "d_accuracy", "prob_fake",
           "prob_real");
    fflush(stdout);
}

void progress_clear(progress *p) {
    if (p->shown_width == 0) return;
    printf("\r%*s\r", p->shown_width, "");
    fflush(stdout);
    p->shown_width = 0;
}

void progress_epoch(progress *p, const gan_epoch *row) {
    progress_clear(p);
    printf("%5lld %10.4f %10.4f %10.4f %10.4f %10.4f\n", (long long)row->epoch, row->g_loss, row->d_loss,
           row->d_accuracy, row->prob_fake, row->prob_real);
    fflush(stdout);
}

static int terminal_width(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// The mean over this process's iterations but the first, which also prepares: evaluations count, so that the
// time left is honest.
static double seconds_per_iteration(const progress *p, const gan_trainer *trainer, double now) {
    return (now - p->started) / (double)(gan_trainer_step(trainer) - p->first_step - 1);
}

static void show(progress *p, const gan_trainer *trainer, double now) {
    const int64_t per_epoch = gan_trainer_iterations(trainer), step = gan_trainer_step(trainer),
                  in_epoch = (step - 1) % per_epoch + 1;
    const double seconds = seconds_per_iteration(p, trainer, now);
    char line[LINE_BYTES], left[TEXT_NUMBER];
    text_duration(seconds * (double)(p->epochs * per_epoch - step), left);
    // The losses last: a narrow terminal cuts them off first.
    snprintf(line, sizeof line,
             "epoch %lld/%lld  iteration %lld/%lld  %.0f images/s  %s left  d_loss %.3f  g_loss %.3f",
             (long long)((step - 1) / per_epoch), (long long)p->epochs, (long long)in_epoch,
             (long long)per_epoch, (double)gan_trainer_config(trainer)->batch_size / seconds, left,
             gan_trainer_d_loss(trainer), gan_trainer_g_loss(trainer));
    const int width = terminal_width() - 1, length = (int)strlen(line), cut = length < width ? length : width;
    printf("\r%.*s%*s", cut, line, p->shown_width > cut ? p->shown_width - cut : 0, "");
    fflush(stdout);
    p->shown_width = cut;
    p->shown = now;
}

void progress_iteration(progress *p, const gan_trainer *trainer) {
    const double now = progress_clock();
    if (p->started == 0)
        p->started = now;
    else if (p->live && now - p->shown >= INTERVAL)
        show(p, trainer, now);
}
