// SPDX-License-Identifier: MIT
// Poisoning the arena: a plan that reuses memory too early, or an op that reads what it has not written,
// shows as NaN.
#include <string.h>

#include "autograd/program_private.h"

// Whether the buffer holds a value when step s begins.
static bool is_live_at(const ag_buffer *buffer, int s) { return buffer->first < s && s <= buffer->last; }

// The next live buffer that ends after `offset`: the one with the smallest start.
static const ag_buffer *next_live(const ag_plan *plan, int s, int64_t offset) {
    const ag_buffer *next = NULL;
    for (int i = 0; i < plan->n_buffers; i++) {
        const ag_buffer *buffer = &plan->buffers[i];
        if (is_live_at(buffer, s) && buffer->offset + buffer->bytes > offset &&
            (!next || buffer->offset < next->offset))
            next = buffer;
    }
    return next;
}

void ag_program_poison_step(ag_program *program, int s) {
    const ag_plan *plan = &program->plan;
    int64_t offset = 0;
    while (offset < plan->arena_bytes) {
        const ag_buffer *live = next_live(plan, s, offset);
        const int64_t end = live ? live->offset : plan->arena_bytes;
        if (end > offset) memset(program->workspace->memory + offset, 0xFF, (size_t)(end - offset));
        offset = live ? live->offset + live->bytes : plan->arena_bytes;
    }
}
