#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles on its own, without a warning.
#   sh headers.sh ROOT COMPILER... -- HEADER...
set -eu

root=$1
shift
compiler=
while [ "$1" != -- ]; do
    compiler="$compiler $1"
    shift
done
shift
[ $# -gt 0 ] || {
    echo "no public header was given"
    exit 1
}

bad=0
for header in "$@"; do
    name=${header#"$root/"}
    # Twice, so that a header that cannot be included twice is found too.
    printf '#include "%s"\n#include "%s"\n' "$name" "$name" |
        $compiler -x c -std=gnu17 -Wall -Wextra -Wshadow -Wstrict-prototypes -Werror -fsyntax-only -I "$root" - || {
        echo "$name:1: a public header compiles on its own, without a warning"
        bad=1
    }
done
exit $bad
