// SPDX-License-Identifier: MIT
// Making the images of a list of seeds, and saving them.
#pragma once

#include "apps/dcgan/destination.h"
#include "apps/dcgan/seed_list.h"
#include "models/dcgan.h"
#include "nn/image.h"

// Draws and saves all, as one picture of this layout or as a picture each, and prints where they are; on a
// terminal it counts meanwhile. AG_STATUS_USAGE, before anything is drawn, when the picture would be too
// large.
bool drawing_run(dcgan *model, const seed_list *list, nn_grid layout, const destination *to, ag_error *error);
