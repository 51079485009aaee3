# SPDX-License-Identifier: MIT
"""Named arrays with a note per case, written as one safetensors file under data/: what all generators share."""

import json
import os
import platform
import zlib
from importlib.metadata import version

import numpy as np
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
SUFFIX = {"float64": "f64", "float32": "f32"}


def rng(case):
    """A stream of its own for every case, so that adding a case moves no other one."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(case.encode())))


def normal(stream, shape, scale=1.0, shift=0.0):
    """Normal numbers that float32 holds exactly: both precisions start from the same values."""
    return np.float32(shift + scale * stream.standard_normal(shape)).astype(np.float64)


def optimizer_inputs(n_steps=10):
    """w, and gradients of every size around the epsilons, one of them 0 throughout, one only now and then not 0."""
    stream = rng("optimizers")
    size = 10.0 ** np.array([-10, -9, -8, -7, -6, -4, -2, 0, 1, 3, 0, 0])
    g = np.float32(stream.standard_normal((n_steps, 12)) * size).astype(np.float64)
    g[:, 10] = 0
    g[1::2, 11] = 0
    return normal(stream, (3, 4), 0.5), g.reshape(n_steps, 3, 4)


def packages(*names):
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


class Cases:
    """The arrays of one data file, "case/array", all of one dtype."""

    def __init__(self, group, dtype, versions):
        self.path = os.path.join(HERE, "data", f"{group}_{SUFFIX[dtype]}.safetensors")
        self.dtype, self.arrays, self.notes = dtype, {}, {"versions": versions}

    def cast(self, array):
        return np.asarray(array, dtype=self.dtype)

    def add(self, case, note, **arrays):
        """Copies, since the optimizers write on into the arrays handed over here; a single number becomes [1]."""
        self.notes[case] = note
        for name, array in arrays.items():
            self.arrays[f"{case}/{name}"] = np.array(array, dtype=self.dtype, order="C", ndmin=1)

    def save(self):
        """One metadata entry of sorted JSON: several entries would come out in a random order."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        save_file(self.arrays, self.path, metadata={"golden": json.dumps(self.notes, sort_keys=True)})
        print(f"{os.path.basename(self.path)}: {len(self.arrays)} arrays, {os.path.getsize(self.path)} bytes")


def write_versions(script, versions):
    """One line per generator in VERSIONS; running one leaves the others' lines as they are."""
    path = os.path.join(HERE, "VERSIONS")
    lines = {}
    if os.path.exists(path):
        with open(path, encoding="ascii") as file:
            lines = dict(line.rstrip("\n").split(": ", 1) for line in file)
    lines[script] = ", ".join(f"{name} {number}" for name, number in versions.items())
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{name}: {text}\n" for name, text in sorted(lines.items()))
