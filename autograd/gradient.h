// SPDX-License-Identifier: MIT
// Reverse mode: the gradient of a graph is a graph on the same tape.
#pragma once

#include "autograd/tape.h"

// out[i] = d loss / d wrt[i], for a scalar loss: one reverse walk over the tape that appends, by each op's
// vjp, the adjoints of the nodes on a path from some wrt to the loss and of no others. The results are nodes
// like any other: they can be differentiated again. wrt[i] is an input, a parameter read outside frozen
// scopes, or any node; a frozen read is an error. A wrt that the loss does not depend on gets zeros. False
// after an error (see ag_tape_error); out is then undefined.
AG_API bool ag_gradient(ag_tape *tape, ag_node *loss, int n_wrt, ag_node *const *wrt, ag_node **out);

// sum(seed * y) instead of a scalar loss: a vector-Jacobian product. `seed` has y's shape.
AG_API bool ag_vjp(ag_tape *tape, ag_node *y, ag_node *seed, int n_wrt, ag_node *const *wrt, ag_node **out);

// What freezing saved on this tape so far: FLOPs of the gradient nodes that its ag_gradient calls would have
// recorded had every frozen read been trainable, less those recorded.
AG_API double ag_tape_frozen_flops(const ag_tape *tape);
