# SPDX-License-Identifier: MIT
"""Runs `dcgan bench` and the peers' programs in turn and prints tables of images/s and memory; see compare.sh.

Between two runs a loop of multiply-adds is timed, so that a machine whose speed changes meanwhile is noticed.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

OURS = "Bobbin"

# Name, interpreter, program, its options, whether it takes --threads. All compute in f32.
PEERS = [
    ("PyTorch", "torch", "torch_step.py", [], True),
    ("PyTorch, channels-last", "torch", "torch_step.py", ["--channels-last"], True),
    ("TensorFlow, one tf.function", "tensorflow", "keras_step.py", ["--mode", "function"], True),
    ("tf.keras, the seed's calls", "tensorflow", "keras_step.py", ["--mode", "seed"], True),
    ("JAX, one jit", "jax", "jax_step.py", [], False),
]


def run(command, cpus=None):
    """Output and peak memory in bytes of a program, which is held to the first `cpus` processors."""
    def hold():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cpus])

    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, preexec_fn=hold if cpus else None)
        output = process.stdout.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            sys.exit(f"compare: {' '.join(map(str, command))} returned {process.returncode}:\n"
                     f"{errors.read().decode()[-2000:]}")
    return output, 1024 * usage.ru_maxrss


class Contest:
    """All measurements of one number of threads and one batch size."""

    def __init__(self, threads, batch, arguments, python):
        self.threads, self.batch, self.arguments = threads, batch, arguments
        self.peers = [peer for peer in PEERS if peer[1] in python]
        self.python = python
        self.rates = {name: [] for name in [OURS] + [peer[0] for peer in self.peers]}
        self.memory = dict.fromkeys(self.rates, 0)
        self.version = {}
        self.fma = []

    def bench(self, *options):
        output, memory = run([self.arguments.program, "bench", "--json", "--threads", str(self.threads), *options])
        return json.loads(output), memory

    def time_fma(self):
        found, _ = self.bench("--what", "fma", "--iterations", "5")
        self.fma.append(found["fma_gflops"]["median"])

    def note(self, name, rate, memory):
        self.rates[name].append(rate)
        self.memory[name] = max(self.memory[name], memory)
        print(f"{self.threads} threads, batch {self.batch}: {name}: {rate:.1f} images/s, FMA loop "
              f"{self.fma[-1]:.0f} GFLOP/s", file=sys.stderr)

    def time_ours(self):
        found, memory = self.bench("--batch", str(self.batch), "--iterations", str(self.arguments.iters))
        self.version[OURS] = found["environment"]
        self.note(OURS, found["images_per_second"]["median"], memory)

    def time_peer(self, name, framework, script, options, takes_threads):
        command = [self.python[framework], str(Path(self.arguments.scripts) / script), "--batch", str(self.batch),
                   "--iters", str(self.arguments.iters), *options]
        if takes_threads:
            command += ["--threads", str(self.threads)]
        output, memory = run(command, None if takes_threads else self.threads)
        found = re.search(r"^(\S+ \S+) .*?([0-9.]+) ms/iter", output, re.MULTILINE)
        if not found:
            sys.exit(f"compare: {script} printed no 'ms/iter': {output}")
        self.version[name] = found[1]
        self.note(name, 1e3 * self.batch / float(found[2]), memory)

    def play_round(self):
        self.time_fma()
        self.time_ours()
        for peer in self.peers:
            self.time_fma()
            self.time_peer(*peer)

    def print_table(self):
        def row(head, values, memory, what):
            print(f"| {head} | {statistics.median(values):.0f} | {min(values):.0f} | {max(values):.0f} | {memory} "
                  f"| {what} |")

        print(f"\n{self.threads} threads, batch {self.batch}\n")
        print("| images/s | median | min | max | peak memory | version |\n|---|---|---|---|---|---|")
        for name, rates in sorted(self.rates.items(), key=lambda item: -statistics.median(item[1])):
            row(name, rates, f"{1e-6 * self.memory[name]:.0f} MB", self.version[name])
        row("FMA loop, GFLOP/s", self.fma, "", "")
        if self.peers:
            best = max((peer[0] for peer in self.peers), key=lambda name: statistics.median(self.rates[name]))
            ratio = statistics.median(self.rates[OURS]) / statistics.median(self.rates[best])
            print(f"\n{OURS} / {best}: {ratio:.2f}")


def pair(text):
    threads, batch = (int(number) for number in text.split(":"))
    if threads < 1 or batch < 1:
        raise ValueError(text)
    return threads, batch


def cases(text):
    return [pair(word) for word in text.split()]


def parse():
    all_threads = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog="compare.sh")
    parser.add_argument("scripts", help="folder of the peers' programs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--iters", type=int, default=20, help="iterations of a run; its rate is their median's")
    parser.add_argument("--cases", type=cases, metavar="'THREADS:BATCH ...'",
                        default=cases(f"{all_threads}:128 {all_threads}:512 1:128 {all_threads}:8"))
    parser.add_argument("--program", help="dcgan (default: build/apps/dcgan)")
    parser.add_argument("--default-program", help=argparse.SUPPRESS)
    parser.add_argument("--python", action="append", default=[], metavar="PEER=INTERPRETER")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.iters < 1:
        parser.error("--rounds and --iters must be 1 or more")
    arguments.program = arguments.program or arguments.default_program
    if not os.access(arguments.program or "", os.X_OK):
        parser.error(f"no program {arguments.program}: build it first, sh apps/run.sh --build-only")
    return arguments


def main():
    arguments = parse()
    python = dict(word.split("=", 1) for word in arguments.python)
    for threads, batch in arguments.cases:
        contest = Contest(threads, batch, arguments, python)
        for _ in range(arguments.rounds):
            contest.play_round()
        contest.print_table()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
