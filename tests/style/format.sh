#!/bin/sh
# SPDX-License-Identifier: MIT
# Every C source is as clang-format 14, Debian 12's, writes it.
#   sh format.sh ROOT
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
tool=$(command -v clang-format-14 || command -v clang-format) || {
    echo "clang-format is not installed: run sh apps/setup.sh tests"
    exit 1
}
sh "$here/sources.sh" code | grep '\.[ch]$' | xargs "$tool" --dry-run --Werror
