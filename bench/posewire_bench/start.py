"""From the command to the first published pose, warm and with an empty Numba cache.

    python -m posewire_bench.start [--model NAME]

Measured from outside, by a subscriber that waits before the command is started.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import zmq

from posewire_bench.program import COMMAND, machine


def seconds_to_first_pose(model: str, **environment: str) -> float:
    """Start `posewire run --model MODEL` and wait for its first pose message."""
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        with context.socket(zmq.PUB) as probe:
            endpoint = f"tcp://127.0.0.1:{probe.bind_to_random_port('tcp://127.0.0.1')}"
        socket.subscribe("pose/")
        socket.set(zmq.RECONNECT_IVL, 10)
        socket.connect(endpoint)
        begun = time.perf_counter()
        process = subprocess.Popen(
            [*COMMAND, "run", "--model", model, "--publish", endpoint, "--wait-subscribers", "1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        try:
            if not socket.poll(120_000):
                raise RuntimeError("no pose within 120 s")
            return time.perf_counter() - begun
        finally:
            process.terminate()
            process.wait(20)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="synthetic-animal")
    model = parser.parse_args().model
    with tempfile.TemporaryDirectory() as folder:
        cold = seconds_to_first_pose(model, NUMBA_CACHE_DIR=folder)
        warm = [seconds_to_first_pose(model, NUMBA_CACHE_DIR=folder) for _ in range(5)]
    sys.stdout.write(json.dumps({"machine": machine(), "cold_s": cold, "warm_s": warm}) + "\n")


if __name__ == "__main__":
    main()
