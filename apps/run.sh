#!/bin/sh
# SPDX-License-Identifier: MIT
# From a bare Debian to a trained generator: installs what is missing, builds, and runs the program.
#   sh apps/run.sh                      train 3 epochs on Fashion-MNIST
#   sh apps/run.sh --build-only         stop after the build
#   sh apps/run.sh train --epochs 36    any other arguments go to the program; relative paths are the caller's
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
program=$root/build/apps/dcgan

# Says what it does on the error stream: the output belongs to the program.
build() {
    sh "$root/apps/setup.sh"
    # Only the program: Meson's `all` has the tests' programs in it, which the folder knows for `meson test`.
    if pkg-config --exists criterion; then tests=true; else tests=false; fi
    [ -x "$program" ] || echo "Building (a minute or two) ..."
    sh "$root/apps/build.sh" build apps/dcgan -Dbuildtype=release -Dtests=$tests
} >&2

train_first() {
    run=$root/runs/$(date +%Y-%m-%d-%H%M%S)
    "$program" train --epochs 3 -o "$run"
    cat <<END

Pictures: $run/fakes-e0000.png to fakes-e0002.png; the data are in reals.png
Model:    $run/model.safetensors
Log:      $run/log.csv
Go on:    sh $root/apps/run.sh resume $run --epochs 36
Draw:     sh $root/apps/run.sh generate --model $run --grid 8x8 -o clothes.png
END
}

build
case ${1-} in
'') train_first ;;
--build-only) echo "Built $program" ;;
*) exec "$program" "$@" ;;
esac
