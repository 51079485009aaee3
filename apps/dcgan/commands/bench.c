// SPDX-License-Identifier: MIT
// dcgan bench: how fast training, generating and the kernels are on this machine.
#include <stdio.h>
#include <string.h>

#include "apps/dcgan/bench_report.h"
#include "apps/dcgan/command.h"
#include "apps/dcgan/environment.h"
#include "apps/dcgan/trace.h"
#include "apps/dcgan/use.h"

// The most that this program's memory ever was. getrusage would count what the process was before it was this
// program.
static int64_t peak_memory(void) {
    char line[256];
    long long kilobytes = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status) && sscanf(line, "VmHWM: %lld kB", &kilobytes) != 1)
        ;
    if (status) fclose(status);
    return 1024 * kilobytes;
}

static bool save_trace(const measurement *m, const char *path, ag_error *error) {
    nn_file *file = nn_file_create(path, error);
    const bool ok = file && trace_write(m, file, error) && nn_file_commit(file, error);
    nn_file_free(file);
    return ok;
}

static bool report(const options *o, const bench_report *r, ag_error *error) {
    const char *trace = options_text(o, OPTION_PROFILE);
    const bool printed =
        options_given(o, OPTION_JSON) ? bench_report_print_json(r, error) : bench_report_print(r, error);
    return printed && (!trace || save_trace(r->m, trace, error));
}

static bool read_image(const char *text, ag_shape *out, ag_error *error) {
    long long h, w, c;
    char more;
    if (text[strspn(text, "0123456789x")] || sscanf(text, "%9lldx%9lldx%9lld%c", &h, &w, &c, &more) != 3)
        return ag_fail(error, AG_STATUS_USAGE, "--image %s: it must be height x width x channels, as 28x28x1",
                       text);
    if (h < 4 || w < 4 || h % 4 || w % 4 || (c != 1 && c != 3))
        return ag_fail(error, AG_STATUS_USAGE,
                       "--image %s: height and width must be multiples of 4, and the channels 1 or 3", text);
    *out = AG_SHAPE(h, w, c);
    return true;
}

static bool read_width(int64_t width, int64_t *out, ag_error *error) {
    *out = width;
    return width % 2 == 0 ||
           ag_fail(error, AG_STATUS_USAGE, "--width %lld: it must be even", (long long)width);
}

static void time_it(const bench *what, const options *o, ag_error *error) {
    char isa[ENVIRONMENT_ISA];
    bench_params params = {.images = what->images == OPTION_END ? 0 : options_integer(o, what->images),
                           .iterations = options_integer(o, OPTION_ITERATIONS)};
    measurement m = {0};
    void *subject = NULL;
    if (read_image(options_text(o, OPTION_IMAGE), &params.image, error) &&
        read_width(options_integer(o, OPTION_WIDTH), &params.width, error) &&
        measurement_open(&m, params.iterations, environment_isa(isa), error) &&
        (subject = what->open(&params, error)) && what->measure(subject, &m, error)) {
        const bench_report found = {.what = what, .params = &params, .m = &m, .memory_bytes = peak_memory()};
        report(o, &found, error);
    }
    measurement_close(&m);
    what->close(subject);
}

// An option that changes nothing would be taken for one that does.
static bool check_relevance(const bench *what, const options *o, ag_error *error) {
    const struct {
        option_id id;
        bool matters;
    } rows[] = {{OPTION_BATCH, what->images == OPTION_BATCH},
                {OPTION_GENERATED, what->images == OPTION_GENERATED},
                {OPTION_IMAGE, what->shaped},
                {OPTION_WIDTH, what->shaped},
                {OPTION_PRECISION, what->rounded}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (options_given(o, rows[i].id) && !rows[i].matters)
            return ag_fail(error, AG_STATUS_USAGE, "--%s: --what %s does not depend on it",
                           option_at(rows[i].id)->name, what->name);
    }
    return true;
}

// Known before the clock runs, and without leaving a trace.
static bool check_writable(const char *path, ag_error *error) {
    nn_file *file = nn_file_create(path, error);
    nn_file_free(file);
    return file != NULL;
}

static exit_code run(const options *o, ag_error *error) {
    const bench *what = bench_find(options_text(o, OPTION_WHAT));
    const char *isa = options_text(o, OPTION_ISA), *trace = options_text(o, OPTION_PROFILE);
    if (check_relevance(what, o, error) && (!isa || environment_choose_isa(isa, error)) &&
        (!trace || check_writable(trace, error))) {
        use_precision(o);
        time_it(what, o, error);
    }
    return EXIT_OK;
}

const command command_bench = {
    .name = "bench",
    .summary = "Time training, generating or the kernels",
    .options = (const option_id[]){OPTION_WHAT, OPTION_BATCH, OPTION_GENERATED, OPTION_IMAGE, OPTION_WIDTH,
                                   OPTION_ITERATIONS, OPTION_THREADS, OPTION_ISA, OPTION_PRECISION,
                                   OPTION_JSON, OPTION_PROFILE, OPTION_END},
    .run = run,
};
