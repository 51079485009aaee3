// SPDX-License-Identifier: MIT
// Parsing lists of seeds.
#include "apps/dcgan/seed_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apps/dcgan/text.h"

static bool add_range(seed_list *list, uint64_t first, uint64_t last, ag_error *error) {
    const int64_t n = list->n + (int64_t)(last - first) + 1;
    char seeds[TEXT_NUMBER];
    uint64_t *grown = realloc(list->seeds, (size_t)n * sizeof *grown);
    if (!grown) return ag_fail(error, AG_STATUS_MEMORY, "no memory for %s", text_things(n, "seed", seeds));
    list->seeds = grown;
    for (uint64_t seed = first; list->n < n; seed++) list->seeds[list->n++] = seed;
    return true;
}

static bool read_number(const char **text, uint64_t *out) {
    char *end;
    if (**text < '0' || **text > '9') return false;
    errno = 0;
    *out = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0;
}

// "7" or "20-29".
static bool read_range(const char **text, uint64_t *first, uint64_t *last) {
    if (!read_number(text, first)) return false;
    *last = *first;
    if (**text != '-') return true;
    ++*text;
    return read_number(text, last) && *last >= *first;
}

bool seed_list_parse(seed_list *list, const char *text, ag_error *error) {
    const char *at = text;
    uint64_t first, last;
    *list = (seed_list){0};
    for (;;) {
        if (!read_range(&at, &first, &last) || (*at && *at != ','))
            return ag_fail(error, AG_STATUS_USAGE,
                           "--seeds %s: it must be numbers and rising ranges with commas between, as 0-31 or "
                           "3,7,20-29",
                           text);
        if (last - first >= (uint64_t)(SEED_LIST_MOST - list->n))
            return ag_fail(error, AG_STATUS_USAGE, "--seeds %s: it has more than %d seeds", text,
                           SEED_LIST_MOST);
        if (!add_range(list, first, last, error)) return false;
        if (!*at++) return true;
    }
}

bool seed_list_count(seed_list *list, int64_t n, ag_error *error) {
    *list = (seed_list){0};
    return add_range(list, 0, (uint64_t)n - 1, error);
}

// ---- seeds that come twice ----

static int compare(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

bool seed_list_check_distinct(const seed_list *list, ag_error *error) {
    char seeds[TEXT_NUMBER];
    const size_t n = (size_t)list->n;
    uint64_t *sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return ag_fail(error, AG_STATUS_MEMORY, "no memory for %s", text_things(list->n, "seed", seeds));
    memcpy(sorted, list->seeds, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare);
    size_t i = 1;
    while (i < n && sorted[i] != sorted[i - 1]) i++;
    const uint64_t twice = i < n ? sorted[i] : 0;
    free(sorted);
    return i >= n || ag_fail(error, AG_STATUS_USAGE,
                             "--seeds: %llu comes twice, and a folder holds one picture of a seed",
                             (unsigned long long)twice);
}
