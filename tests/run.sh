#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what is missing, then builds three times: as users get it (gcc, release; every test runs), with clang, and with
# the address and undefined behaviour sanitizers (the quick tests run). Ends with the total; exits with 1 if a test
# failed, was skipped or left a sanitizer's report, or a build failed or gave a warning.
#   sh tests/run.sh
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
sh apps/setup.sh tests
export OPENBLAS_NUM_THREADS=1 CRITERION_JOBS=1

passed=0
failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

step() { printf '\n== %s\n' "$1"; }
broken() {
    echo "FAILED: $1"
    failed=$((failed + 1))
}

# build DIR COMPILER OPTIONS...: the product and all test programs; a warning is a failure. A folder that holds objects
# compiled with warnings is emptied first, since Ninja would not show them again.
build() {
    dir=$1
    compiler=$2
    shift 2
    if [ -e "$dir/warnings" ]; then
        ninja -C "$dir" -t clean >/dev/null
        rm "$dir/warnings"
    fi
    if ! CC=$compiler sh apps/build.sh "$dir" 'all meson-test-prereq tests/planted_leak' "$@" -Dtests=true; then
        broken "the build in $dir"
        return 1
    fi
    if [ -e "$dir/warnings" ]; then
        cat "$dir/warnings"
        broken "the build in $dir gave warnings; they stand above"
    fi
}

# How many tests Meson's summary counts under the headings given as a pattern.
counted() { sed -n -E "s/^($1): +([0-9]+) *$/\2/p" "$scratch/output" | awk '{ n += $1 } END { print n + 0 }'; }

# run_tests DIR PATIENCE ARGUMENTS...: runs them two at a time, with time limits PATIENCE times as long as in a quiet tree,
# and adds to the total. What Meson calls skipped did not run and counts as failed, and so does a run without a single test.
run_tests() {
    dir=$1
    patience=$2
    shift 2
    { meson test -C "$dir" --no-rebuild --num-processes 2 --timeout-multiplier "$patience" --print-errorlogs "$@" 2>&1 &&
        : >"$scratch/succeeded"; } | tee "$scratch/output"
    good=$(counted 'Ok|Expected Fail')
    bad=$(counted 'Fail|Unexpected Pass|Skipped|Timeout')
    passed=$((passed + good))
    failed=$((failed + bad))
    [ $((good + bad)) -gt 0 ] || broken "meson test in $dir ran nothing"
    [ -e "$scratch/succeeded" ] || [ "$bad" -gt 0 ] || broken "meson test in $dir"
    rm -f "$scratch/succeeded"
}

# The sanitizers write each report to a file of its own: a leak is found after Criterion has reported the test's success,
# and then changes no exit code.
reports=$root/build-sanitize/reports
sanitizer_options() {
    # gcc before 14 aligns the frames of this check to 32 bytes, and AVX-512's vectors fault there (gcc's bug 110027).
    after_return=1
    if grep -qw avx512f /proc/cpuinfo; then after_return=0; fi
    export ASAN_OPTIONS="log_path=$reports/address:detect_leaks=1:detect_stack_use_after_return=$after_return:strict_string_checks=1"
    export UBSAN_OPTIONS="log_path=$reports/undefined:print_stacktrace=1"
}

check_reports() {
    for report in "$reports"/*; do
        [ -e "$report" ] || continue
        sed 40q "$report"
        broken "a sanitizer's report, $report"
    done
}

step 'gcc, release: all tests'
if build build gcc -Dbuildtype=release; then run_tests build 2; fi

step 'clang: no warnings'
build build-clang clang -Dbuildtype=debug || true

step 'gcc, address and undefined behaviour sanitizers: quick tests'
if build build-sanitize gcc -Dbuildtype=debugoptimized \
    -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all; then
    rm -rf "$reports"
    mkdir "$reports"
    sanitizer_options
    build-sanitize/tests/planted_leak >"$scratch/planted" 2>&1 || true
    if grep -q 'detected memory leaks' "$reports"/* 2>/dev/null; then
        rm -f "$reports"/*
        run_tests build-sanitize 5 --suite quick
        check_reports
    else
        cat "$scratch/planted"
        broken 'the sanitizers did not report a planted leak'
    fi
fi

printf '\n%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
