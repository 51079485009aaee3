// SPDX-License-Identifier: MIT
// A running program allocates nothing: malloc and its kin, mmap and the break are watched from inside this executable,
// whose definitions come before the C library's. A plain main, so that nothing else runs in the process.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "autograd/autograd.h"

#define BATCH 8
#define WARM_UP 2
#define RUNS 20

static int watching, allocations;

static void note(void) {
    if (__atomic_load_n(&watching, __ATOMIC_RELAXED)) __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
}

// The C library's own entry points; looking them up by dlsym would allocate.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size) {
    note();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    note();
    return __libc_calloc(n, size);
}

void *realloc(void *block, size_t size) {
    note();
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    note();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **out, size_t alignment, size_t size) {
    *out = memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "mmap");
    note();
    return real(address, length, protection, flags, file, offset);
}

// The watch itself must see an allocation.
static int watch_sees(void) {
    allocations = 0;
    watching = 1;
    void *volatile block = malloc(10);
    block = realloc(block, 20);
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    watching = 0;
    free(block);
    munmap(page, 4096);
    return allocations;
}

static ag_node *block_of(ag_node *x, ag_node *w, ag_node *gamma, ag_node *beta) {
    ag_node *c = ag_conv2d(x, w, (ag_conv_params){.stride = 2}), *mean = ag_batch_mean(c);
    ag_node *normal = ag_batch_norm(c, mean, ag_batch_variance(c, mean), gamma, beta, 1e-3);
    return ag_leaky_relu(normal, 0.2);
}

// Convolution, batch norm, dense layer, random numbers, gradients and Adam in one step.
static ag_program *compile_step(ag_tape *tape, ag_parameter_set *set, ag_parameter_set *state[2], ag_node **t,
                                ag_error *error) {
    ag_shape shapes[] = {AG_SHAPE(3, 3, 2, 16), AG_SHAPE(16), AG_SHAPE(16), AG_SHAPE(7 * 7 * 16, 1)};
    const char *names[] = {"w", "gamma", "beta", "dense"};
    ag_node *reads[4], *gradients[4];
    for (int i = 0; i < 4; i++)
        reads[i] = ag_read(tape, ag_parameter_add(set, names[i], shapes[i], AG_PARAMETER, error));
    ag_node *x = ag_random_normal(tape, AG_SHAPE(BATCH, 14, 14, 2), AG_PURPOSE_TEST, 0);
    ag_node *h = block_of(x, reads[0], reads[1], reads[2]);
    ag_node *logits = ag_matmul(ag_reshape(h, AG_SHAPE(BATCH, 7 * 7 * 16)), reads[3], false, false);
    ag_node *loss = ag_mean(ag_softplus(logits)), *rate = ag_scalar(tape, 1e-3);
    *t = ag_input(tape, "t", AG_SHAPE());
    for (int i = 0; i < 2; i++) state[i] = ag_parameter_set_like(set, i ? "v" : "m", error);
    ag_gradient(tape, loss, 4, reads, gradients);
    for (int i = 0; i < 4; i++)
        ag_adam_update(reads[i]->parameter, gradients[i], ag_parameter_set_at(state[0], i),
                       ag_parameter_set_at(state[1], i), rate, *t,
                       (ag_adam_params){0.5, 0.999, 1e-7, false, 0});
    return ag_program_compile(tape, 1, &loss, NULL, error);
}

static bool run_once(ag_program *program, ag_node *t, int step, ag_error *error) {
    return ag_program_feed_scalar(program, t, step + 1, error) &&
           ag_program_run(program, (ag_clock){1, (uint64_t)step}, error);
}

int main(void) {
    if (watch_sees() != 3) return fprintf(stderr, "the watch saw %d allocations of 3\n", allocations), 1;
    ag_error error = {0};
    ag_parameter_set *set = ag_parameter_set_create("net", AG_F32), *state[2];
    ag_tape *tape = ag_tape_create("step", AG_F32);
    ag_node *t;
    ag_program *program = compile_step(tape, set, state, &t, &error);
    bool ran = program != NULL;
    for (int step = 0; step < WARM_UP && ran; step++) ran = run_once(program, t, step, &error);
    allocations = 0;
    const char *heap_end = sbrk(0);
    watching = 1;
    for (int step = WARM_UP; step < WARM_UP + RUNS && ran; step++) ran = run_once(program, t, step, &error);
    watching = 0;
    long grown = (long)((const char *)sbrk(0) - heap_end);
    if (!ran) fprintf(stderr, "the step does not run: %s\n", error.text);
    if (allocations || grown)
        fprintf(stderr, "%d runs made %d allocations and moved the break by %ld bytes\n", RUNS, allocations,
                grown);
    ag_program_free(program);
    ag_tape_free(tape);
    for (int i = 0; i < 2; i++) ag_parameter_set_free(state[i]);
    ag_parameter_set_free(set);
    return !ran || allocations || grown;
}
