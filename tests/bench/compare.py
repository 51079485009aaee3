# SPDX-License-Identifier: MIT
"""Runs dcgan and the peers' programs in turn and prints tables of images/s or seconds, and memory.

Between two runs a loop of multiply-adds is timed, so that a machine whose speed changes meanwhile is noticed.
"""
import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

OURS = "Bobbin"
SEED = "28x28x1", 64  # image and width of the seed's networks
BF16_ISA = "avx512"  # of the environment's text where the processor has the instruction; others emulate
DATA = "/usr/share/datasets/fashion-mnist"


class Peer(NamedTuple):
    """Those in BF16 multiply in bf16, all others in f32."""
    name: str
    framework: str
    script: str  # with a folder: beside this file
    options: list
    takes_threads: bool = True


# The folder's programs train the seed's networks; ours train any, and generate.
STEPS = [
    Peer("PyTorch", "torch", "torch_step.py", []),
    Peer("PyTorch, channels-last", "torch", "torch_step.py", ["--channels-last"]),
    Peer("TensorFlow, one tf.function", "tensorflow", "keras_step.py", ["--mode", "function"]),
    Peer("tf.keras, the seed's calls", "tensorflow", "keras_step.py", ["--mode", "seed"]),
    Peer("JAX, one jit", "jax", "jax_step.py", [], takes_threads=False),
]
ANY_SHAPE = [
    Peer("PyTorch", "torch", "./peer_torch.py", []),
    Peer("PyTorch, channels-last", "torch", "./peer_torch.py", ["--channels-last"]),
    Peer("TensorFlow, one tf.function", "tensorflow", "./peer_tensorflow.py", []),
]
BF16 = [
    Peer("PyTorch, channels-last, bf16 autocast", "torch", "torch_step.py", ["--channels-last", "--bf16"]),
]
GENERATING = ANY_SHAPE + [
    Peer("PyTorch, channels-last, compiled", "torch", "./peer_torch.py", ["--channels-last", "--compile"]),
    Peer("TensorFlow, one tf.function, XLA", "tensorflow", "./peer_tensorflow.py", ["--jit"]),
]


def run(command, cpus=None, stopping=False):
    """Output, peak memory in bytes and start of a program. It is held to the first `cpus` processors; when
    `stopping`, SIGINT waits for it from its start on."""
    def prepare():
        if cpus:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cpus])
        if stopping:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job inherits a shell's wish to ignore it
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            os.kill(os.getpid(), signal.SIGINT)

    with tempfile.TemporaryFile() as errors:
        started = time.time()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, preexec_fn=prepare)
        output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != (130 if stopping else 0):
            errors.seek(0)
            sys.exit(f"compare: {' '.join(map(str, command))} returned {process.returncode}:\n"
                     f"{errors.read().decode()[-2000:]}")
    return output, 1024 * usage.ru_maxrss, started


class Case(NamedTuple):
    threads: int
    images: int  # of an iteration
    image: str
    width: int

    def __str__(self):
        text = f"{self.threads} threads, {self.images} images an iteration"
        return text if (self.image, self.width) == SEED else f"{text} of {self.image}, width {self.width}"


class Contest:
    """All measurements of one case."""
    unit, ascending = "images/s", False

    def __init__(self, case, arguments):
        self.case, self.arguments = case, arguments
        self.python = dict(word.split("=", 1) for word in arguments.python)
        self.peers = [peer for peer in self.find_peers() if peer.framework in self.python]
        self.values = {name: [] for name in [OURS] + [peer.name for peer in self.peers]}
        self.memory = dict.fromkeys(self.values, 0)
        self.version = {}
        self.fma = []

    def bench(self, *options):
        command = [self.arguments.program, "bench", "--json", "--threads", str(self.case.threads), *options]
        output, memory, _ = run(command)
        return json.loads(output), memory

    def time_fma(self):
        found, _ = self.bench("--what", "fma", "--iterations", "5")
        self.fma.append(found["fma_gflops"]["median"])

    def note(self, name, value, memory, version):
        self.values[name].append(value)
        self.memory[name] = max(self.memory[name], memory)
        self.version[name] = version
        print(f"{self.case}: {name}: {value:.4g} {self.unit}, FMA loop {self.fma[-1]:.0f} GFLOP/s",
              file=sys.stderr)

    def shape(self):
        return ["--image", self.case.image, "--width", str(self.case.width)]

    def run_peer(self, peer, *options):
        """Its output, peak memory, version and milliseconds."""
        folder = Path(__file__).parent if peer.script.startswith("./") else Path(self.arguments.scripts)
        command = [self.python[peer.framework], str(folder / peer.script), *peer.options, *options]
        if peer.takes_threads:
            command += ["--threads", str(self.case.threads)]
        output, memory, _ = run(command, None if peer.takes_threads else self.case.threads)
        found = re.search(r"^(\S+ \S+) .*?([0-9.]+) ms/iter", output, re.MULTILINE)
        if not found:
            sys.exit(f"compare: {peer.script} printed no 'ms/iter': {output}")
        return output, memory, found[1], float(found[2])

    def condition(self):
        """What the heading says besides the case."""
        return ""

    def unfair(self):
        """Why a ratio would mislead, or nothing."""
        return ""

    def play_round(self):
        self.time_fma()
        self.time_ours()
        for peer in self.peers:
            self.time_fma()
            self.time_peer(peer)

    def row(self, head, values, memory, what):
        numbers = " | ".join(f"{number:.4g}" for number in (statistics.median(values), min(values), max(values)))
        print(f"| {head} | {numbers} | {memory} | {what} |")

    def median(self, name):
        return statistics.median(self.values[name])

    def ranked(self, names):
        return sorted(names, key=self.median, reverse=not self.ascending)

    def print_table(self):
        print(f"\n{self.case}{self.condition()}\n")
        print(f"| {self.unit} | median | min | max | peak memory | version |\n|---|---|---|---|---|---|")
        for name in self.ranked(self.values):
            self.row(name, self.values[name], f"{1e-6 * self.memory[name]:.0f} MB", self.version[name])
        self.row("FMA loop, GFLOP/s", self.fma, "", "")
        unfair = self.unfair()
        if unfair:
            print(f"\nNo ratio: {unfair}")
        elif self.peers:
            best = self.ranked(peer.name for peer in self.peers)[0]
            print(f"\n{OURS} / {best}: {self.median(OURS) / self.median(best):.3g}")


class Training(Contest):
    """Iterations on made images, as fast as they go."""

    def find_peers(self):
        if self.arguments.precision == "bf16":
            return BF16
        return STEPS if (self.case.image, self.case.width) == SEED else ANY_SHAPE

    def time_ours(self):
        found, memory = self.bench("--batch", str(self.case.images),
                                   "--iterations", str(self.arguments.iters),
                                   "--precision", self.arguments.precision, *self.shape())
        self.note(OURS, found["images_per_second"]["median"], memory, found["environment"])

    def time_peer(self, peer):
        options = ["--batch", str(self.case.images), "--iters", str(self.arguments.iters)]
        _, memory, version, ms = self.run_peer(peer, *options, *(self.shape() if peer in ANY_SHAPE else []))
        self.note(peer.name, 1e3 * self.case.images / ms, memory, version)

    def condition(self):
        return ", --precision bf16" if self.arguments.precision == "bf16" else ""

    def unfair(self):
        environment = self.version[OURS]
        if self.arguments.precision == "f32" or f"bf16 products by {BF16_ISA}," in environment:
            return ""
        how = "emulated bf16 products" if "bf16 products by" in environment else "computed in f32"
        return (f"{OURS} {how}, since the processor has no instruction for bf16 products (AVX512-BF16), or "
                "AG_ISA forbids it")


class Generating(Contest):
    """The generator alone, the peers in their best size of chunk."""

    def find_peers(self):
        return GENERATING

    def time_ours(self):
        found, memory = self.bench("--what", "generate", "-n", str(self.case.images), "--iterations",
                                   str(self.arguments.iters), *self.shape())
        self.note(OURS, found["images_per_second"]["median"], memory, found["environment"])

    def time_peer(self, peer):
        _, memory, version, ms = self.run_peer(peer, "--what", "generate", "--images", str(self.case.images),
                                               "--iters", str(self.arguments.iters), *self.shape())
        self.note(peer.name, 1e3 * self.case.images / ms, memory, version)


class Starting(Contest):
    """From the start of the process to the end of the first training iteration, with all of Fashion-MNIST read.
    Ours is `dcgan train`, which saves its first model before; it is told to stop when it starts, does so after
    an iteration, and then begins the file of its last model, whose birth is what is taken."""
    unit, ascending = "s to the end of the first iteration", True

    def find_peers(self):
        return ANY_SHAPE

    def time_ours(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [self.arguments.program, "train", "--data", DATA, "-o", folder + "/run", "--epochs", "1",
                       "--batch", str(self.case.images), "--threads", str(self.case.threads)]
            _, memory, started = run(command, stopping=True)
            birth = float(subprocess.check_output(["stat", "-c", "%.6W", folder + "/run/model.safetensors"]))
        if birth < started:
            sys.exit("compare: the file system of the temporary folder does not keep when a file was born")
        self.note(OURS, birth - started, memory, "")

    def time_peer(self, peer):
        output, memory, version, _ = self.run_peer(peer, "--batch", str(self.case.images), "--iters", "1",
                                                   "--data", DATA + "/train-images-idx3-ubyte.gz")
        found = re.search(r"first iteration after ([0-9.]+) s", output)
        self.note(peer.name, float(found[1]), memory, version)


CONTESTS = {"train": Training, "generate": Generating, "start": Starting}


def case(text):
    found = re.fullmatch(r"([1-9]\d*):([1-9]\d*)(?::([1-9]\d*x[1-9]\d*x[1-9]\d*)(?::([1-9]\d*))?)?", text)
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' is not THREADS:IMAGES[:HxWxC[:WIDTH]], each a whole number from 1")
    return Case(int(found[1]), int(found[2]), found[3] or SEED[0], int(found[4] or SEED[1]))


def cases(text):
    return [case(word) for word in text.split()]


def parse():
    n = len(os.sched_getaffinity(0))
    presets = {"train": f"{n}:128 {n}:512 1:128 {n}:32 {n}:8", "generate": f"{n}:10000",
               "start": f"{n}:128"}
    parser = argparse.ArgumentParser(prog="compare.sh")
    parser.add_argument("scripts", nargs="?",
                        help="folder of the peers' programs that train the seed's networks")
    parser.add_argument("--what", choices=CONTESTS, default="train")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32",
                        help="of the products in training; with bf16 the peer is PyTorch alone")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iters", type=int, default=20,
                        help="iterations of a run; its rate is their median's")
    parser.add_argument("--cases", metavar="'THREADS:IMAGES[:HxWxC[:WIDTH]] ...'", type=cases,
                        help=f"IMAGES are those of an iteration; default: '{presets['train']}', "
                             f"for generating '{presets['generate']}', for starting '{presets['start']}'")
    parser.add_argument("--program", help="dcgan (default: build/apps/dcgan)")
    parser.add_argument("--default-program", help=argparse.SUPPRESS)
    parser.add_argument("--python", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--list-frameworks", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.iters < 1:
        parser.error(f"--rounds {arguments.rounds} --iters {arguments.iters}: both must be 1 or more")
    arguments.cases = arguments.cases or cases(presets[arguments.what])
    shapes = {(found.image, found.width) for found in arguments.cases}
    if arguments.what == "start" and shapes != {SEED}:
        parser.error("--what start: the images are Fashion-MNIST's")
    if arguments.precision == "bf16" and (arguments.what != "train" or shapes != {SEED}):
        parser.error("--precision bf16: only training of the seed's networks is compared in it")
    if arguments.what == "train" and SEED in shapes and not os.path.isdir(arguments.scripts or ""):
        parser.error(f"SCRIPTS={arguments.scripts or ''}: training the seed's networks needs the folder of the "
                     "peers' programs, torch_step.py and its siblings")
    arguments.program = arguments.program or arguments.default_program
    if not os.access(arguments.program or "", os.X_OK):
        parser.error(f"no program {arguments.program}: build it first, sh apps/run.sh --build-only")
    return arguments


def frameworks(arguments):
    """Those that take part in any of the cases."""
    contests = [CONTESTS[arguments.what](found, arguments) for found in arguments.cases]
    return sorted({peer.framework for contest in contests for peer in contest.find_peers()})


def main():
    arguments = parse()
    if arguments.list_frameworks:
        print(*frameworks(arguments))
        return
    if arguments.precision == "bf16":
        print(f"compare: bf16: only {BF16[0].name} takes part; other peers are left out", file=sys.stderr)
    for found in arguments.cases:
        contest = CONTESTS[arguments.what](found, arguments)
        for _ in range(arguments.rounds):
            contest.play_round()
        contest.print_table()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
