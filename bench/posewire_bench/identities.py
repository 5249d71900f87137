"""Identities: recorded tracks of others, forced swaps and what `id_scores` say of them, time and memory.

    python -m posewire_bench.identities [DATA]

DATA is the folder of label files; without it they are left out. Everything else is simulated (`identity_scenes`), with
seeds that the weights of the scores were not fitted to.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from pathlib import Path

import numpy as np
import psutil
from numba.core.runtime import _nrt_python, rtsys

from posewire.recorded import read_recording
from posewire.track import Tracker
from posewire.track.refine import refine
from posewire_bench.identity_scenes import KEYPOINTS, KINDS, SKELETON, meet
from posewire_bench.identity_swaps import Told, follow, forced

_RAW = (
    ("sleap-flies-pair/labels/pair_raw_tracks.npz", "pair_clean.npz", 15.0),
    ("sleap-mice-clip/labels/mice_raw_tracks.npz", "mice_proofread.npz", 47.0),
)
_SECONDS = {30: 150.0, 60: 100.0, 100: 60.0, 200: 60.0}
_BINS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.001)


def switches(raw: Path, proof: Path, fps: float, animals: int | None) -> dict[str, int]:
    """How often a proofread animal changes its id: in the ``recorded`` tracks, ``live``, and ``refined``."""
    recording = read_recording(raw, fps)
    tracker = Tracker(len(recording.keypoints), recording.skeleton, animals=animals)
    live = []
    for poses, now in zip(recording.poses, recording.times_ns.tolist(), strict=True):
        tracker.step(poses.copy(), now)
        live.append(tracker.ids.copy())
    refined = refine(recording.poses, recording.times_ns.tolist(), recording.skeleton, animals=animals)
    with np.load(proof) as file:
        true, frames = file["points"], {int(frame): n for n, frame in enumerate(file["frame_index"])}
    counts = {}
    for name, ids in (("recorded", recording.ids), ("live", live), ("refined", refined.ids)):
        last: dict[int, int] = {}
        count = 0
        for n, frame in enumerate(recording.frames.tolist()):
            for animal, points in enumerate(true[frames[frame]] if frame in frames else ()):
                rows = [i for i, q in enumerate(recording.poses[n]) if np.array_equal(q[:, :2], points, equal_nan=True)]
                if rows and ids[n][rows[0]] >= 0:
                    number = int(ids[n][rows[0]])
                    count += last.get(animal, number) != number
                    last[animal] = number
        counts[name] = count
    return counts


def reliability(told: list[Told]) -> list[tuple[float, float, int, float]]:
    """Of each range of scores: its ends, how many frames, and the share that lies within 100 ms after a swap."""
    scores, near = [], []
    for animal in told:
        after = np.zeros(len(animal.times), bool)
        for row in animal.swaps:
            since = animal.times - animal.times[row]
            after |= (since >= 0) & (since <= 0.1)
        scores.append(animal.scores)
        near.append(after)
    score, after = np.concatenate(scores), np.concatenate(near)
    rows = []
    for low, high in itertools.pairwise(_BINS):
        inside = (score >= low) & (score < high)
        rows.append((low, min(high, 1.0), int(inside.sum()), float(after[inside].mean()) if inside.any() else 0.0))
    return rows


def enduring(frames: int) -> tuple[float, float, int, float]:
    """Resident MB after a tenth of ``frames`` and after all of them, what Numba's runtime has allocated meanwhile and
    not freed, and ms a frame (p50), of four animals."""
    _nrt_python.memsys_enable_stats()
    scene = meet(KINDS[2], 100, 20.0, 9, 4)
    tracker = Tracker(KEYPOINTS, SKELETON, animals=4)
    process = psutil.Process()
    spent = np.zeros(10_000)
    early, opened = 0.0, 0
    for n in range(frames):
        poses = scene.poses[n % len(scene.poses)]
        begin = time.perf_counter()
        tracker.step(poses, n * 10_000_000)
        spent[n % len(spent)] = time.perf_counter() - begin
        if n == frames // 10:
            early, opened = process.memory_info().rss / 1e6, _open()
    return early, process.memory_info().rss / 1e6, _open() - opened, float(np.median(spent)) * 1e3


def _open() -> int:
    stats = rtsys.get_allocation_stats()
    return int(stats.alloc - stats.free)


def main() -> None:
    """Run all of it and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--frames", type=int, default=100_000, help="for memory and time")
    arguments = parser.parse_args()
    write = sys.stdout.write
    if arguments.data is not None:
        for raw, proof, fps in _RAW:
            path = arguments.data / raw
            for animals in (None, 2):
                counts = switches(path, path.with_name(proof), fps, animals)
                write(f"{raw}, animals {animals}: switches {counts}\n")
    everything: list[Told] = []
    write(f"{'meetings':32} {'fps':>4} animals  swaps  caught   other frames above 0.5\n")
    for kind in KINDS:
        for fps, seconds in _SECONDS.items():
            for animals in (2, 4):
                told = follow(meet(kind, fps, seconds, 100 + animals, animals))
                everything += told
                figures = forced(told)
                write(
                    f"{kind.name:32} {fps:4} {animals:7} {figures['swaps']:6.0f} {figures['caught']:7.2f} "
                    f"{figures['quiet']:8.4f}\n"
                )
    figures = forced(everything)
    write(f"all: {figures['swaps']:.0f} swaps, {figures['caught']:.3f} caught, {figures['quiet']:.4f} of the others\n")
    write("id_score        frames   within 100 ms after a swap\n")
    for low, high, count, share in reliability(everything):
        write(f"{low:.2f} to {high:.2f} {count:9}   {share:.4f}\n")
    early, late, opened, median_ms = enduring(arguments.frames)
    write(
        f"{arguments.frames} frames of 4 animals: {early:.1f} -> {late:.1f} MB resident, {opened} more allocations of "
        f"Numba's open, {median_ms:.4f} ms a frame\n"
    )


if __name__ == "__main__":
    main()
