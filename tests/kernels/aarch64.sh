#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the kernels and their check for aarch64, in a folder of their own, and runs the check under qemu.
#   sh aarch64.sh ROOT FOLDER {FLAG... SOURCE...}... -- [ARGUMENT...]
# A source is compiled with the flags that stand before it and the sources beside it.
set -eu

root=$1
folder=$2
shift 2
mkdir -p "$folder"
rm -f "$folder"/*.o

compile() {
    # shellcheck disable=SC2086
    aarch64-linux-gnu-gcc -std=gnu17 -O3 -Wall -Wextra -Werror -ffp-contract=off -fno-math-errno -I "$root" $flags \
        -c "$1" -o "$folder/$objects.o"
}

objects=0
flags=
fresh=
while [ "$1" != -- ]; do
    case $1 in
    -*)
        flags="$fresh $1"
        fresh=$flags
        ;;
    *)
        fresh=
        objects=$((objects + 1))
        compile "$1"
        ;;
    esac
    shift
done
shift

aarch64-linux-gnu-gcc -static -o "$folder/check_kernels" "$folder"/*.o -lm
qemu-aarch64 "$folder/check_kernels" "$@"
