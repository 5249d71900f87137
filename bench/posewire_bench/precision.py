"""How much faster one model file runs than another: rounds of both in turn, on the CPU, as the runtime runs them.

    python -m posewire_bench.precision FP32 INT8 [--size 256x256] [--threads 2] [--rounds 31] [--busy N] [--image FILE]

Each round runs both networks ``--runs`` times in a row and takes the median of each; the ratio of the two is that
round's. ``ratio`` is the median over rounds, with the 95 % interval of that median; ``ratio_of_fastest`` compares the
fastest single runs, which a busy neighbour disturbs least. ``--busy`` starts processes that each keep a core busy.
8-bit networks want VNNI: ``vnni`` lists what the processor says of it.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from posewire.frame import Image
from posewire.session import Network, load_model, open_network
from posewire_bench.awake import ended_afterwards
from posewire_bench.program import machine
from posewire_models.phantom import Scene
from posewire_training.images import read_image


def compared(first: str, second: str, image: Image, threads: int, rounds: int, runs: int) -> dict[str, Any]:
    """Milliseconds of two models on one frame, uint8 ``[h, w, 3]`` BGR, and how much faster the second one is."""
    networks = [_network(name, image, threads) for name in (first, second)]
    medians: list[list[float]] = [[], []]
    fastest = [math.inf, math.inf]
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            times = _milliseconds(networks[which], runs)
            medians[which].append(statistics.median(times))
            fastest[which] = min(fastest[which], *times)
    ratios = [a / b for a, b in zip(*medians, strict=True)]
    return {
        "models": [first, second],
        "size": [image.shape[1], image.shape[0]],
        "threads": threads,
        "rounds": rounds,
        "median_ms": [statistics.median(times) for times in medians],
        "fastest_ms": fastest,
        "ratio": statistics.median(ratios),
        "ratio_interval": median_interval(ratios),
        "ratio_of_fastest": fastest[0] / fastest[1],
    }


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a median by order statistics (widest at few values: all of them)."""
    count, ordered = len(values), sorted(values)
    below, rank = 0.0, 0
    while rank < count // 2 and (below := below + math.comb(count, rank) / 2**count) <= 0.025:
        rank += 1
    first = max(0, rank - 1)
    return ordered[first], ordered[count - 1 - first]


def vnni() -> list[str] | None:
    """The processor's flags for 8-bit dot products; None where it does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), None)
    return None if flags is None else sorted(flag for flag in flags if "vnni" in flag or flag == "amx_int8")


def _network(name: str, image: Image, threads: int) -> Network:
    model = load_model(name)
    network = open_network(model, image.shape[1], image.shape[0], "cpu", threads)
    seen = image[..., ::-1] if model.contract.color == "rgb" else image
    network.frames[0] = seen if model.contract.channels == 3 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    return network


def _milliseconds(network: Network, runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        begun = time.perf_counter_ns()
        network.run()
        times.append((time.perf_counter_ns() - begun) / 1e6)
    return times


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Processes that do nothing but count."""
    with ended_afterwards([subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]):
        yield


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--size", default="256x256", help="network input, WIDTHxHEIGHT")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--image", type=Path, help="a frame of your own; default: a drawn one")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    image = read_image(arguments.image) if arguments.image else Scene(640, 480).draw(0).image
    frame = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    with _busy(arguments.busy):
        result = compared(arguments.first, arguments.second, frame, arguments.threads, arguments.rounds, arguments.runs)
    where = {"machine": machine(), "vnni": vnni(), "busy": arguments.busy}
    sys.stdout.write(json.dumps({**where, **result}) + "\n")


if __name__ == "__main__":
    main()
