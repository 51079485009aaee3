// SPDX-License-Identifier: MIT
// The table of all ops: meson.build writes op_list.def, a line for each file in ops/.
#include "autograd/op_table.h"

#define AG_OP_FILE(name) extern const ag_op *const ag_ops_##name[];
#include "autograd/op_list.def"
#undef AG_OP_FILE

static const ag_op *const *const files[] = {
#define AG_OP_FILE(name) ag_ops_##name,
#include "autograd/op_list.def"
#undef AG_OP_FILE
};

const ag_op *ag_op_at(int i) {
    for (size_t file = 0; file < sizeof files / sizeof files[0]; file++)
        for (const ag_op *const *op = files[file]; *op; op++)
            if (i-- == 0) return *op;
    return NULL;
}
