// SPDX-License-Identifier: MIT
// Blocks of memory: aligned, zeroed where promised, and on huge pages where the system has them.
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "autograd/memory.h"
#include "nn/dataset.h"

#define MIB (INT64_C(1) << 20)
#define SWITCH "/sys/kernel/mm/transparent_hugepage/enabled"

// Whether the mapping around this address was wished on huge pages, "hg" in its flags (proc(5)).
static bool prefers_huge(const void *address) {
    char line[512];
    uintptr_t first, end;
    bool inside = false, huge = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    cr_assert(maps);
    while (fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &first, &end) == 2)
            inside = first <= (uintptr_t)address && (uintptr_t)address < end;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            huge = strstr(line, " hg") != NULL;
    }
    fclose(maps);
    return huge;
}

Test(memory, blocks_are_aligned_and_zeroed_where_promised) {
    static const int64_t sizes[] = {0, 1, 63, 64, 65, MIB, 2 * MIB - 1, 2 * MIB, 5 * MIB + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *zeroed = ag_memory_create(sizes[i]), *reserved = ag_memory_reserve(sizes[i]);
        cr_assert(zeroed && reserved);
        cr_assert((uintptr_t)zeroed % AG_ALIGNMENT == 0 && (uintptr_t)reserved % AG_ALIGNMENT == 0);
        for (int64_t k = 0; k < sizes[i]; k++) cr_assert(zeroed[k] == 0);
        memset(reserved, 1, (size_t)sizes[i]);
        free(zeroed), free(reserved);
    }
    cr_assert(!ag_memory_create(-1) && !ag_memory_reserve(INT64_MAX));
}

Test(memory, large_blocks_and_data_sets_prefer_huge_pages) {
    if (access(SWITCH, F_OK) != 0) cr_skip_test("this system has no huge pages: there is no " SWITCH);
    char *block = ag_memory_reserve(8 * MIB);
    nn_dataset *images = nn_dataset_create(8192, 32, 32, 1, NULL);
    cr_assert(block && images);
    cr_assert(prefers_huge(block) && prefers_huge(block + 8 * MIB - 1));
    cr_assert(prefers_huge(images->images + 4 * MIB));
    nn_dataset_free(images);
    free(block);
}
