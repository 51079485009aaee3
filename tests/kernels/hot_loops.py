# SPDX-License-Identifier: MIT
"""Reads the disassembly of a library of kernels: the innermost loops of the convolutions' register tile.

    python3 hot_loops.py LIBRARY ROWS REGISTER MEMBER...

In each member (a source of the library) there must be, for each number of rows up to ROWS, an innermost loop of
2 x rows multiply-adds of whole registers (ymm, zmm). No innermost loop with multiply-adds may touch the stack with
a vector register: that would be a sum, or a factor, that the registers did not hold. Loops that call a function,
memcpy for a rest of lanes, are not hot.
"""
import re
import subprocess
import sys


def functions(library):
    """Yields (member, function, [(address, mnemonic, operands)])."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library], check=True, text=True,
                          capture_output=True).stdout
    member = function = None
    code = []
    for line in text.splitlines() + ["end.c.o:     file format"]:
        new_member = re.match(r"(?:.*/)?(\S+?)\.c\.o: +file format", line)
        new_function = re.match(r"[0-9a-f]+ <(.*)>:$", line)
        instruction = re.match(r" *([0-9a-f]+):\t(?:(?:cs|data16|notrack|rep) )*(\S+) *(.*)$", line)
        if instruction:
            code.append((int(instruction[1], 16), instruction[2], instruction[3]))
        elif new_member or new_function:
            if code:
                yield member, function, code
            code = []
            member = new_member[1] if new_member else member
            function = new_function[1] if new_function else None


def innermost_loops(code):
    """Bodies of backward jumps that hold no other body."""
    jumps = []
    for address, mnemonic, operands in code:
        target = re.match(r"([0-9a-f]+) <", operands)
        if mnemonic.startswith("j") and target and int(target[1], 16) <= address:
            jumps.append((int(target[1], 16), address))
    for start, end in jumps:
        if not any(start <= s and e <= end and (s, e) != (start, end) for s, e in jumps):
            yield [i for i in code if start <= i[0] <= end]


def main(library, rows, register, *members):
    sizes = {member: set() for member in members}
    faults = []
    for member, function, code in functions(library):
        frame = any(m == "mov" and o == "%rsp,%rbp" for _, m, o in code)
        stack = re.compile(r"\(%rsp|\(%rbp" if frame else r"\(%rsp")
        for body in innermost_loops(code) if member in sizes else []:
            products = [i for i in body if re.match(r"vfn?m(add|sub)\d+p[sd]$|vdpbf16ps$", i[1]) and register in i[2]]
            if not products or any(i[1].startswith("call") for i in body):
                continue
            sizes[member].add(len(products))
            faults += [f"{member}.c, {function}+{i[0]:#x}: {i[1]} {i[2]}, on the stack in a loop of {len(products)} "
                       "multiply-adds" for i in body if "mm" in i[2] and stack.search(i[2])]
    for member, found in sizes.items():
        missing = {2 * r for r in range(1, int(rows) + 1)} - found
        if missing:
            faults.append(f"{member}.c: no innermost loop of {sorted(missing)} multiply-adds with {register}, only of "
                          f"{sorted(found)}")
    print("\n".join(faults) or f"{sum(map(len, sizes.values()))} sizes of loops, no vector on the stack")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
