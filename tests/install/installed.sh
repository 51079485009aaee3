#!/bin/sh
# SPDX-License-Identifier: MIT
# A program outside the tree compiles, links and runs with what is installed, knowing only pkg-config's name "bobbin".
#   sh installed.sh BUILD COMPILER SOURCE
set -eu

build=$1
compiler=$2
source=$3
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

DESTDIR=$place meson install -C "$build" --no-rebuild --quiet
description=$(find "$place" -name bobbin.pc)
PKG_CONFIG_PATH=$(dirname "$description")
export PKG_CONFIG_PATH
cd "$place"
# The files lie under $place instead of at the prefix they were made for.
flags=$(pkg-config --define-variable=prefix="$place$(pkg-config --variable=prefix bobbin)" --cflags --libs bobbin)
# shellcheck disable=SC2086
$compiler -std=gnu17 -Wall -Wextra -Werror "$source" -o program $flags
LD_LIBRARY_PATH=$(dirname "$(find "$place" -name 'libbobbin.so')")
export LD_LIBRARY_PATH
./program
