#!/bin/sh
# SPDX-License-Identifier: MIT
# Lists the tree's files of one kind, relative to its root, which is the current folder: code (C sources, headers and
# the tables they include), or text (code, build files, scripts and pages).
set -eu

code="-name *.c -o -name *.h -o -name *.def"
text="$code -o -name *.in -o -name *.sh -o -name *.awk -o -name *.py -o -name meson.build -o -name *.md"

# The lists above are to be split into words, but not to be matched with files here.
set -f
# shellcheck disable=SC2086
case $1 in
code) find autograd nn models apps tests \( $code \) -type f ;;
text)
    find autograd nn models apps tests \( $text \) -type f
    for file in meson.build meson_options.txt README.md CHANGELOG.md LICENSE .ci/run .clang-format .editorconfig; do
        if [ -f $file ]; then echo $file; fi
    done
    ;;
*) exit 2 ;;
esac | sort
