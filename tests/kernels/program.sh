#!/bin/sh
# SPDX-License-Identifier: MIT
# Training iterations of the program on a processor that qemu emulates, and the kernels that it must choose there.
#   sh program.sh PROGRAM CPU ISA
set -eu

# The program would set these and start itself again, outside the emulator.
export OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive
# Who has chosen OpenBLAS's kernels has chosen them for the processor that is there.
unset OPENBLAS_CORETYPE
output=$(qemu-x86_64 -cpu "$2" "$1" bench --batch 1 --iterations 1 --threads 1)
echo "$output"
case $output in
*", $3, "*) ;;
*)
    echo "the program did not choose $3"
    exit 1
    ;;
esac
