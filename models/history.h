// SPDX-License-Identifier: MIT
// The record of a training: a row per epoch, the seed's five evaluation columns.
#pragma once

#include <stdint.h>

typedef struct gan_epoch {
    int64_t epoch, iteration;     // epoch from 0; iterations done in all
    double g_loss;                // on 2h fixed z, label 1
    double d_loss, d_accuracy;    // on h fixed reals and h fakes of fresh z, hard labels
    double prob_fake, prob_real;  // means of sigmoid(D) over those fakes and reals
} gan_epoch;

typedef struct gan_history {
    int64_t n, capacity;
    gan_epoch *rows;
} gan_history;
