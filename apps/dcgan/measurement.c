// SPDX-License-Identifier: MIT
// Taking times.
#include "apps/dcgan/measurement.h"

#include <stdlib.h>
#include <string.h>

#include "apps/dcgan/live.h"
#include "apps/dcgan/peak.h"

bool measurement_open(measurement *m, int64_t iterations, const char *isa, ag_error *error) {
    const size_t n = (size_t)iterations;
    *m = (measurement){.iterations = iterations, .isa = isa, .opened = live_clock()};
    m->started = calloc(n, sizeof *m->started);
    m->seconds = calloc(n, sizeof *m->seconds);
    m->peaks = calloc(n, sizeof *m->peaks);
    m->sorted = calloc(n, sizeof *m->sorted);
    return (m->started && m->seconds && m->peaks && m->sorted) ||
           ag_fail(error, AG_STATUS_MEMORY, "no memory for the times of %lld iterations",
                   (long long)iterations);
}

void measurement_close(measurement *m) {
    for (int i = 0; i < m->n_programs; i++) {
        ag_program_profile(m->programs[i].program, NULL);
        free(m->programs[i].running);
        free(m->programs[i].seconds);
    }
    free(m->started);
    free(m->seconds);
    free(m->peaks);
    free(m->sorted);
    *m = (measurement){0};
}

bool measurement_watch(measurement *m, const char *name, ag_program *program, ag_error *error) {
    if (m->n_programs == MEASUREMENT_PROGRAMS)
        return ag_fail(error, AG_STATUS_CONTRACT, "program %s: at most %d are timed at once", name,
                       MEASUREMENT_PROGRAMS);
    const int n = ag_program_step_count(program);
    measured_program *to = &m->programs[m->n_programs++];
    *to = (measured_program){.name = name, .program = program, .n_steps = n};
    to->running = calloc((size_t)n, sizeof *to->running);
    to->seconds = calloc((size_t)(n * m->iterations), sizeof *to->seconds);
    if (!to->running || !to->seconds)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory for the times of program %s", name);
    ag_program_profile(program, to->running);
    return true;
}

bool measurement_done(const measurement *m) { return m->done == m->iterations; }

void measurement_begin(measurement *m) {
    for (int i = 0; i < m->n_programs; i++)
        memset(m->programs[i].running, 0, (size_t)m->programs[i].n_steps * sizeof *m->programs[i].running);
    m->started[m->done] = live_clock() - m->opened;
}

void measurement_end(measurement *m) { m->seconds[m->done] = live_clock() - m->opened - m->started[m->done]; }

void measurement_keep(measurement *m) {
    for (int i = 0; i < m->n_programs; i++) {
        const measured_program *p = &m->programs[i];
        memcpy(p->seconds + m->done * p->n_steps, p->running, (size_t)p->n_steps * sizeof *p->running);
    }
    m->peaks[m->done] = peak_flops(m->isa);
    m->done++;
}

// ---- what follows from the times ----

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

spread measurement_spread(const measurement *m, const double *values, int64_t stride) {
    const int64_t n = m->done;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += m->sorted[i] = values[i * stride];
    qsort(m->sorted, (size_t)n, sizeof *m->sorted, ascending);
    return (spread){.median = (m->sorted[(n - 1) / 2] + m->sorted[n / 2]) / 2,
                    .mean = sum / (double)n,
                    .least = m->sorted[0],
                    .most = m->sorted[n - 1]};
}

double measurement_flops(const measured_program *program, int step) {
    const ag_node *node = ag_program_step_node(program->program, step);
    return node->op->flops ? node->op->flops(node) : (double)ag_shape_size(node->shape);
}
