// SPDX-License-Identifier: MIT
// Visibility and printf checks of public declarations.
#pragma once

#define AG_API __attribute__((visibility("default")))
#define AG_PRINTF(text, first) __attribute__((format(printf, text, first)))
