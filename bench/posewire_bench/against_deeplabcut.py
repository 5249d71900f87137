"""Our assembly, with DeepLabCut's parameters, against what DeepLabCut itself makes of the same detections.

    python -m posewire_bench.against_deeplabcut ORACLE DATA

DATA holds ``detections.npz``, ``assemblies.npz``, ``frame_outputs.npz`` and ``frame_detections.npz``; ORACLE holds
``assembled_*.npz``, one file for each setting of DeepLabCut's ``Assembler``. Every difference is listed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posewire.decode.several import Assembler, Grid, MapDecoder
from posewire_bench.against_sleap import say
from posewire_models.decoding import Decoding

Doubles = npt.NDArray[np.float64]
SAME_PX = 0.01
_LOCREF_PX = 7.2801
_DEFAULT = Decoding(
    matching="forced",
    max_peaks=8,
    linked_peaks=3,
    linked_score=0.1,
    min_link=0.05,
    min_parts=3,
    max_animals=3,
    fuse="links",
    apart_cells=0.0,
)
SETTINGS = {
    "naive11": _DEFAULT,
    "naive11_greedy": replace(_DEFAULT, matching="greedy"),
    "naive11_add_discarded": replace(_DEFAULT, adopt=True),
    "naive11_minaff010": replace(_DEFAULT, min_link=0.1),
    "all66": _DEFAULT,
    "all66_greedy": replace(_DEFAULT, matching="greedy"),
    "all66_n2": replace(_DEFAULT, linked_peaks=2, max_animals=2),
    "naive11_force_fusion_n2": replace(_DEFAULT, linked_peaks=2, max_animals=2, fuse="near"),
}
OURS = _DEFAULT


class Detections:
    """The peaks and pair scores of every frame; detections of a keypoint are ordered by score, as our peaks are."""

    def __init__(self, folder: Path) -> None:
        stored = np.load(folder / "detections.npz")
        self.found, self.costs = stored["detections"].astype(np.float64), stored["pair_costs"].astype(np.float64)
        metadata = json.loads(str(stored["metadata"]))
        self.edges = [(int(a), int(b)) for a, b in metadata["PAFgraph"]]
        self.keypoints = len(metadata["all_joints_names"])
        self.frames = np.unique(self.found[:, 0])

    def fill(self, assembler: Assembler, frame: float, chosen: Sequence[int]) -> None:
        """Peaks and scores of one frame into an assembler for the ``chosen`` edges."""
        rows = self.found[self.found[:, 0] == frame]
        place: dict[tuple[int, int], int] = {}
        assembler.counts[:] = 0
        for k in range(self.keypoints):
            own = rows[rows[:, 1] == k]
            own = own[np.argsort(-own[:, 5], kind="stable")]
            assembler.counts[k] = len(own)
            assembler.peaks[k, : len(own)] = own[:, 3:6]
            place |= {(k, int(index)): n for n, index in enumerate(own[:, 2])}
        assembler.scores[:] = 0.0
        number = {edge: n for n, edge in enumerate(chosen)}
        for _, edge, i, j, affinity, _ in self.costs[self.costs[:, 0] == frame]:
            if int(edge) in number:
                a, b = self.edges[int(edge)]
                score = affinity if np.isfinite(affinity) else 0.0
                assembler.scores[number[int(edge)], place[a, int(i)], place[b, int(j)]] = score


def poses_of(assembler: Assembler) -> Doubles:
    """The animals that were linked, float64 [A, K, 2], NaN where a keypoint is missing."""
    poses = np.full((assembler.animals, len(assembler.counts), 2), np.nan)
    for n in range(assembler.animals):
        for k, i in enumerate(assembler.members[assembler.kept[n]]):
            if i >= 0:
                poses[n, k] = assembler.peaks[k, i, :2]
    return poses


def same(pose: Doubles, other: Doubles, within: float) -> bool:
    """Whether two animals have the same keypoints at the same places."""
    there = np.isfinite(pose[:, 0])
    return bool(np.array_equal(there, np.isfinite(other[:, 0])) and np.abs(pose[there] - other[there]).max() <= within)


def compare(detections: Detections, oracle: Path, variant: str) -> None:
    """One setting: how many of their assemblies are ours, each that is not, and the time taken."""
    stored = np.load(oracle / f"assembled_{variant}.npz")
    chosen = [int(e) for e in stored["paf_inds"]]
    assembler = Assembler(detections.keypoints, [detections.edges[e] for e in chosen], SETTINGS[variant])
    count = agreed = more = 0
    took = []
    missed = []
    for frame, theirs in zip(detections.frames, stored["assemblies"][..., :2], strict=True):
        detections.fill(assembler, frame, chosen)
        assembler.link()
        ours = list(poses_of(assembler))
        for _ in range(20):
            begin = time.perf_counter_ns()
            assembler.link()
            took.append((time.perf_counter_ns() - begin) / 1e6)
        for number, animal in enumerate(theirs):
            if not np.isfinite(animal[:, 0]).any():
                continue
            count += 1
            at = [n for n, pose in enumerate(ours) if same(pose, animal, SAME_PX)]
            if at:
                ours.pop(at[0])
                agreed += 1
            else:
                missed.append(f"frame {int(frame)}: assembly {number} of theirs is not among ours")
        more += len(ours)
    p50, p99 = np.percentile(took, [50, 99])
    say(
        f"{variant}: {agreed} of {count} assemblies, {more} more, {len(chosen)} edges, "
        f"p50 {p50:.4f} ms, p99 {p99:.4f} ms"
    )
    for line in missed:
        say(f"    {line}")


def against_labels(detections: Detections, oracle: Path, data: Path) -> None:
    """Animals right by the full-precision assemblies (float16 steps of 0.25 px allowed): theirs, and ours by our own
    rules.
    """
    labels = np.load(data / "assemblies.npz")["assemblies"][..., :2]
    for variant in SETTINGS:
        if variant.endswith("n2"):
            continue
        theirs = np.load(oracle / f"assembled_{variant}.npz")
        chosen = [int(e) for e in theirs["paf_inds"]]
        assembler = Assembler(detections.keypoints, [detections.edges[e] for e in chosen], OURS)
        right = right_theirs = count = 0
        for frame, truth, stored in zip(detections.frames, labels, theirs["assemblies"][..., :2], strict=True):
            detections.fill(assembler, frame, chosen)
            assembler.link()
            ours = poses_of(assembler)
            for animal in truth[np.isfinite(truth[..., 0]).any(axis=1)]:
                count += 1
                right += any(same(pose, animal, 0.26) for pose in ours)
                right_theirs += any(same(pose, animal, 0.26) for pose in stored)
        say(f"{variant}, against the labels: ours {right}, theirs {right_theirs} of {count}")


def peaks_of_the_frame(data: Path) -> None:
    """The true peaks of the one frame whose maps are there: how many are found, how far off, how many more."""
    maps, truth = np.load(data / "frame_outputs.npz"), np.load(data / "frame_detections.npz")["detections"]
    heatmaps = np.ascontiguousarray(maps["scoremap"].astype(np.float32))
    height, width, keypoints = heatmaps.shape
    offsets = maps["locref"].astype(np.float32).reshape(height, width, keypoints, 2) * np.float32(_LOCREF_PX)
    rules = Decoding(peaks="maxima", window_cells=5)
    decoder = MapDecoder(keypoints, [], rules, (height, width), (1, 1), Grid(8, 4.0), Grid(8, 4.0), 0.01)
    decoder.find(heatmaps, np.ascontiguousarray(offsets))
    counts = decoder.assembler.counts
    worst = 0.0
    for k, _, x, y, _ in truth:
        ours = decoder.assembler.peaks[int(k), : counts[int(k)], :2]
        worst = max(worst, float(np.linalg.norm(ours - (x, y), axis=1).min()) if len(ours) else np.inf)
    say(f"the frame with maps: {counts.sum()} peaks, {len(truth)} true ones, the farthest {worst:.4f} px off")


def main() -> None:
    """Prints a line for each setting, and every difference."""
    if len(sys.argv) != 3 or not all(Path(text).is_dir() for text in sys.argv[1:]):
        sys.exit("usage: python -m posewire_bench.against_deeplabcut ORACLE_FOLDER DATA_FOLDER")
    oracle, data = Path(sys.argv[1]), Path(sys.argv[2])
    detections = Detections(data)
    for variant in SETTINGS:
        compare(detections, oracle, variant)
    against_labels(detections, oracle, data)
    peaks_of_the_frame(data)


if __name__ == "__main__":
    main()
