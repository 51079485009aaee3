#!/bin/sh
# SPDX-License-Identifier: MIT
# The C program of the README compiles and runs as it stands, against the installed library.
#   sh readme.sh BUILD COMPILER README
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
awk '/^```c$/ { block = ""; inside = 1; next }
     /^```$/ { if (inside && block ~ /int main/) { printf "%s", block; exit } inside = 0 }
     inside { block = block $0 "\n" }' "$3" >"$source/program.c"
[ -s "$source/program.c" ] || { echo "$3:1: no C program with a main"; exit 1; }
lines=$(grep -c . "$source/program.c")
[ "$lines" -le 45 ] || { echo "$3:1: the C program has $lines lines; about 40 are promised"; exit 1; }
sh "$here/installed.sh" "$1" "$2" "$source/program.c"
