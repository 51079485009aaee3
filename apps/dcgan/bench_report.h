// SPDX-License-Identifier: MIT
// What a bench found, for people and for machines.
#pragma once

#include "apps/dcgan/bench.h"
#include "nn/json.h"

typedef struct bench_report {
    const bench *what;
    const bench_params *params;
    const measurement *m;
    int64_t memory_bytes;  // the process's peak
} bench_report;

// On the standard output: the sums, then the steps of all
// programs by falling time. False when memory runs out.
bool bench_report_print(const bench_report *report, ag_error *error);
// The same numbers, and as many of them, on one line of JSON.
bool bench_report_print_json(const bench_report *report, ag_error *error);
