#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian packages that the build and the program need, and with the word "tests" those of the tests as
# well. Only what is missing is installed; when nothing is, the network is not touched and nothing is printed.
#   sh apps/setup.sh [tests]
set -eu

packages="gcc libc6-dev meson ninja-build pkg-config libopenblas-pthread-dev libsleef-dev libpng-dev \
librandom123-dev libjansson-dev libisal-dev libxxhash-dev libcairo2-dev dataset-fashion-mnist"
test_packages="libcriterion-dev zlib1g-dev clang libomp-dev clang-format qemu-user gcc-aarch64-linux-gnu \
libc6-dev-arm64-cross"

fail() {
    echo "setup: $1" >&2
    exit 1
}

case ${1-} in
'') ;;
tests) packages="$packages $test_packages" ;;
*) fail "unknown argument '$1'; the only one is 'tests'" ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this is not a Debian system (no dpkg-query or apt-get); install the equivalents of $packages, then build with meson"
fi

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) || status=
    [ "$status" = 'install ok installed' ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "installing$missing needs root, and there is no sudo; run this once as root"
    as_root=sudo
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
        apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1 </dev/null && return
    tail -n 20 "$log" >&2
    fail "apt-get $1 failed; its last lines stand above"
}

echo "Installing from Debian:$missing"
apt update
# shellcheck disable=SC2086
apt install --no-install-recommends $missing
