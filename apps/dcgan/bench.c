// SPDX-License-Identifier: MIT
// The benches by name.
#include "apps/dcgan/bench.h"

#include <string.h>

#define BENCH(name) extern const bench bench_##name;
#include "apps/bench_list.def"
#undef BENCH

#define BENCH(name) &bench_##name,
static const bench *const benches[] = {
#include "apps/bench_list.def"
};
#undef BENCH

#define COUNT ((int)(sizeof benches / sizeof *benches))

const bench *bench_at(int i) { return i >= 0 && i < COUNT ? benches[i] : NULL; }

const bench *bench_find(const char *name) {
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(benches[i]->name, name) == 0) return benches[i];
    }
    return NULL;
}
