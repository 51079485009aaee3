#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a command if the tools that stand before it are there; else the test is skipped, with the tool's name. run.sh
# installs the tools and counts what is skipped as failed.
#   sh with.sh TOOL... -- COMMAND [ARGUMENT...]
set -eu

while [ "$1" != -- ]; do
    if ! command -v "$1" >/dev/null; then
        echo "skipped: $1 is not installed; sh apps/setup.sh tests does that"
        exit 77
    fi
    shift
done
shift
exec "$@"
