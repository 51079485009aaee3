// SPDX-License-Identifier: MIT
// The end of the standard output.
#pragma once

// When the program ends, by whatever way, with success, and not all that it printed has arrived: an error,
// and EXIT_OUTPUT.
void output_check_at_exit(void);
