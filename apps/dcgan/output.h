// SPDX-License-Identifier: MIT
// The standard output's beginning and its end.
#pragma once

#include "autograd/check.h"

// AG_STATUS_OUTPUT when it is closed: all that is printed would be lost, or go into the next file opened.
bool output_check_open(ag_error *error);

// When the program ends, by whatever way, with success, and not all that it printed has arrived: an error,
// and EXIT_OUTPUT.
void output_check_at_exit(void);
