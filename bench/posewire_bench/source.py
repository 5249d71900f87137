"""How fast a source delivers frames, alone on one thread.

python -m posewire_bench.source [SPEC] [--frames N]
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import cv2
import numpy as np

from posewire.sources import open_source
from posewire_bench.program import machine


def frames_per_second(spec: str, frames: int) -> float:
    """Frames per second of processor time of this thread's process, after the first ten frames."""
    cv2.setNumThreads(1)
    source = open_source(spec)
    info = source.open()
    buffer = np.empty((info.height, info.width, 3), np.uint8)
    for _ in range(10):
        source.read(buffer)
    begun = time.process_time()
    count = 0
    while count < frames and source.read(buffer) is not None:
        count += 1
    spent = time.process_time() - begun
    source.close()
    return count / spent


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", nargs="?", default="synthetic")
    parser.add_argument("--frames", type=int, default=1000)
    arguments = parser.parse_args()
    result = {
        "machine": machine(),
        "spec": arguments.spec,
        "frames_per_cpu_second": frames_per_second(arguments.spec, arguments.frames),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
