#!/bin/sh
# SPDX-License-Identifier: MIT
# Every room explains itself, the front page names the two commands, every source is compiled, every text file ends with
# a line end.
#   sh rooms.sh ROOT BUILD
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
commands=$2/compile_commands.json
bad=0
breach() {
    echo "$1"
    bad=1
}

for room in autograd nn models apps tests; do
    [ -s $room/README.md ] || breach "$room/README.md:1: every room has a README.md"
done
for command in apps/run.sh tests/run.sh; do
    grep -q "sh $command" README.md 2>/dev/null || breach "README.md:1: the front page names the command sh $command"
done
# A test may also be given a source to compile by itself; then the folder's meson.build names it.
for file in $(sh "$here/sources.sh" code | grep '\.c$'); do
    grep -q "/$file\"" "$commands" && continue
    case $file in
    tests/*) grep -qs "'${file##*/}'" "${file%/*}/meson.build" && continue ;;
    esac
    breach "$file:1: no meson.build compiles this file"
done
for file in $(sh "$here/sources.sh" text); do
    [ -z "$(tail -c 1 "$file")" ] || breach "$file:$(($(wc -l <"$file") + 1)): the last line has no line end"
done
exit $bad
