// SPDX-License-Identifier: MIT
// Bobbin's autograd: tensors, the tape, gradients as nodes, planned programs. This header includes the room's
// public ones.
//
// Rules of the whole library:
//  * Ownership: nodes belong to their tape, parameters to their set, strings returned are borrowed. What a
//    *_create or *_compile returns belongs to the caller and goes to the matching *_free, which accepts NULL.
//  * Errors: check.h. A function that can fail takes a last argument ag_error *error, which may be NULL.
//  * Threads: a tape, a set, a program is used by one thread at a time; programs that share a workspace
//    likewise. Work inside a run is parallel (threads.h), with the same bits for any number of threads.
//  * Layout: row-major; images [N,H,W,C]; convolution kernels [kh,kw,Ci,Co]. Sizes are int64_t.
#pragma once

#include "autograd/check.h"
#include "autograd/environment.h"
#include "autograd/gradcheck.h"
#include "autograd/gradient.h"
#include "autograd/op.h"
#include "autograd/ops.h"
#include "autograd/parameter.h"
#include "autograd/precision.h"
#include "autograd/program.h"
#include "autograd/random.h"
#include "autograd/shape.h"
#include "autograd/tape.h"
#include "autograd/tensor.h"
#include "autograd/threads.h"
