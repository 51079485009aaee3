#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's GAN variant, put into a copy of the tree with its one list entry, builds and trains 20 iterations.
#   sh variant.sh TREE
set -eu

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cd "$1"
tar cf - autograd nn models apps meson.build meson_options.txt README.md | tar xf - -C "$copy"
cd "$copy"
awk '/^```c$/ { block = ""; inside = 1; next }
     /^```$/ { if (inside && block ~ /gan_hinge/) { printf "%s", block; exit } inside = 0 }
     inside { block = block $0 "\n" }' README.md >models/gans/hinge.c
[ -s models/gans/hinge.c ] || { echo "README.md:1: no variant named hinge"; exit 1; }
sed -i "s/^gan_names = \[/&'hinge', /" models/meson.build

meson setup build -Dbuildtype=debugoptimized -Dtests=false >setup.log 2>&1 || { cat setup.log; exit 1; }
ninja -C build --quiet apps/dcgan
build/apps/dcgan train --help | grep -q hinge || { echo "--help does not name the variant"; exit 1; }
build/apps/dcgan train --gan hinge --limit-images 640 --batch 64 --epochs 2 -o run
[ "$(wc -l <run/log.csv)" -eq 3 ] || { echo "log.csv has not a head and two epochs:"; cat run/log.csv; exit 1; }
awk -F, 'NR > 1 && !($2 == 10 * (NR - 1) && $3 + 0 == $3 && $4 + 0 == $4) { print "log.csv:" NR ": " $0; bad = 1 } END { exit bad }' run/log.csv
