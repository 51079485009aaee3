// SPDX-License-Identifier: MIT
// dcgan inspect: what a model file says about itself, and its tensors.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/dcgan/command.h"
#include "apps/dcgan/run_dir.h"
#include "apps/dcgan/text.h"
#include "autograd/threads.h"
#include "models/dcgan.h"
#include "nn/format.h"

// ---- the header ----

static void print_plain(const nn_json *value) {
    const char *string;
    int64_t integer;
    double number;
    bool truth;
    char digits[TEXT_NUMBER], *text = NULL;
    if (nn_json_read_string(value, &string))
        printf("%s\n", *string ? string : "(none)");
    else if (nn_json_read_int(value, &integer))
        printf("%lld\n", (long long)integer);
    else if (nn_json_read_double(value, &number))
        printf("%s\n", text_double(number, digits));
    else if (nn_json_read_bool(value, &truth))
        printf("%s\n", truth ? "yes" : "no");
    else
        printf("%s\n", (text = nn_json_print(value)) ? text : "(none)");
    free(text);
}

// Objects become indented lines, an array of arrays a line for each.
static void print_value(const char *key, const nn_json *value, int indent) {
    const char *name = NULL;
    const nn_json *member;
    char count[TEXT_NUMBER];
    printf("%*s%s:%s", indent, "", key, nn_json_is_object(value) ? "\n" : " ");
    if (nn_json_is_object(value)) {
        while (nn_json_next(value, &name, &member)) print_value(name, member, indent + 2);
    } else if (nn_json_is_array(nn_json_at(value, 0))) {
        printf("%s\n", text_things(nn_json_count(value), "row", count));
        for (int64_t i = 0; (member = nn_json_at(value, i)); i++) {
            printf("%*s", indent + 2, "");
            print_plain(member);
        }
    } else {
        print_plain(value);
    }
}

// Structured entries are JSON, the others plain text.
static void print_entry(const nn_format_entry *entry) {
    nn_json *json = nn_json_parse(entry->value, strlen(entry->value), entry->key, AG_STATUS_MODEL, NULL);
    if (json)
        print_value(entry->key, json, 0);
    else
        printf("%s: %s\n", entry->key, entry->value);
    nn_json_free(json);
}

// ---- the tensors ----

static void print_tensors(const nn_format_content *content) {
    int64_t values = 0, bytes = 0;
    char shape[AG_SHAPE_TEXT], a[TEXT_NUMBER], b[TEXT_NUMBER], c[TEXT_NUMBER];
    printf("\n%-52s %-5s %-18s %12s\n", "tensor", "type", "shape", "values");
    for (int i = 0; i < content->n_tensors; i++) {
        const nn_format_tensor *t = &content->tensors[i];
        const int64_t size = ag_shape_size(t->shape);
        printf("%-52s %-5s %-18s %12s\n", t->name, nn_format_dtype_name(t->dtype),
               ag_shape_format(t->shape, shape), text_count(size, a));
        values += size;
        bytes += size * nn_format_dtype_bytes(t->dtype);
    }
    printf("%s, %s, %s\n", text_things(content->n_tensors, "tensor", a), text_things(values, "value", b),
           text_things(bytes, "byte", c));
}

// ---- the verdict ----

// Whether the other commands could use the file: they open it so, and *error says what stops them.
static bool is_usable(const char *path, ag_error *error) {
    dcgan *model = dcgan_open(path, error);
    dcgan_free(model);
    return model != NULL;
}

static void print_verdict(const char *path, bool usable, const nn_format_content *content) {
    printf("%s: sound%s, its checksum is right%s\n", path, usable ? "" : " as a safetensors file",
           usable ? "" : ", but no model that dcgan can use");
    for (int i = 0; i < content->n_metadata; i++) print_entry(&content->metadata[i]);
    print_tensors(content);
}

// Without the memory to open the model there is no verdict on it.
static exit_code run(const options *o, ag_error *error) {
    char path[PATH_MAX];
    ag_error why = {0};
    ag_threads_set(1);  // networks are made and not run, and more threads would only need more memory
    nn_format_content *content = nn_format_load(run_dir_model(o->operand, path), NULL, error);
    if (!content) return EXIT_MODEL;
    const bool usable = is_usable(path, &why);
    if (why.status != AG_STATUS_MEMORY) print_verdict(path, usable, content);
    nn_format_free(content);
    *error = why;
    return EXIT_OK;
}

const command command_inspect = {
    .name = "inspect",
    .summary = "Check a model file and print its header and its tensors",
    .operand = "MODEL|RUN_DIR",
    .options = (const option_id[]){OPTION_END},
    .run = run,
};
