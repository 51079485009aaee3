// SPDX-License-Identifier: MIT
// Strided loops: neighbouring axes are joined where possible, the innermost one is a run, runs are tasks.
#include "autograd/ops/strided.h"

#include <string.h>

#include "autograd/ops/array.h"
#include "autograd/threads.h"

ag_strides ag_strides_of(ag_shape shape) {
    ag_strides strides = {0};
    int64_t step = 1;
    for (int i = shape.rank - 1; i >= 0; i--) {
        strides.axis[i] = step;
        step *= shape.dim[i];
    }
    return strides;
}

ag_strides ag_strides_broadcast(ag_shape shape, ag_shape to) {
    const ag_strides own = ag_strides_of(shape);
    ag_strides strides = {0};
    const int lead = to.rank - shape.rank;
    for (int i = 0; i < shape.rank; i++) strides.axis[lead + i] = shape.dim[i] == 1 ? 0 : own.axis[i];
    return strides;
}

ag_strided ag_strided_over(ag_shape shape) {
    ag_strided loop = {.rank = shape.rank};
    memcpy(loop.dim, shape.dim, sizeof loop.dim);
    return loop;
}

void ag_strided_add(ag_strided *loop, ag_strides strides) { loop->operand[loop->n_operands++] = strides; }

// Whether every operand goes from the end of a row of `axis` to the next row of `last` without a jump.
static bool joins(const ag_strided *loop, const ag_strided *joined, int axis) {
    if (joined->rank == 0) return false;
    for (int k = 0; k < loop->n_operands; k++)
        if (joined->operand[k].axis[joined->rank - 1] != loop->operand[k].axis[axis] * loop->dim[axis])
            return false;
    return true;
}

static void push_axis(ag_strided *joined, const ag_strided *loop, int axis) {
    const bool join = joins(loop, joined, axis);
    const int to = join ? joined->rank - 1 : joined->rank++;
    joined->dim[to] = join ? joined->dim[to] * loop->dim[axis] : loop->dim[axis];
    for (int k = 0; k < loop->n_operands; k++) joined->operand[k].axis[to] = loop->operand[k].axis[axis];
}

// The same loop with as few axes as possible, at least one.
static ag_strided join_axes(const ag_strided *loop) {
    ag_strided joined = {.n_operands = loop->n_operands};
    for (int axis = 0; axis < loop->rank; axis++)
        if (loop->dim[axis] != 1) push_axis(&joined, loop, axis);
    if (joined.rank == 0) {
        joined.rank = 1;
        joined.dim[0] = 1;
        for (int k = 0; k < joined.n_operands; k++) joined.operand[k].axis[0] = 1;
    }
    return joined;
}

// Runs in tasks: a task is a group of short runs or a piece of a long one.
typedef struct cut {
    ag_strided loop;
    int64_t n_runs, group, pieces;
    void (*body)(void *context, const ag_run *run);
    void *context;
} cut;

static ag_run locate(const ag_strided *loop, int64_t index, int64_t begin) {
    const int last = loop->rank - 1;
    ag_run run = {.n = ag_min(AG_CHUNK, loop->dim[last] - begin)};
    for (int k = 0; k < loop->n_operands; k++) {
        run.step[k] = loop->operand[k].axis[last];
        run.offset[k] = begin * run.step[k];
    }
    for (int axis = last - 1; axis >= 0; axis--) {
        const int64_t i = index % loop->dim[axis];
        index /= loop->dim[axis];
        for (int k = 0; k < loop->n_operands; k++) run.offset[k] += i * loop->operand[k].axis[axis];
    }
    return run;
}

static void run_task(void *context, int64_t task) {
    const cut *c = context;
    const int64_t first = task / c->pieces * c->group, end = ag_min(first + c->group, c->n_runs);
    for (int64_t i = first; i < end; i++) {
        const ag_run run = locate(&c->loop, i, task % c->pieces * AG_CHUNK);
        c->body(c->context, &run);
    }
}

void ag_strided_run(const ag_strided *loop, void (*body)(void *context, const ag_run *run), void *context) {
    cut c = {.loop = join_axes(loop), .n_runs = 1, .body = body, .context = context};
    for (int axis = 0; axis < c.loop.rank - 1; axis++) c.n_runs *= c.loop.dim[axis];
    const int64_t length = c.loop.dim[c.loop.rank - 1];
    c.pieces = ag_chunk_count(length);
    c.group = ag_max(1, AG_CHUNK / length);
    ag_parallel_for(ag_ceil_div(c.n_runs, c.group) * c.pieces, run_task, &c);
}

typedef struct copy {
    size_t size;
    char *dst;
    const char *src;
} copy;

// With a constant size each memcpy is one move.
static inline void copy_elements(char *dst, const char *src, const ag_run *run, size_t size) {
    for (int64_t i = 0; i < run->n; i++)
        memcpy(dst + (size_t)(i * run->step[0]) * size, src + (size_t)(i * run->step[1]) * size, size);
}

static void copy_run(void *context, const ag_run *run) {
    const copy *c = context;
    char *dst = c->dst + (size_t)run->offset[0] * c->size;
    const char *src = c->src + (size_t)run->offset[1] * c->size;
    if (run->step[0] == 1 && run->step[1] == 1)
        memcpy(dst, src, (size_t)run->n * c->size);
    else if (c->size == sizeof(float))
        copy_elements(dst, src, run, sizeof(float));
    else
        copy_elements(dst, src, run, sizeof(double));
}

void ag_strided_copy(const ag_strided *loop, ag_dtype dtype, void *dst, const void *src) {
    copy c = {ag_dtype_bytes(dtype), dst, src};
    ag_strided_run(loop, copy_run, &c);
}

double ag_no_flops(const ag_node *node) {
    (void)node;
    return 0;
}
