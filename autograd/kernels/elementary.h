// SPDX-License-Identifier: MIT
// The one place that includes SLEEF: vector functions for the kernels, scalar ones with the same bits on
// every processor for the random numbers. (Not named after it: <sleef.h> would find this file first.)
#pragma once

#include <sleef.h>
