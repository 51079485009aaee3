// SPDX-License-Identifier: MIT
// The rows of all ops: the families of their own files, and here the ops that bring a check of their own.
#include "tests/autograd/op_case.h"

static const op_case checked_cases[] = {
    {"input", "source", .check = op_check_input},
    {"constant", "source", .check = op_check_constant},
    {"parameter", "source", .check = op_check_read},
    {"stop_gradient", "stop_gradient", .check = op_check_stop_gradient},
    {"random_normal", "random", .check = op_check_random_normal},
    {"random_uniform", "random", .check = op_check_random_uniform},
    {"assign", "assign", .check = op_check_assign},
    {"adam_update", "adam", .check = op_check_adam},
    {"sgd_update", "sgd", .check = op_check_sgd},
    {"rmsprop_update", "rmsprop", .check = op_check_rmsprop},
};

static const struct {
    const op_case *rows;
    const int *count;
} families[] = {
    {op_pointwise_cases, &op_pointwise_cases_count},
    {op_shape_cases, &op_shape_cases_count},
    {op_sum_cases, &op_sum_cases_count},
    {op_conv2d_cases, &op_conv2d_cases_count},
    {op_batch_norm_cases, &op_batch_norm_cases_count},
    {checked_cases, &(const int){COUNT(checked_cases)}},
};

const op_case *op_case_at(int i) {
    for (int family = 0; family < COUNT(families); family++) {
        if (i < *families[family].count) return &families[family].rows[i];
        i -= *families[family].count;
    }
    return NULL;
}

ag_node *op_case_vjp(ag_node *y, ag_node *dy, int input) {
    return y->op->vjp ? y->op->vjp(y, dy, input) : NULL;
}
