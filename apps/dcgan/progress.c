// SPDX-License-Identifier: MIT
// Rows and what the live line says. Nothing here allocates once training runs.
#include "apps/dcgan/progress.h"

#include <stdio.h>

#include "apps/dcgan/text.h"

#define LINE_BYTES 256

void progress_start(progress *p, int64_t epochs, int64_t step) {
    *p = (progress){.epochs = epochs, .first_step = step};
    live_start(&p->line);
    printf("\n%5s %10s %10s %10s %10s %10s\n", "epoch", "g_loss", "d_loss", "d_accuracy", "prob_fake",
           "prob_real");
    fflush(stdout);
}

void progress_end(progress *p) { live_clear(&p->line); }

void progress_epoch(progress *p, const gan_epoch *row) {
    live_clear(&p->line);
    printf("%5lld %10.4f %10.4f %10.4f %10.4f %10.4f\n", (long long)row->epoch, row->g_loss, row->d_loss,
           row->d_accuracy, row->prob_fake, row->prob_real);
    fflush(stdout);
}

// The mean over this process's iterations but the first, which also prepares: evaluations count, so that the
// time left is honest.
static double seconds_per_iteration(const progress *p, const gan_trainer *trainer) {
    return (live_clock() - p->started) / (double)(gan_trainer_step(trainer) - p->first_step - 1);
}

// Epochs have the numbers of the rows, from 0, so how many there are stands apart. The losses come last: a
// narrow terminal cuts them off first.
static void show(progress *p, const gan_trainer *trainer) {
    const int64_t per_epoch = gan_trainer_iterations(trainer), step = gan_trainer_step(trainer),
                  epoch = (step - 1) / per_epoch;
    const double seconds = seconds_per_iteration(p, trainer);
    char line[LINE_BYTES], left[TEXT_NUMBER];
    text_duration(seconds * (double)(p->epochs * per_epoch - step), left);
    snprintf(
        line, sizeof line,
        "epoch %lld (%lld of %lld)  iteration %lld/%lld  %.0f images/s  %s left  d_loss %.3f  g_loss %.3f",
        (long long)epoch, (long long)epoch + 1, (long long)p->epochs, (long long)(step - epoch * per_epoch),
        (long long)per_epoch, (double)gan_trainer_config(trainer)->batch_size / seconds, left,
        gan_trainer_d_loss(trainer), gan_trainer_g_loss(trainer));
    live_show(&p->line, line);
}

void progress_iteration(progress *p, const gan_trainer *trainer) {
    if (p->started == 0)
        p->started = live_clock();
    else if (live_due(&p->line))
        show(p, trainer);
}
