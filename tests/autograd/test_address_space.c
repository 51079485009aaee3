// SPDX-License-Identifier: MIT
// Little address space: what does not fit is refused, with a sentence. OpenBLAS, which waits for its working
// memory for ever, is not asked for products that it has no memory for. Each case runs in a process of its
// own, whose limit lies above what it uses by then.
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autograd/autograd.h"

#define MIB (INT64_C(1) << 20)
#define GIGABYTE (INT64_C(1) << 30)
#define SIDE 1024    // sixteen blocks
#define PATIENCE 20  // seconds

// With the address sanitizer, too, an allocation that fails gives NULL.
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1"; }

static int64_t address_space(void) {
    int64_t pages = -1;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%" SCNd64, &pages) != 1) pages = -1;
    if (file) fclose(file);
    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

static bool limit(int64_t more) {
    const int64_t used = address_space();
    const struct rlimit bound = {(rlim_t)(used + more), (rlim_t)(used + more)};
    return used > 0 && setrlimit(RLIMIT_AS, &bound) == 0;
}

// The body's answer in a process that ends with it; a hang ends by the alarm.
static void expect_in_child(bool (*body)(void)) {
    fflush(NULL);
    const pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        alarm(PATIENCE);
        _exit(body() ? 0 : 1);
    }
    int status;
    cr_assert(waitpid(child, &status, 0) == child);
    cr_assert(!WIFSIGNALED(status), "it hung, or ended by signal %d", WTERMSIG(status));
    cr_assert(WEXITSTATUS(status) == 0);
}

static bool is_refused(const ag_error *error, const char *bytes, const char *threads) {
    const bool ok = error->status == AG_STATUS_MEMORY && strstr(error->text, bytes) &&
                    strstr(error->text, threads) && strstr(error->text, "ulimit -v");
    if (!ok) fprintf(stderr, "status %d: %s\n", error->status, error->text);
    return ok;
}

// SIDE x SIDE ones times ones: SIDE everywhere.
static ag_node *record_square(ag_tape *tape) {
    ag_node *ones = ag_fill(tape, AG_SHAPE(SIDE, SIDE), 1);
    return ag_matmul(ones, ones, false, false);
}

static bool are_products(const float *y) {
    for (int i = 0; i < SIDE * SIDE; i++) {
        if (y[i] != SIDE) return fprintf(stderr, "y[%d] is %g of %d\n", i, (double)y[i], SIDE), false;
    }
    return true;
}

static bool compiling_fails(void) {
    ag_error error = {0};
    ag_threads_set(1);
    ag_tape *tape = ag_tape_create("square", AG_F32);
    ag_node *y = record_square(tape);
    return limit(64 * MIB) && !ag_program_compile(tape, 1, &y, NULL, &error) &&
           is_refused(&error, "134217728 bytes", "threads: 1");
}

static bool evaluating_fails(void) {
    ag_error error = {0};
    ag_threads_set(1);
    ag_tape *tape = ag_tape_create("square", AG_F32);
    ag_node *y = record_square(tape);
    return limit(64 * MIB) && !ag_evaluate(y, 0, NULL, (ag_clock){0}, &error) &&
           is_refused(&error, "134217728 bytes", "threads: 1");
}

// Room for one product: refused for two threads, enough for one, and still enough when threads are added.
static bool products_take_turns(void) {
    ag_error error = {0};
    ag_threads_set(2);
    ag_tape *tape = ag_tape_create("square", AG_F32);
    ag_node *y = record_square(tape);
    if (!limit(236 * MIB) || ag_program_compile(tape, 1, &y, NULL, &error) ||
        !is_refused(&error, "268435456 bytes", "threads: 2"))
        return false;
    error = (ag_error){0};
    ag_threads_set(1);
    ag_program *program = ag_program_compile(tape, 1, &y, NULL, &error);
    ag_threads_set(4);
    bool ok = program != NULL;
    for (int run = 0; run < 5 && ok; run++)
        ok = ag_program_run(program, (ag_clock){0}, &error) &&
             are_products(ag_program_output(program, y, &error));
    if (error.status != AG_OK) fprintf(stderr, "%s\n", error.text);
    return ok;
}

static bool small_products_need_one(void) {
    ag_error error = {0};
    ag_threads_set(4);
    ag_tape *tape = ag_tape_create("small", AG_F32);
    ag_node *ones = ag_fill(tape, AG_SHAPE(8, 8), 1), *y = ag_matmul(ones, ones, false, false);
    const bool ok = limit(140 * MIB) && ag_program_compile(tape, 1, &y, NULL, &error);
    if (!ok) fprintf(stderr, "%s\n", error.text);
    return ok;
}

static ag_node *wide_graph(ag_tape *tape, int n, ag_node *const *in, void *context) {
    (void)tape, (void)n, (void)context;
    return ag_broadcast(in[0], AG_SHAPE(GIGABYTE / 8));
}

// The result is a gigabyte, as is the projection that makes a scalar of it.
static bool gradcheck_is_out_of_memory(void) {
    ag_tensor *x = ag_tensor_create(AG_F64, AG_SHAPE(1));
    for (int order = 1; order <= 2; order++) {
        ag_error error = {0};
        bool (*check)(const char *, ag_graph_function, void *, int, ag_tensor *const *, ag_gradcheck_params,
                      ag_gradcheck_result *, ag_error *) = order == 1 ? ag_gradcheck : ag_gradgradcheck;
        if (order == 1 && !limit(64 * MIB)) return false;
        if (check("wide", wide_graph, NULL, 1, &x, (ag_gradcheck_params){0}, NULL, &error)) return false;
        if (error.status != AG_STATUS_MEMORY || !strstr(error.text, "gradcheck of wide: out of memory"))
            return fprintf(stderr, "order %d, status %d: %s\n", order, error.status, error.text), false;
    }
    return true;
}

// A program whose workspace could not grow for another one runs as before.
static bool a_refused_program_leaves_the_workspace(void) {
    ag_error error = {0};
    ag_workspace *workspace = ag_workspace_create();
    ag_tape *small = ag_tape_create("small", AG_F32), *wide = ag_tape_create("wide", AG_F32);
    ag_node *y = ag_sum(ag_square(ag_fill(small, AG_SHAPE(1000), 3)));
    ag_node *x = ag_broadcast(ag_scalar(wide, 1), AG_SHAPE(GIGABYTE / 4)), *total = ag_sum(x);
    ag_program *program = ag_program_compile(small, 1, &y, workspace, &error);
    if (!program || !limit(64 * MIB)) return false;
    if (ag_program_compile(wide, 1, &total, workspace, &error) || error.status != AG_STATUS_MEMORY)
        return fprintf(stderr, "status %d: %s\n", error.status, error.text), false;
    error = (ag_error){0};
    if (ag_program_run(program, (ag_clock){0}, &error) &&
        ag_program_output_scalar(program, y, &error) == 9000)
        return true;
    return fprintf(stderr, "%s\n", error.text), false;
}

static bool other_graphs_need_none(void) {
    ag_error error = {0};
    ag_tape *tape = ag_tape_create("sum", AG_F32);
    ag_node *y = ag_sum(ag_fill(tape, AG_SHAPE(8, 8), 1));
    return limit(64 * MIB) && ag_program_compile(tape, 1, &y, NULL, &error);
}

Test(address_space, compiling_a_product_that_has_no_room_is_refused) { expect_in_child(compiling_fails); }
Test(address_space, evaluating_a_product_that_has_no_room_is_refused) { expect_in_child(evaluating_fails); }
Test(address_space, products_take_turns_where_there_is_room_for_one) { expect_in_child(products_take_turns); }
Test(address_space, a_product_of_one_block_needs_room_for_one) { expect_in_child(small_products_need_one); }
Test(address_space, graphs_without_products_need_no_room) { expect_in_child(other_graphs_need_none); }
Test(address_space, a_gradient_check_says_that_memory_ran_out) {
    expect_in_child(gradcheck_is_out_of_memory);
}
Test(address_space, a_program_that_does_not_fit_spares_those_of_its_workspace) {
    expect_in_child(a_refused_program_leaves_the_workspace);
}
