// SPDX-License-Identifier: MIT
// The commands by name, and how errors leave the program.
#include "apps/dcgan/command.h"

#include <stdio.h>
#include <string.h>

#define COMMAND(name) extern const command command_##name;
#include "apps/command_list.def"
#undef COMMAND

#define COMMAND(name) &command_##name,
static const command *const commands[] = {
#include "apps/command_list.def"
};
#undef COMMAND

#define COUNT ((int)(sizeof commands / sizeof *commands))

const command *command_at(int i) { return i >= 0 && i < COUNT ? commands[i] : NULL; }

const command *command_find(const char *name) {
    for (int i = 0; i < COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    }
    return NULL;
}

exit_code command_report(const ag_error *error) {
    static const exit_code codes[] = {
        [AG_OK] = EXIT_OK,
        [AG_STATUS_CONTRACT] = EXIT_OUTPUT,
        [AG_STATUS_MEMORY] = EXIT_OUTPUT,
        [AG_STATUS_USAGE] = EXIT_USAGE,
        [AG_STATUS_DATA] = EXIT_DATA,
        [AG_STATUS_MODEL] = EXIT_MODEL,
        [AG_STATUS_OUTPUT] = EXIT_OUTPUT,
        [AG_STATUS_DIVERGED] = EXIT_DIVERGED,
    };
    if (*error->text) fprintf(stderr, "dcgan: %s\n", error->text);
    return codes[error->status];
}
