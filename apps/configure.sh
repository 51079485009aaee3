#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes sure that a Meson build folder exists, belongs to this tree, and has the options given; a folder that cannot be
# used (half made, moved, from another Meson) is set up anew. When all is well it does nothing.
#   sh apps/configure.sh DIR [-Doption=value ...]      CC chooses the compiler
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$1
shift
cd "$root"

# What the folder was last set up with: the folder is as wanted if this text has not changed.
wanted="$root | meson $(meson --version) | ${CC:-cc} | $*"
stamp=$dir/configured
log=$dir-setup.log

fail() {
    cat "$log" >&2
    echo "configure: $1" >&2
    exit 1
}

usable() { [ -f "$dir/build.ninja" ] && ninja -C "$dir" build.ninja >"$log" 2>&1; }

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && usable; then
    rm -f "$log"
    exit 0
fi

same_place() { case $(cat "$stamp" 2>/dev/null || echo "$root |") in "$root |"*) true ;; *) false ;; esac; }

if [ -f "$dir/build.ninja" ] && same_place && meson setup --reconfigure "$dir" "$@" >"$log" 2>&1; then
    : # kept, with its objects
else
    if [ -d "$dir" ]; then
        # Only a folder that Meson made is removed.
        [ -d "$dir/meson-private" ] || [ -z "$(ls -A "$dir")" ] || {
            : >"$log"
            fail "$dir/ exists and is not a build folder; move it away and run this again"
        }
        echo "$dir/ cannot be used as it is: setting it up anew"
        rm -rf "$dir"
    fi
    meson setup "$dir" "$@" >"$log" 2>&1 || fail "meson setup $dir failed; its messages stand above"
fi
echo "$wanted" >"$stamp"
rm -f "$log"
