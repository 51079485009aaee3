#!/bin/sh
# SPDX-License-Identifier: MIT
# Reads every file of a kind with the rules of an awk program, which prints each breach as file:line: rule and exits
# with 1 if there was one.
#   sh rules.sh ROOT RULES.awk KIND
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$1"
sh "$here/sources.sh" "$3" | xargs awk -f "$2"
