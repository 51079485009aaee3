// SPDX-License-Identifier: MIT
// Parameters and buffers: the values that outlive a program. All values of a set (a model, an optimizer's
// state) lie in one flat, 64-byte aligned array, so that optimizers, averages, saving and reductions are
// single loops.
#pragma once

#include "autograd/check.h"
#include "autograd/tensor.h"

typedef struct ag_parameter_set ag_parameter_set;

typedef enum ag_parameter_kind {
    AG_PARAMETER,  // a gradient may reach it while `trainable` is set
    AG_BUFFER,  // no gradient reaches it: moving statistics, optimizer state, values handed from program to
                // program
} ag_parameter_kind;

typedef struct ag_parameter {
    const char *name;  // unique in its set; owned by the set
    ag_shape shape;
    ag_parameter_kind kind;
    bool trainable;         // read when a tape reads the parameter, that is, when a program is compiled
    int64_t offset;         // in elements, in the set's flat array; a multiple of 16
    int64_t size;           // elements
    ag_parameter_set *set;  // owner
} ag_parameter;

// An empty set. The caller frees it, after every program that reads it.
AG_API ag_parameter_set *ag_parameter_set_create(const char *name, ag_dtype dtype);
AG_API void ag_parameter_set_free(ag_parameter_set *set);

// Declares a parameter (trainable) or a buffer. NULL, with *error filled, when the name is taken, the shape
// is not valid, the set would exceed AG_MAX_SIZE values, the set is sealed or memory runs out.
AG_API ag_parameter *ag_parameter_add(ag_parameter_set *set, const char *name, ag_shape shape,
                                      ag_parameter_kind kind, ag_error *error);

// Allocates the flat array, all zeros; no parameter can be added afterwards. Called by the first one who
// needs the values.
AG_API bool ag_parameter_set_seal(ag_parameter_set *set, ag_error *error);

// A new set of buffers "prefix/NAME", one for each *parameter* of `like`, with the same offsets: optimizer
// state.
AG_API ag_parameter_set *ag_parameter_set_like(const ag_parameter_set *like, const char *prefix,
                                               ag_error *error);

AG_API const char *ag_parameter_set_name(const ag_parameter_set *set);
AG_API ag_dtype ag_parameter_set_dtype(const ag_parameter_set *set);
AG_API int ag_parameter_set_count(const ag_parameter_set *set);
AG_API ag_parameter *ag_parameter_set_at(const ag_parameter_set *set, int i);
AG_API ag_parameter *ag_parameter_set_find(const ag_parameter_set *set, const char *name);  // NULL: absent
AG_API void *ag_parameter_set_values(ag_parameter_set *set, int64_t *out_size);  // NULL before it is sealed

// The values of one parameter, inside the flat array. Sealed sets only.
AG_API void *ag_parameter_values(const ag_parameter *parameter);
