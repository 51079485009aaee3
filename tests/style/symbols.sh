#!/bin/sh
# SPDX-License-Identifier: MIT
# The shared library exports only names with a room's prefix.
#   sh symbols.sh LIBRARY
set -eu

nm -D --defined-only "$1" | awk -v library="$1" '
    { n++ }
    $3 !~ /^(ag|nn|gan|dcgan)_/ { print library ": exports " $3 ", which has no prefix of ag_ nn_ gan_ dcgan_"; bad = 1 }
    END { if (!n) { print library ": exports nothing"; bad = 1 } exit bad }'
