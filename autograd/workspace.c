// SPDX-License-Identifier: MIT
// The workspace: one block that programs take turns to use; it grows to the largest of them.
#include <stdlib.h>

#include "autograd/memory.h"
#include "autograd/program_private.h"

ag_workspace *ag_workspace_create(void) { return calloc(1, sizeof(ag_workspace)); }

void ag_workspace_free(ag_workspace *workspace) {
    if (!workspace) return;
    free(workspace->memory);
    free(workspace);
}

int64_t ag_workspace_bytes(const ag_workspace *workspace) { return workspace->bytes; }

bool ag_workspace_reserve(ag_workspace *workspace, int64_t bytes, ag_error *error) {
    if (bytes <= workspace->bytes && workspace->memory) return true;
    // What it holds need not survive, so that old and new block never exist at once.
    free(workspace->memory);
    workspace->memory = ag_memory_reserve(bytes);
    workspace->bytes = workspace->memory ? bytes : 0;
    workspace->holder = NULL;
    if (!workspace->memory)
        return ag_fail(error, AG_STATUS_MEMORY, "workspace: no memory for %lld bytes", (long long)bytes);
    return true;
}
