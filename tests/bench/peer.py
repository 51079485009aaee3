# SPDX-License-Identifier: MIT
"""What the peers, a file for each framework, have in common: options, real images, the clock, and what is printed.

An iteration is the seed's training iteration (two Adam steps of D, one of G), or with `--what generate` the
drawing of `--images` images from fresh z, as bytes, in chunks of that size of `--chunks` that was fastest.
"""
import argparse
import gzip
import os
import statistics
import time

import numpy as np

Z = 100
WARM_UP = 3  # iterations, or for generating chunks, that are not counted


def shape(text):
    h, w, c = (int(number) for number in text.split("x"))
    return h, w, c


def parse(*flags):
    """Options; `flags` are the framework's own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--what", choices=["train", "generate"], default="train")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--images", type=int, default=10000, help="of an iteration of --what generate")
    parser.add_argument("--chunks", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--iters", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--image", type=shape, default=shape("28x28x1"), metavar="HxWxC")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--data", help="IDX.gz file to draw real images from; default: one random batch")
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def batches(arguments):
    """A function that gives the next real batch, [n,h,w,c] in [-1,1]."""
    h, w, c = arguments.image
    if not arguments.data:
        batch = np.random.uniform(-1, 1, (arguments.batch, h, w, c)).astype("float32")
        return lambda: batch
    with gzip.open(arguments.data) as file:
        images = np.frombuffer(file.read(), "uint8", offset=16).reshape(-1, h, w, c)

    def draw():
        chosen = images[np.random.randint(len(images), size=arguments.batch)]
        return (chosen.astype("float32") - 127.5) / 127.5
    return draw


def since_start():
    """Seconds since this process was started."""
    with open("/proc/self/stat", encoding="ascii") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def seconds(body, *arguments):
    start = time.perf_counter()
    body(*arguments)
    return time.perf_counter() - start


def fastest_chunk(arguments, draw):
    """The best size of chunk, each warmed up, and the iteration in chunks of it; draw(n) makes n images."""
    def iteration(chunk):
        for first in range(0, arguments.images, chunk):
            draw(min(chunk, arguments.images - first))

    def time_chunk(chunk):
        for n in [chunk] * WARM_UP + [arguments.images % chunk or chunk]:
            draw(n)
        return seconds(iteration, chunk)
    chunk = min(arguments.chunks, key=time_chunk)
    return chunk, lambda: iteration(chunk)


def report(name, arguments, train=None, draw=None):
    """Times and prints; name is "FRAMEWORK VERSION"."""
    if arguments.what == "generate":
        chunk, iteration = fastest_chunk(arguments, draw)
        what, n = f"generate, chunks of {chunk}", arguments.images
    else:
        train()
        print(f"first iteration after {since_start():.3f} s")
        for _ in range(WARM_UP - 1):
            train()
        iteration, what, n = train, "train", arguments.batch
    median = statistics.median(seconds(iteration) for _ in range(arguments.iters))
    print(f"{name} {what}, {n} images: {1e3 * median:.1f} ms/iter, {n / median:.0f} images/s")
