// SPDX-License-Identifier: MIT
// Rows of the table of options as argp's options; argp reads the command line and writes the help.
#include "apps/dcgan/arguments.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_KEY 256  // keys below are letters
#define HELP_KEY 'h'
#define TEXT_BYTES 4096

static char program_name[] = "dcgan";
const char *argp_program_version = "dcgan " BOBBIN_VERSION;

// ---- a command's line ----

typedef struct parsing {
    const command *command;
    options *out;
    ag_error *error;
    char name[64];
    char doc[TEXT_BYTES];
    struct argp_option options[OPTION_END + 2];
    char help[OPTION_END][512];
} parsing;

static void describe_range(const option_row *row, char *text, size_t size) {
    *text = '\0';
    if (row->kind == OPTION_INTEGER)
        snprintf(text, size, "%lld to %lld", (long long)row->least, (long long)row->most);
    else if (row->kind == OPTION_NUMBER)
        snprintf(text, size, "%g to below %g", row->low, row->high);
}

// "Images in a batch (1 to 65536; default: 128)".
static void describe_option(const parsing *p, const option_row *row, char *help, size_t size) {
    char range[64];
    const char *preset = p->command->presets ? NULL : row->preset;
    describe_range(row, range, sizeof range);
    const int n = snprintf(help, size, "%s", row->help);
    if (!*range && !preset) return;
    snprintf(help + n, size - (size_t)n, " (%s%s%s%s)", range, *range && preset ? "; " : "",
             preset ? "default: " : "", preset ? preset : "");
}

static void describe_choices(const option_row *row, FILE *text) {
    const char *name, *summary;
    fprintf(text, "Values of --%s:\n", row->name);
    for (int i = 0; (name = row->choice(i, &summary)); i++) fprintf(text, "  %s: %s\n", name, summary);
}

static void describe_command(parsing *p) {
    FILE *text = fmemopen(p->doc, sizeof p->doc, "w");
    if (!text) return;
    fprintf(text, "%s\v", p->command->summary);
    for (const option_id *id = p->command->options; *id != OPTION_END; id++) {
        if (option_at(*id)->choice) describe_choices(option_at(*id), text);
    }
    if (p->command->presets) fprintf(text, "Defaults: %s.\n", p->command->presets);
    fclose(text);
}

// Groups keep the order of the command's list.
static void list_options(parsing *p) {
    int n = 0;
    for (const option_id *id = p->command->options; *id != OPTION_END; id++, n++) {
        const option_row *row = option_at(*id);
        describe_option(p, row, p->help[n], sizeof p->help[n]);
        p->options[n] = (struct argp_option){.name = row->name,
                                             .key = row->letter ? row->letter : FIRST_KEY + (int)*id,
                                             .arg = row->argument,
                                             .doc = p->help[n],
                                             .group = n + 1};
    }
    p->options[n] = (struct argp_option){
        .name = "help", .key = HELP_KEY, .doc = "Print this help and do nothing", .group = n + 1};
}

static option_id id_of(const command *c, int key) {
    for (const option_id *id = c->options; *id != OPTION_END; id++) {
        if (key == option_at(*id)->letter || key == FIRST_KEY + (int)*id) return *id;
    }
    return OPTION_END;
}

static error_t take_operand(parsing *p, const char *text) {
    if (!p->command->operand || p->out->operand) {
        ag_fail(p->error, AG_STATUS_USAGE, "'%s': %s takes %s", text, p->command->name,
                p->command->operand ? "one argument and options" : "options only");
        return EINVAL;
    }
    p->out->operand = text;
    return 0;
}

static error_t parse_key(int key, char *argument, struct argp_state *state) {
    parsing *p = state->input;
    if (key == ARGP_KEY_INIT) {
        // Without the stream argp leaves hints and the end of the program to its caller.
        state->err_stream = NULL;
        return 0;
    }
    if (key == HELP_KEY) {
        state->name = p->name;
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
        return 0;
    }
    if (key == ARGP_KEY_ARG) return take_operand(p, argument);
    if (key == ARGP_KEY_NO_ARGS && p->command->operand) {
        ag_fail(p->error, AG_STATUS_USAGE, "%s needs an argument: %s", p->command->name, p->command->operand);
        return EINVAL;
    }
    const option_id id = id_of(p->command, key);
    if (id == OPTION_END) return ARGP_ERR_UNKNOWN;
    p->out->values[id].given = true;
    return options_set(p->out, id, argument, p->error) ? 0 : EINVAL;
}

bool arguments_parse(const command *c, int argc, char **argv, options *out, ag_error *error) {
    parsing *p = calloc(1, sizeof *p);
    if (!p) return ag_fail(error, AG_STATUS_MEMORY, "out of memory");
    p->command = c;
    p->out = out;
    p->error = error;
    snprintf(p->name, sizeof p->name, "dcgan %s", c->name);
    list_options(p);
    describe_command(p);
    const struct argp argp = {
        .options = p->options, .parser = parse_key, .args_doc = c->operand, .doc = p->doc};
    argv[0] = program_name;
    options_reset(out);
    const error_t failed = argp_parse(&argp, argc, argv, ARGP_NO_HELP, NULL, p);
    free(p);
    // What argp itself refuses, an option that does not exist, it has named already.
    return !failed || ag_fail(error, AG_STATUS_USAGE, "%s", "");
}

// ---- the program's line ----

static void describe_program(char *doc, size_t size) {
    FILE *text = fmemopen(doc, size, "w");
    if (!text) return;
    fputs("Trains a DCGAN on small images and uses it.\vCommands:\n", text);
    for (int i = 0; command_at(i); i++)
        fprintf(text, "  %-14s%s\n", command_at(i)->name, command_at(i)->summary);
    fprintf(text,
            "\n`dcgan COMMAND --help' lists a command's options.\n\nReturns %d when all went well, %d when "
            "output cannot be written or memory runs out, %d for a wrong command line, %d for bad data, %d "
            "for a bad model file, %d when training diverged, %d when a gradient is wrong, %d when a signal "
            "stopped training.",
            EXIT_OK, EXIT_OUTPUT, EXIT_USAGE, EXIT_DATA, EXIT_MODEL, EXIT_DIVERGED, EXIT_WRONG,
            EXIT_INTERRUPTED);
    fclose(text);
}

void arguments_parse_program(int argc, char **argv, ag_error *error) {
    char doc[TEXT_BYTES];
    describe_program(doc, sizeof doc);
    const struct argp argp = {.args_doc = "COMMAND", .doc = doc};
    argp_err_exit_status = EXIT_USAGE;
    argv[0] = program_name;
    argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, NULL);
    ag_fail(error, AG_STATUS_USAGE, "a command is missing");
}
