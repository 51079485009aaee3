// SPDX-License-Identifier: MIT
// Tables and JSON of a bench. Every number is a median over the iterations, unless it says otherwise.
#include "apps/dcgan/bench_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "apps/dcgan/text.h"
#include "autograd/environment.h"
#include "autograd/precision.h"
#include "autograd/threads.h"

typedef struct row {
    const measured_program *program;
    int step;
    double ms, gflop, gflops, share;  // share of the loop of multiply-adds
} row;

typedef struct table {
    int n;
    row *rows;  // owned
    double ms;  // of all
} table;

static spread scaled(spread s, double factor) {
    return (spread){factor * s.median, factor * s.mean, factor * s.least, factor * s.most};
}

// As rates: the longest time is the lowest one, and the mean time's rate that of all iterations together.
static spread inverted(spread s, double factor) {
    return (spread){factor / s.median, factor / s.mean, factor / s.most, factor / s.least};
}

static spread iteration_ms(const measurement *m) { return scaled(measurement_spread(m, m->seconds, 1), 1e3); }

static spread peak_gflops(const measurement *m) { return scaled(measurement_spread(m, m->peaks, 1), 1e-9); }

static row make_row(const measurement *m, const measured_program *p, int step, double peak) {
    row r = {.program = p, .step = step};
    r.ms = 1e3 * measurement_spread(m, p->seconds + step, p->n_steps).median;
    r.gflop = 1e-9 * measurement_flops(p, step);
    r.gflops = r.ms > 0 ? 1e3 * r.gflop / r.ms : 0;
    r.share = r.gflops / peak;
    return r;
}

// Equal times keep the order of the plan.
static int slowest_first(const void *a, const void *b) {
    const row *x = a, *y = b;
    if (x->ms != y->ms) return x->ms < y->ms ? 1 : -1;
    if (x->program != y->program) return x->program < y->program ? -1 : 1;
    return x->step - y->step;
}

static bool make_table(const measurement *m, table *t, ag_error *error) {
    const double peak = peak_gflops(m).median;
    int n = 0;
    for (int i = 0; i < m->n_programs; i++) n += m->programs[i].n_steps;
    *t = (table){.rows = malloc((size_t)(n + 1) * sizeof *t->rows)};
    if (!t->rows) return ag_fail(error, AG_STATUS_MEMORY, "no memory for a table of %d steps", n);
    for (int i = 0; i < m->n_programs; i++) {
        for (int s = 0; s < m->programs[i].n_steps; s++) {
            t->rows[t->n] = make_row(m, &m->programs[i], s, peak);
            t->ms += t->rows[t->n++].ms;
        }
    }
    qsort(t->rows, (size_t)n, sizeof *t->rows, slowest_first);
    return true;
}

static const ag_node *node_of(const row *r) { return ag_program_step_node(r->program->program, r->step); }

// ---- for people ----

static void print_spread(const char *name, spread s) {
    printf("%-20s %10.4g %10.4g %10.4g %10.4g\n", name, s.median, s.mean, s.least, s.most);
}

static void print_sums(const bench_report *r) {
    char threads[TEXT_NUMBER], iterations[TEXT_NUMBER], images[TEXT_NUMBER], shape[AG_SHAPE_TEXT];
    const spread ms = iteration_ms(r->m);
    printf("%s\n%s: %s\n", ag_environment(), r->what->name, r->what->summary);
    printf("%s, %s", text_things(ag_threads_get(), "thread", threads),
           text_things(r->m->done, "iteration", iterations));
    if (r->params->images > 0) printf(" on %s each", text_things(r->params->images, "image", images));
    if (r->what->shaped)
        printf(" of %s, width %lld", ag_shape_format(r->params->image, shape), (long long)r->params->width);
    printf("\n\n%-20s %10s %10s %10s %10s\n", "", "median", "mean", "min", "max");
    if (r->m->n_programs > 0) print_spread("ms an iteration", ms);
    if (r->what->rate) print_spread("images/s", inverted(ms, 1e3 * (double)r->params->images));
    print_spread("FMA loop, GFLOP/s", peak_gflops(r->m));
    printf("%-20s %10.4g\n", "peak memory, MB", 1e-6 * (double)r->memory_bytes);
}

static void print_row(const row *r, const table *t) {
    const ag_node *node = node_of(r);
    char shape[AG_SHAPE_TEXT];
    printf("%9.3f %5.1f%% %8.4f %8.1f %6.1f%%  %-32s %-30s %-16s %s\n", r->ms,
           t->ms > 0 ? 100 * r->ms / t->ms : 0, r->gflop, r->gflops, 100 * r->share, r->program->name,
           ag_node_op(node), ag_shape_format(ag_node_shape(node), shape), ag_node_label(node));
}

static void print_rows(const table *t) {
    char steps[TEXT_NUMBER];
    printf("\n%9s %6s %8s %8s %7s  %-32s %-30s %-16s %s\n", "ms", "time", "GFLOP", "GFLOP/s", "of FMA",
           "program", "op", "shape", "node");
    for (int i = 0; i < t->n; i++) print_row(&t->rows[i], t);
    printf("%9.3f %s\n", t->ms, text_things(t->n, "step", steps));
}

bool bench_report_print(const bench_report *report, ag_error *error) {
    table t;
    if (!make_table(report->m, &t, error)) return false;
    print_sums(report);
    if (t.n > 0) print_rows(&t);
    free(t.rows);
    return true;
}

// ---- for machines ----

static nn_json *checked(nn_json *json, bool complete) {
    if (complete) return json;
    nn_json_free(json);
    return NULL;
}

static nn_json *spread_json(spread s) {
    nn_json *json = nn_json_object();
    return checked(json, nn_json_set(json, "median", nn_json_double(s.median)) &&
                             nn_json_set(json, "mean", nn_json_double(s.mean)) &&
                             nn_json_set(json, "min", nn_json_double(s.least)) &&
                             nn_json_set(json, "max", nn_json_double(s.most)));
}

static nn_json *row_json(const row *r) {
    const ag_node *node = node_of(r);
    char shape[AG_SHAPE_TEXT];
    nn_json *json = nn_json_object();
    return checked(
        json, nn_json_set(json, "program", nn_json_string(r->program->name)) &&
                  nn_json_set(json, "step", nn_json_int(r->step)) &&
                  nn_json_set(json, "op", nn_json_string(ag_node_op(node))) &&
                  nn_json_set(json, "node", nn_json_string(ag_node_label(node))) &&
                  nn_json_set(json, "shape", nn_json_string(ag_shape_format(ag_node_shape(node), shape))) &&
                  nn_json_set(json, "ms", nn_json_double(r->ms)) &&
                  nn_json_set(json, "gflop", nn_json_double(r->gflop)) &&
                  nn_json_set(json, "gflops", nn_json_double(r->gflops)) &&
                  nn_json_set(json, "of_fma", nn_json_double(r->share)));
}

static nn_json *rows_json(const table *t) {
    nn_json *json = nn_json_array();
    bool ok = json != NULL;
    for (int i = 0; i < t->n && ok; i++) ok = nn_json_append(json, row_json(&t->rows[i]));
    return checked(json, ok);
}

static bool add_shape(nn_json *json, const bench_params *p) {
    char shape[AG_SHAPE_TEXT];
    return nn_json_set(json, "image", nn_json_string(ag_shape_format(p->image, shape))) &&
           nn_json_set(json, "width", nn_json_int(p->width));
}

static bool add_precision(nn_json *json) {
    const bool bf16 = ag_precision_get() == AG_PRECISION_BF16;
    return nn_json_set(json, "precision", nn_json_string(bf16 ? "bf16" : "f32"));
}

static bool add_sums(nn_json *json, const bench_report *r) {
    const int64_t images = r->params->images;
    const spread ms = iteration_ms(r->m);
    return nn_json_set(json, "environment", nn_json_string(ag_environment())) &&
           nn_json_set(json, "what", nn_json_string(r->what->name)) &&
           nn_json_set(json, "isa", nn_json_string(r->m->isa)) &&
           (!r->what->rounded || add_precision(json)) &&
           nn_json_set(json, "threads", nn_json_int(ag_threads_get())) &&
           nn_json_set(json, "iterations", nn_json_int(r->m->done)) &&
           nn_json_set(json, "images", nn_json_int(images)) &&
           (!r->what->shaped || add_shape(json, r->params)) && nn_json_set(json, "ms", spread_json(ms)) &&
           (!r->what->rate ||
            nn_json_set(json, "images_per_second", spread_json(inverted(ms, 1e3 * (double)images)))) &&
           nn_json_set(json, "fma_gflops", spread_json(peak_gflops(r->m))) &&
           nn_json_set(json, "peak_memory_bytes", nn_json_int(r->memory_bytes));
}

bool bench_report_print_json(const bench_report *report, ag_error *error) {
    table t;
    if (!make_table(report->m, &t, error)) return false;
    nn_json *json = nn_json_object();
    char *text = NULL;
    if (json && add_sums(json, report) && nn_json_set(json, "nodes", rows_json(&t)))
        text = nn_json_print(json);
    const bool ok = text != NULL;
    if (ok)
        puts(text);
    else
        ag_fail(error, AG_STATUS_MEMORY, "no memory for the JSON of a bench");
    free(text);
    nn_json_free(json);
    free(t.rows);
    return ok;
}
