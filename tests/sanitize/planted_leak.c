// SPDX-License-Identifier: MIT
// A test with a leak. Criterion exits with 0 all the same, so tests/run.sh looks for the sanitizers' reports
// instead; it runs this program first and fails if no report appears, because then it would see no other leak
// either.
#include <criterion/criterion.h>
#include <stdlib.h>

Test(planted, leaks_sixteen_bytes) {
    void *volatile block = malloc(16);
    cr_assert(block != NULL);
    block = NULL;
}
