#!/bin/sh
# SPDX-License-Identifier: MIT
# Every set of instructions that these flags give to the compiler is one that dispatch.c asks the processor for, but for
# those that every processor with AVX2 has.
#   sh asked.sh DISPATCH.C COMPILER.. -- FLAG..
set -eu

dispatch=$1
shift
compiler=
while [ "$1" != -- ]; do
    compiler="$compiler $1"
    shift
done
shift

sets() { $compiler "$@" -dM -E -x c /dev/null | sed -n 's/^#define __\([A-Z][A-Z0-9_]*\)__ 1$/\1/p' | tr '\n' ' '; }

plain=$(sets) count=0 bad=0
for name in $(sets "$@"); do
    case " $plain AVX SSE3 SSSE3 SSE4_1 SSE4_2 POPCNT CRC32 XSAVE F16C " in *" $name "*) continue ;; esac
    count=$((count + 1))
    feature=$(echo "$name" | tr '[:upper:]' '[:lower:]')
    grep -q "SUPPORTS(\"$feature\")" "$dispatch" || {
        echo "$dispatch: does not ask for $feature, which the compiler may use with $*"
        bad=1
    }
done
[ $count -gt 0 ] || {
    echo "$*: the compiler names no set of instructions"
    exit 1
}
exit $bad
