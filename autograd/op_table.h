// SPDX-License-Identifier: MIT
// All ops, from the build's list of the files in ops/.
#pragma once

#include "autograd/op.h"

// Op i; NULL past the end. Each file's ops follow one another.
const ag_op *ag_op_at(int i);
