// SPDX-License-Identifier: MIT
// The catalogue of penalties that variants may name.
#pragma once

#include "models/penalty.h"

// 10 mean((|grad_x D(x)| - 1)^2) at points between real and fake images.
AG_API extern const gan_penalty gan_gradient_penalty;

// 5 mean |grad_x D(x)|^2 at real images: R1 with gamma 10.
AG_API extern const gan_penalty gan_r1;
