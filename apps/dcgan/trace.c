// SPDX-License-Identifier: MIT
// The trace as JSON, an event a line. Complete events ("ph": "X") carry their
// start and length in microseconds; those of one thread nest by time. Source:
// "Trace Event Format", the format's document by the Chromium project.
#include "apps/dcgan/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/json.h"

#define PROCESS 1
#define THREAD 1

typedef struct writer {
    nn_file *file;
    ag_error *error;
    bool begun;  // an event was written
} writer;

static bool write_text(const writer *w, const char *text) {
    return nn_file_write(w->file, text, strlen(text), w->error);
}

// Takes the event, which may be NULL.
static bool write_event(writer *w, nn_json *event) {
    char *text = event ? nn_json_print(event) : NULL;
    const bool ok = text ? write_text(w, w->begun ? ",\n" : "\n") && write_text(w, text)
                         : ag_fail(w->error, AG_STATUS_MEMORY, "no memory for a trace");
    w->begun = true;
    free(text);
    nn_json_free(event);
    return ok;
}

static nn_json *make_event(const char *name, const char *phase, nn_json *arguments) {
    nn_json *event = nn_json_object();
    if (nn_json_set(event, "name", nn_json_string(name)) && nn_json_set(event, "ph", nn_json_string(phase)) &&
        nn_json_set(event, "pid", nn_json_int(PROCESS)) && nn_json_set(event, "tid", nn_json_int(THREAD)) &&
        nn_json_set(event, "args", arguments))
        return event;
    nn_json_free(event);
    return NULL;
}

// `name` of the process or the thread, for the heads of the rows.
static bool write_name(writer *w, const char *kind, const char *name) {
    nn_json *arguments = nn_json_object();
    if (nn_json_set(arguments, "name", nn_json_string(name)))
        return write_event(w, make_event(kind, "M", arguments));
    nn_json_free(arguments);
    return write_event(w, NULL);
}

static bool write_slice(writer *w, const char *category, const char *name, double start, double seconds,
                        nn_json *arguments) {
    nn_json *event = make_event(name, "X", arguments);
    if (event && nn_json_set(event, "cat", nn_json_string(category)) &&
        nn_json_set(event, "ts", nn_json_double(1e6 * start)) &&
        nn_json_set(event, "dur", nn_json_double(1e6 * seconds)))
        return write_event(w, event);
    nn_json_free(event);
    return write_event(w, NULL);
}

static nn_json *step_arguments(const measured_program *p, int step) {
    const ag_node *node = ag_program_step_node(p->program, step);
    char shape[AG_SHAPE_TEXT];
    nn_json *json = nn_json_object();
    if (nn_json_set(json, "op", nn_json_string(ag_node_op(node))) &&
        nn_json_set(json, "shape", nn_json_string(ag_shape_format(ag_node_shape(node), shape))) &&
        nn_json_set(json, "gflop", nn_json_double(1e-9 * measurement_flops(p, step))))
        return json;
    nn_json_free(json);
    return NULL;
}

static bool write_program(writer *w, const measured_program *p, int64_t iteration, double start,
                          double *end) {
    const double *seconds = p->seconds + iteration * p->n_steps;
    bool ok = true;
    *end = start;
    for (int s = 0; s < p->n_steps; s++) *end += seconds[s];
    ok = write_slice(w, "program", p->name, start, *end - start, nn_json_object());
    for (int s = 0; s < p->n_steps && ok; start += seconds[s++])
        ok = write_slice(w, "step", ag_node_label(ag_program_step_node(p->program, s)), start, seconds[s],
                         step_arguments(p, s));
    return ok;
}

static bool write_iteration(writer *w, const measurement *m, int64_t i) {
    char name[64];
    double at = m->started[i] + (m->apart ? m->seconds[i] : 0);
    snprintf(name, sizeof name, "iteration %lld", (long long)i);
    bool ok = write_slice(w, "iteration", name, m->started[i], m->seconds[i], nn_json_object());
    for (int k = 0; k < m->n_programs && ok; k++) ok = write_program(w, &m->programs[k], i, at, &at);
    return ok;
}

bool trace_write(const measurement *m, nn_file *file, ag_error *error) {
    writer w = {.file = file, .error = error};
    bool ok = write_text(&w, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[") &&
              write_name(&w, "process_name", "dcgan bench") && write_name(&w, "thread_name", "programs");
    for (int64_t i = 0; i < m->done && ok; i++) ok = write_iteration(&w, m, i);
    return ok && write_text(&w, "\n]}\n");
}
