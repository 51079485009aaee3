// SPDX-License-Identifier: MIT
// Inference in chunks of one fixed size, so that the memory is that of a chunk and the bits of a row do not
// depend on how many rows there are.
#include <stdlib.h>
#include <string.h>

#include "autograd/precision.h"
#include "nn/compile.h"
#include "nn/given.h"

struct nn_predictor {
    nn_model *model;
    int64_t chunk;
    size_t x_bytes, y_bytes;  // of one row
    ag_tape *tape;
    ag_program *program;
    ag_node *x, *y;
};

static size_t row_bytes(const nn_model *model, ag_shape shape) {
    return (size_t)ag_shape_size(shape) * ag_dtype_bytes(nn_model_dtype(model));
}

static bool record(nn_predictor *p, ag_workspace *workspace, ag_error *error) {
    const ag_shape in = nn_model_input_shape(p->model);
    ag_shape batch = {.rank = in.rank + 1, .dim = {p->chunk}};
    memcpy(batch.dim + 1, in.dim, (size_t)in.rank * sizeof *in.dim);
    p->tape = ag_tape_create(nn_model_name(p->model), nn_model_dtype(p->model));
    if (!p->tape)
        return ag_fail(error, AG_STATUS_MEMORY, "predict %s: out of memory", nn_model_name(p->model));
    p->x = ag_input(p->tape, "x", batch);
    p->y = nn_apply(p->model, p->x, NN_INFER);
    // What a trained model says must not depend on how it was trained.
    const ag_precision precision = ag_precision_get();
    ag_precision_set(AG_PRECISION_F32, NULL);
    p->program = ag_program_compile(p->tape, 1, &p->y, workspace, error);
    ag_precision_set(precision, NULL);
    return p->program != NULL;
}

nn_predictor *nn_predictor_create(nn_model *model, int64_t chunk, ag_workspace *workspace, ag_error *error) {
    if (!NN_GIVEN(model, "model", error)) return NULL;
    if (chunk < 1)
        return ag_fail(error, AG_STATUS_USAGE, "predict %s: chunk %lld must be at least 1",
                       nn_model_name(model), (long long)chunk),
               NULL;
    nn_predictor *p = calloc(1, sizeof *p);
    if (!p) return ag_fail(error, AG_STATUS_MEMORY, "predict %s: out of memory", nn_model_name(model)), NULL;
    p->model = model;
    p->chunk = chunk;
    p->x_bytes = row_bytes(model, nn_model_input_shape(model));
    p->y_bytes = row_bytes(model, nn_model_output_shape(model));
    if (record(p, workspace, error)) return p;
    nn_predictor_free(p);
    return NULL;
}

void nn_predictor_free(nn_predictor *p) {
    if (!p) return;
    ag_program_free(p->program);
    ag_tape_free(p->tape);
    free(p);
}

// Up to a chunk of rows; the rest of the chunk is zeros, which no row sees.
static bool predict_chunk(nn_predictor *p, const char *x, int64_t n, char *out, ag_error *error) {
    char *rows = ag_program_input(p->program, p->x, error);
    if (!rows) return false;
    memcpy(rows, x, (size_t)n * p->x_bytes);
    memset(rows + (size_t)n * p->x_bytes, 0, (size_t)(p->chunk - n) * p->x_bytes);
    if (!ag_program_run(p->program, (ag_clock){0}, error)) return false;
    const void *y = ag_program_output(p->program, p->y, error);
    if (y) memcpy(out, y, (size_t)n * p->y_bytes);
    return y != NULL;
}

bool nn_predict(nn_predictor *p, const void *x, int64_t n, void *out, ag_error *error) {
    if (!NN_GIVEN(p, "predictor", error) ||
        (n > 0 && (!NN_GIVEN(x, "x", error) || !NN_GIVEN(out, "out", error))))
        return false;
    if (n < 0)
        return ag_fail(error, AG_STATUS_USAGE, "predict %s: %lld rows must be at least 0",
                       nn_model_name(p->model), (long long)n);
    for (int64_t i = 0; i < n; i += p->chunk) {
        const int64_t rows = n - i < p->chunk ? n - i : p->chunk;
        if (!predict_chunk(p, (const char *)x + (size_t)i * p->x_bytes, rows,
                           (char *)out + (size_t)i * p->y_bytes, error))
            return false;
    }
    return true;
}
