// SPDX-License-Identifier: MIT
// Bobbin's nn: layers, models, losses, optimizers, data and files. This header includes the room's public
// ones.
#pragma once

#include "nn/checkpoint.h"
#include "nn/compile.h"
#include "nn/dataset.h"
#include "nn/digest.h"
#include "nn/file.h"
#include "nn/format.h"
#include "nn/image.h"
#include "nn/initializer.h"
#include "nn/layer.h"
#include "nn/layers.h"
#include "nn/loss.h"
#include "nn/model.h"
#include "nn/optimizer.h"
