"""How long decoding takes: maps of many animals, peaks and linking apart.

    python -m posewire_bench.decode [--animals 20] [--keypoints 15] [--cells 128] [--calls 3000]

Exact targets of drawn animals, with noise below the threshold everywhere. Also tells resident memory after a tenth of
the calls and at the end, and what Numba's runtime holds, which Python's own tracer does not see.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import psutil
from numba.core.runtime import _nrt_python, rtsys

from posewire.decode import Grid, MapDecoder
from posewire_models.decoding import Decoding
from posewire_training.targets import make_fields, make_targets

_STRIDE = 4


def animals_of(
    count: int, keypoints: int, cells: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Points float32 [count, keypoints, 2] px, and the edges of a random tree."""
    edges = [(int(rng.integers(k)), k) for k in range(1, keypoints)]
    side = cells * _STRIDE
    places = rng.uniform(0.08, 0.92, (count, 1, 2)) * side
    points = places + rng.normal(0, 0.025 * side, (count, keypoints, 2))
    return points.clip(0, side - 1).astype(np.float32), edges


def held() -> tuple[float, int]:
    """Resident MB of this process, and how many allocations Numba's runtime has not freed."""
    stats = rtsys.get_allocation_stats()
    return psutil.Process().memory_info().rss / 1e6, stats.alloc - stats.free


def main() -> None:
    """Time it and print percentiles."""
    _nrt_python.memsys_enable_stats()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--animals", type=int, default=20)
    parser.add_argument("--keypoints", type=int, default=15)
    parser.add_argument("--cells", type=int, default=128)
    parser.add_argument("--calls", type=int, default=3000)
    given = parser.parse_args()
    rng = np.random.default_rng(1)
    points, edges = animals_of(given.animals, given.keypoints, given.cells, rng)
    shape = (given.cells, given.cells)
    heatmaps, offsets, _ = make_targets(points[None], *shape, _STRIDE, 1.0, 1.25)
    fields, _ = make_fields(points[None], edges, *shape, _STRIDE, 1.0)
    noisy = np.maximum(heatmaps[0], rng.random(heatmaps[0].shape, np.float32) * np.float32(0.15))
    grid = Grid.of(_STRIDE)
    decoder = MapDecoder(given.keypoints, edges, Decoding(), shape, shape, grid, grid, 0.2)
    spent = np.zeros((2, given.calls))
    early = (0.0, 0)
    for n in range(given.calls):
        begin = time.perf_counter()
        decoder.decode(noisy, offsets[0], fields[0])
        middle = time.perf_counter()
        decoder.find(noisy, offsets[0])
        spent[0, n], spent[1, n] = middle - begin, time.perf_counter() - middle
        if n == given.calls // 10:
            early = held()
    for name, times in zip(("peaks and linking", "peaks alone"), spent * 1e3, strict=True):
        p50, p95, p99 = np.percentile(times, [50, 95, 99])
        sys.stdout.write(f"{name:18} p50 {p50:.3f} p95 {p95:.3f} p99 {p99:.3f} ms\n")
    late = held()
    sys.stdout.write(f"{len(decoder.poses)} animals found of {given.animals}\n")
    sys.stdout.write(f"resident {early[0]:.1f} -> {late[0]:.1f} MB, Numba's open allocations {early[1]} -> {late[1]}\n")


if __name__ == "__main__":
    main()
