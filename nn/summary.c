// SPDX-License-Identifier: MIT
// A model as a table.
#include "nn/given.h"
#include "nn/model_private.h"

#define NUMBER_BYTES 32
#define LINE "------------------------------------------------------------------------------"

// A number with commas, "1,637,121", in a buffer that lives for the full expression.
#define COMMAS(value) format_commas(value, (char[NUMBER_BYTES]){0})

static const char *format_commas(int64_t value, char text[NUMBER_BYTES]) {
    char *c = text + NUMBER_BYTES - 1;
    int digits = 0;
    do {
        if (digits > 0 && digits % 3 == 0) *--c = ',';
        *--c = (char)('0' + value % 10);
        digits++;
    } while ((value /= 10) > 0);
    return c;
}

// Values, and those that training changes now; buffers are neither trainable nor frozen.
typedef struct count {
    int64_t all, trainable;
    bool any_trainable, any_frozen;
} count;

static void count_parameter(count *sum, const ag_parameter *parameter) {
    sum->all += parameter->size;
    if (parameter->kind != AG_PARAMETER) return;
    if (parameter->trainable) sum->trainable += parameter->size;
    *(parameter->trainable ? &sum->any_trainable : &sum->any_frozen) = true;
}

static count count_layer(const nn_layer *layer) {
    count sum = {0};
    for (int i = 0; i < layer->n_parameters; i++) count_parameter(&sum, layer->parameters[i]);
    return sum;
}

static count count_model(const nn_model *model) {
    count sum = {0};
    for (int i = 0; i < nn_model_set_count(model); i++) {
        const ag_parameter_set *set = nn_model_set(model, i);
        for (int k = 0; k < ag_parameter_set_count(set); k++)
            count_parameter(&sum, ag_parameter_set_at(set, k));
    }
    return sum;
}

static const char *state_of(count sum) {
    if (sum.any_trainable && sum.any_frozen) return "partly frozen";
    if (sum.any_frozen) return "frozen";
    return sum.any_trainable ? "trainable" : "-";
}

// "[N,14,14,64]".
static void format_batch(ag_shape shape, char text[AG_SHAPE_TEXT]) {
    char dims[AG_SHAPE_TEXT];
    ag_shape_format(shape, dims);
    snprintf(text, AG_SHAPE_TEXT, shape.rank ? "[N,%.*s" : "[N]", AG_SHAPE_TEXT - 8, dims + 1);
}

static void write_row(FILE *stream, const char *name, ag_shape shape, count sum) {
    char text[AG_SHAPE_TEXT];
    format_batch(shape, text);
    fprintf(stream, "%-28s %-20s %14s  %s\n", name, text, COMMAS(sum.all), state_of(sum));
}

void nn_summary(const nn_model *model, FILE *stream) {
    if (!NN_GIVEN(model, "model", NULL) || !NN_GIVEN(stream, "stream", NULL)) return;
    fprintf(stream, "model %s (%s)\n" LINE "\n", model->name, ag_dtype_name(model->dtype));
    fprintf(stream, "%-28s %-20s %14s  %s\n" LINE "\n", model->n_parts ? "model" : "layer", "output",
            "parameters", "state");
    write_row(stream, "input", model->in, (count){0});
    for (int i = 0; i < model->n_layers; i++)
        write_row(stream, model->layers[i]->name, model->layers[i]->out, count_layer(model->layers[i]));
    for (int i = 0; i < model->n_parts; i++)
        write_row(stream, model->parts[i]->name, model->parts[i]->out, count_model(model->parts[i]));
    const count sum = count_model(model);
    fprintf(stream, LINE "\n%s parameters: %s trainable, %s not\n", COMMAS(sum.all), COMMAS(sum.trainable),
            COMMAS(sum.all - sum.trainable));
}
