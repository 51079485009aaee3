#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds targets in a Meson build folder that belongs to this tree and has the options given; a folder that cannot be used
# (half made, moved here, of another compiler or Meson) is set up anew. It is silent when nothing is to be said; compiler
# warnings go to the file `warnings` in the folder.
#   sh apps/build.sh DIR TARGETS [-Doption=value ...]      DIR relative to the tree; CC is the compiler, gcc by default
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
dir=$1
targets=$2
shift 2
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
    echo "build: $1" >&2
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

compile() {
    built=true
    # shellcheck disable=SC2086
    ninja -C "$dir" --quiet $targets >"$log" 2>&1 || built=false
    if grep -q 'warning:' "$log"; then cat "$log" >>"$dir/warnings"; fi
    $built || fail "the build in $dir/ failed; the first error stands above"
}

if ! ready; then
    adapt "$@" || make_anew "$@"
    printf '%s\n%s\n' "$maker" "$options" >"$stamp"
fi
compile
