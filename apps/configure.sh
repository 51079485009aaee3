#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes sure that a Meson build folder exists, belongs to this tree, and has the options given; a folder that cannot be
# used (half made, moved here, of another compiler or Meson) is set up anew. When all is well it does nothing.
#   sh apps/configure.sh DIR [-Doption=value ...]      DIR relative to the tree; CC chooses the compiler, gcc by default
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$1
shift
cd "$root"
export CC="${CC:-gcc}"

# A file in the folder says what it was set up for: line 1 what cannot be changed later, line 2 the options.
stamp=$dir/configured
maker="$root, $CC, meson $(meson --version)"
options=$*
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fail() {
    cat "$log" >&2
    echo "configure: $1" >&2
    exit 1
}

recorded() { sed -n "$1p" "$stamp" 2>/dev/null; }

# Ninja also runs Meson again if a meson.build has changed.
ready() {
    [ "$(recorded 1)" = "$maker" ] && [ "$(recorded 2)" = "$options" ] && [ -f "$dir/build.ninja" ] &&
        ninja -C "$dir" build.ninja >"$log" 2>&1
}

# Keeps the objects of a folder, also of one that was made by hand and so has no record.
adapt() {
    [ -f "$dir/build.ninja" ] && { [ ! -e "$stamp" ] || [ "$(recorded 1)" = "$maker" ]; } &&
        meson setup --reconfigure "$dir" "$@" >"$log" 2>&1
}

make_anew() {
    if [ -d "$dir" ] && [ -n "$(ls -A "$dir")" ]; then
        : >"$log"
        [ -d "$dir/meson-private" ] || fail "$dir/ is in the way and is no build folder; move it and run this again"
        echo "$dir/ cannot be used as it is: setting it up anew"
        rm -rf "$dir"
    fi
    meson setup "$dir" "$@" >"$log" 2>&1 || fail "meson setup $dir failed; its messages stand above"
}

ready && exit 0
adapt "$@" || make_anew "$@"
printf '%s\n%s\n' "$maker" "$options" >"$stamp"
