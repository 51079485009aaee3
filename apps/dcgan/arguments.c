// SPDX-License-Identifier: MIT
// Rows of the table of options as argp's options; argp reads the command line and writes the help.
#include "apps/dcgan/arguments.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_KEY 256  // keys below are letters
#define HELP_KEY 'h'
#define VERSION_KEY 'V'
#define TEXT_BYTES 4096

static char program_name[] = "dcgan";

// ---- options of every line ----

#define N_COMMON 2

static const struct argp_option common[N_COMMON] = {
    {.name = "help", .key = HELP_KEY, .doc = "Print this help and do nothing"},
    {.name = "version", .key = VERSION_KEY, .doc = "Print the version and do nothing"}};

// Does not return when the key is one of them.
static void answer_common(int key, char *name, struct argp_state *state) {
    if (key == HELP_KEY) {
        state->name = name;
        argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
    }
    if (key != VERSION_KEY) return;
    puts("dcgan " BOBBIN_VERSION);
    exit(EXIT_OK);
}

// ---- a command's line ----

typedef struct parsing {
    const command *command;
    options *out;
    ag_error *error;
    char name[64];
    char doc[TEXT_BYTES];
    struct argp_option options[OPTION_END + N_COMMON + 1];
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
    if (p->command->note) fprintf(text, "%s\n", p->command->note);
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
    for (int i = 0; i < N_COMMON; i++) {
        p->options[n + i] = common[i];
        p->options[n + i].group = n + 1;
    }
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
    answer_common(key, p->name, state);
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

static error_t parse_program_key(int key, char *argument, struct argp_state *state) {
    if (key == ARGP_KEY_INIT) state->err_stream = NULL;
    answer_common(key, program_name, state);
    if (key != ARGP_KEY_ARG) return key == ARGP_KEY_INIT ? 0 : ARGP_ERR_UNKNOWN;
    ag_fail(state->input, AG_STATUS_USAGE, "'%s': a command comes before everything else", argument);
    return EINVAL;
}

void arguments_parse_program(int argc, char **argv, ag_error *error) {
    char doc[TEXT_BYTES];
    struct argp_option rows[N_COMMON + 1] = {common[0], common[1]};
    describe_program(doc, sizeof doc);
    const struct argp argp = {
        .options = rows, .parser = parse_program_key, .args_doc = "COMMAND", .doc = doc};
    argv[0] = program_name;
    const error_t failed = argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP, NULL, error);
    ag_fail(error, AG_STATUS_USAGE, "%s", failed ? "" : "a command is missing");
}
