// SPDX-License-Identifier: MIT
// Lists of seeds as they are typed: "0-31", "3,7,20-29".
#pragma once

#include <stdint.h>

#include "autograd/check.h"

#define SEED_LIST_MOST 1000000  // seeds in a list

typedef struct seed_list {
    int64_t n;
    uint64_t *seeds;  // owned
} seed_list;

// AG_STATUS_USAGE when text is no list or too long. The caller frees list->seeds.
bool seed_list_parse(seed_list *list, const char *text, ag_error *error);
// 0 .. n - 1.
bool seed_list_count(seed_list *list, int64_t n, ag_error *error);
// AG_STATUS_USAGE when a seed comes twice.
bool seed_list_check_distinct(const seed_list *list, ag_error *error);
