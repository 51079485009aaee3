// SPDX-License-Identifier: MIT
// Times the faithful training iteration on random images, as the trainer runs it.
//   bench_step [BATCH [ITERATIONS [THREADS]]]        128, 20, one for each processor; three iterations go uncounted before
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "autograd/threads.h"
#include "models/dcgan.h"

enum { WARM_UP = 3 };

typedef struct timing {
    int64_t iterations, n;
    double started, *milliseconds;
} timing;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool after_iteration(void *context, const gan_trainer *trainer) {
    timing *t = context;
    if (gan_trainer_step(trainer) > WARM_UP) t->milliseconds[t->n++] = 1e3 * (now() - t->started);
    t->started = now();
    return t->n < t->iterations;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static nn_dataset *random_images(int64_t n, ag_error *error) {
    nn_dataset *images = nn_dataset_create(n, 28, 28, 1, error);
    for (int64_t i = 0; images && i < n * 784; i++) images->images[i] = (uint8_t)(i * 2654435761u >> 13);
    return images;
}

static long argument(int argc, char **argv, int i, long otherwise) {
    return argc > i ? atol(argv[i]) : otherwise;
}

int main(int argc, char **argv) {
    ag_error error = {0};
    const int64_t batch = argument(argc, argv, 1, 128);
    timing t = {.iterations = argument(argc, argv, 2, 20)};
    ag_threads_set((int)argument(argc, argv, 3, 0));
    t.milliseconds = calloc((size_t)t.iterations + 1, sizeof *t.milliseconds);
    nn_dataset *images = random_images(batch * (t.iterations + WARM_UP + 1), &error);
    dcgan *model = dcgan_create((dcgan_params){.seed = 1}, &error);
    gan_run run = GAN_RUN_FAILED;
    if (images && model && t.milliseconds)
        run = dcgan_train(
            model, images,
            (dcgan_train_params){.epochs = 1, .batch_size = batch, .hooks = {&t, after_iteration, NULL}},
            NULL, &error);
    if (run == GAN_RUN_STOPPED) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        qsort(t.milliseconds, (size_t)t.n, sizeof *t.milliseconds, ascending);
        const double median = t.milliseconds[t.n / 2];
        printf(
            "bobbin threads=%d batch=%lld: %.1f ms an iteration (min %.1f, max %.1f), %.0f images/s, peak "
            "memory %ld MB\n",
            ag_threads_get(), (long long)batch, median, t.milliseconds[0], t.milliseconds[t.n - 1],
            1e3 * (double)batch / median, usage.ru_maxrss / 1024);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    dcgan_free(model);
    nn_dataset_free(images);
    free(t.milliseconds);
    return run != GAN_RUN_STOPPED;
}
