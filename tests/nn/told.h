// SPDX-License-Identifier: MIT
// What a broken contract must do: tell the handler once, with a sentence and the place of the check.
#pragma once

#include "autograd/check.h"

// For a test's .init and .fini: takes the handler, gives it back.
void told_open(void);
void told_close(void);

// Where the calls of a test put their error; emptied by each told.
extern ag_error told_error;

// After a call that breaks a contract: `refused` is whether it returned nothing; the handler was told exactly
// once, the sentence starting with "FUNCTION: ARGUMENT is NULL". told_by_error also wants it in told_error.
void told(bool refused, const char *function, const char *argument);
void told_by_error(bool refused, const char *function, const char *argument);
