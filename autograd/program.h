// SPDX-License-Identifier: MIT
// Programs: a tape, planned by liveness into one arena and replayed without an allocation and without a graph
// walk. Values are computed only if an output or an effect needs them. Effects (parameter updates) run last,
// in recording order, so that every read sees the value before the step.
//
//     ag_program *p = ag_program_compile(tape, 1, &loss, workspace, &error);
//     ag_program_feed(p, x, images, shape, &error);
//     ag_program_run(p, (ag_clock){seed, step}, &error);
//     const float *value = ag_program_output(p, loss, &error);
#pragma once

#include <stdio.h>

#include "autograd/op.h"

typedef struct ag_workspace ag_workspace;
typedef struct ag_program ag_program;

// Memory for intermediate values, shared by programs that run one after the other and sized by the largest.
// NULL: no memory.
AG_API ag_workspace *ag_workspace_create(void);
AG_API void ag_workspace_free(ag_workspace *workspace);  // after its programs
AG_API int64_t ag_workspace_bytes(const ag_workspace *workspace);

// Outputs lie in memory of the program's own and stay valid until its next run. The tape may grow afterwards;
// the program does not change. workspace NULL: one of the program's own. NULL, with *error filled, when the
// tape carries an error, an output is no value of the tape, or memory runs out: that of the workspace, or the
// address space that OpenBLAS needs for products. A run takes none,
// unless the workspace lost its block to a program that was refused.
AG_API ag_program *ag_program_compile(ag_tape *tape, int n_outputs, ag_node *const *outputs,
                                      ag_workspace *workspace, ag_error *error);
AG_API void ag_program_free(ag_program *program);

// Copies values (shape as fed must equal the input's) into an input node of this program's tape. An input
// that the program does not use is accepted. Outputs are stale from now until the next run.
AG_API bool ag_program_feed(ag_program *program, const ag_node *input, const void *values, ag_shape shape,
                            ag_error *error);
AG_API bool ag_program_feed_scalar(ag_program *program, const ag_node *input, double value, ag_error *error);

// The input's own memory, to be written before a run: gathers need no copy. NULL after an error. Makes
// outputs stale.
AG_API void *ag_program_input(ag_program *program, const ag_node *input, ag_error *error);

// Whether the program's outputs or effects depend on the input.
AG_API bool ag_program_needs(const ag_program *program, const ag_node *input);

// One replay. Fails when an input was never fed.
AG_API bool ag_program_run(ag_program *program, ag_clock clock, ag_error *error);

// A run in two halves: all values, then the effects. In between the outputs can be read and nothing has
// changed yet, so that a step whose loss is not finite need not be taken. Applying without new values is an
// error.
AG_API bool ag_program_compute(ag_program *program, ag_clock clock, ag_error *error);
AG_API bool ag_program_apply(ag_program *program, ag_error *error);

// Values of an output of the last run; NULL, with *error filled, when the node is no output or the value is
// stale.
AG_API const void *ag_program_output(const ag_program *program, const ag_node *output, ag_error *error);
// The same of an output of one element; NaN after an error.
AG_API double ag_program_output_scalar(const ag_program *program, const ag_node *output, ag_error *error);

// Fills every range of the arena that holds no live value with NaN before each step (tests), so that a wrong
// plan shows.
AG_API void ag_program_poison(ag_program *program, bool on);

// The first node of the last run's order whose value, recomputed step by step, holds a NaN or an infinity;
// its label, or NULL. Runs no effect; outputs are stale afterwards, and nothing waits to be applied.
AG_API const char *ag_program_find_nonfinite(ag_program *program, ag_clock clock);

typedef struct ag_program_stats {
    int n_nodes, n_computed, n_frozen, n_fused, n_pruned, n_aliased, n_inplace;
    double flops, bytes;   // per run: arithmetic, and memory read and written
    int64_t arena_bytes;   // peak of the planned arena
    int64_t values_bytes;  // sum of all computed values, had each its own memory
    double frozen_flops;   // what freezing saved (gradient.h)
} ag_program_stats;

AG_API ag_program_stats ag_program_get_stats(const ag_program *program);

// The plan as text, a line per node: state (computed, in place, fused, pruned, frozen, source, aliased,
// effect), label, shape, FLOPs, bytes, place in the arena; then the sums. Written to the caller's stream.
AG_API void ag_program_describe(const ag_program *program, FILE *stream);

// Steps of the plan, and where to add up the seconds of each (an element per step, the
// caller's; NULL stops it): a bench's
// table.
AG_API int ag_program_step_count(const ag_program *program);
// The program's own node, to be looked at as long as the program lives; not for recording.
AG_API const ag_node *ag_program_step_node(const ag_program *program, int step);
AG_API void ag_program_profile(ag_program *program, double *seconds);

// Plain evaluation, op by op, each value in memory of its own, no plan: the oracle of the planner. Inputs
// take their values from `feeds` (n pairs). Effects are not run. The caller frees the tensor. NULL after an
// error.
typedef struct ag_feed {
    const ag_node *input;
    const ag_tensor *value;
} ag_feed;
AG_API ag_tensor *ag_evaluate(ag_node *node, int n_feeds, const ag_feed *feeds, ag_clock clock,
                              ag_error *error);
