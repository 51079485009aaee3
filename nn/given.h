// SPDX-License-Identifier: MIT
// Arguments that must be given (private): the check with which every public function of nn and models begins.
#pragma once

#include "autograd/check.h"

// Whether the pointer is one. NULL is a broken contract: "FUNCTION: ARGUMENT is NULL; it must be given" fills
// *error (may be NULL) and goes to the handler, with the place of the check; the function then does nothing
// and returns what stands for nothing: false, NULL or 0.
#define NN_GIVEN(pointer, argument, error) nn_given_at(pointer, __func__, argument, error, __FILE__, __LINE__)
bool nn_given_at(const void *pointer, const char *function, const char *argument, ag_error *error,
                 const char *file, int line);
