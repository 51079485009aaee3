// SPDX-License-Identifier: MIT
// Rows of a training's record, in memory and as JSON.
#include <stdlib.h>

#include "models/state.h"

#define COLUMNS 5

// The columns in the order of the file.
static double *column(gan_epoch *row, int i) {
    double *const columns[COLUMNS] = {&row->g_loss, &row->d_loss, &row->d_accuracy, &row->prob_fake,
                                      &row->prob_real};
    return columns[i];
}

bool gan_history_append(gan_history *history, const gan_epoch *row, ag_error *error) {
    if (history->n == history->capacity) {
        const int64_t capacity = history->capacity ? 2 * history->capacity : 64;
        gan_epoch *grown = realloc(history->rows, (size_t)capacity * sizeof *grown);
        if (!grown)
            return ag_fail(error, AG_STATUS_MEMORY, "history: no memory for %lld epochs",
                           (long long)capacity);
        history->rows = grown;
        history->capacity = capacity;
    }
    history->rows[history->n++] = *row;
    return true;
}

void gan_history_free(gan_history *history) {
    free(history->rows);
    *history = (gan_history){0};
}

static nn_json *row_to_json(gan_epoch row) {
    nn_json *array = nn_json_array();
    bool ok = array && nn_json_append(array, nn_json_int(row.iteration));
    for (int i = 0; i < COLUMNS && ok; i++) ok = nn_json_append(array, nn_json_double(*column(&row, i)));
    if (ok) return array;
    nn_json_free(array);
    return NULL;
}

nn_json *gan_history_to_json(const gan_history *history) {
    nn_json *rows = nn_json_array();
    bool ok = rows != NULL;
    for (int64_t i = 0; i < history->n && ok; i++) ok = nn_json_append(rows, row_to_json(history->rows[i]));
    if (ok) return rows;
    nn_json_free(rows);
    return NULL;
}

static bool row_from_json(const nn_json *value, gan_epoch *row) {
    if (nn_json_count(value) != COLUMNS + 1 || !nn_json_read_int(nn_json_at(value, 0), &row->iteration))
        return false;
    for (int i = 0; i < COLUMNS; i++) {
        if (!nn_json_read_double(nn_json_at(value, i + 1), column(row, i))) return false;
    }
    return true;
}

bool gan_history_from_json(gan_history *history, const nn_json *value, ag_error *error) {
    *history = (gan_history){0};
    bool ok =
        nn_json_is_array(value) || ag_fail(error, AG_STATUS_MODEL, "history: an array of rows is missing");
    for (int64_t i = 0, n = nn_json_count(value); i < n && ok; i++) {
        gan_epoch row = {.epoch = i};
        ok = (row_from_json(nn_json_at(value, i), &row) ||
              ag_fail(error, AG_STATUS_MODEL, "history: row %lld is not 6 numbers", (long long)i)) &&
             gan_history_append(history, &row, error);
    }
    if (!ok) gan_history_free(history);
    return ok;
}
