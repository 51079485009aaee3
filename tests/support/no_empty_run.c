// SPDX-License-Identifier: MIT
// Linked into every test program: a run in which no test was executed fails. Criterion itself calls it a
// success, so a misspelt --filter, or a member of a list that nobody wrote a test for, would pass unseen.
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>

ReportHook(POST_ALL)(struct criterion_global_stats *stats) {
    if (stats->tests_passed + stats->tests_failed + stats->tests_crashed > 0) return;
    fputs("no test was executed: nothing matches the filter, or the program holds no test\n", stderr);
    stats->tests_failed++;
}
