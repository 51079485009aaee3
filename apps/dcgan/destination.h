// SPDX-License-Identifier: MIT
// Where drawn images go: one picture, or a folder with a picture of each.
#pragma once

#include "autograd/check.h"

typedef struct destination {
    const char *path;  // borrowed
    bool picture;      // a PNG file; else a folder
} destination;

// NAME.png, in any case, is a picture and every other name a folder's. AG_STATUS_USAGE, with the rule, for
// names that ask for what there is not: another format, the standard output, a run's own folder.
bool destination_read(destination *d, const char *path, ag_error *error);
