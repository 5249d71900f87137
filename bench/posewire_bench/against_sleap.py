"""Our decoder, with SLEAP's parameters and grid, against what SLEAP itself makes of the same maps.

    python -m posewire_bench.against_sleap FOLDER

FOLDER holds maps (``maps.npz``, ``maps24.npz``) and SLEAP's decoding of them (``decoded_maps*.npz``). Every
difference is listed. Peaks are paired by keypoint and place; an instance is the same if it has the same keypoints at
the same places, within 0.01 px. With ``local`` refinement SLEAP moves a peak whose two neighbours are exactly equal
by a quarter of a cell to a side that rounding decides; ours stays. Such peaks are listed, and their instances
compared within that quarter.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posewire.assignment import Workspace, assign
from posewire.decode.several import Grid, MapDecoder
from posewire_models.decoding import Decoding

Floats = npt.NDArray[np.float32]
SAME_PX = 0.01
# SLEAP's refinement -> ours, and what its file names call its settings.
_REFINEMENTS = {"grid": "none", "local": "quarter", "integral": "integral", "offsets": "offsets"}
_SETTINGS: dict[str, dict[str, float]] = {
    "default": {},
    "ratio010": {"ratio": 0.10},
    "n5w2min05": {"points": 5, "weight": 2, "min_link": 0.5},
    "min2peaks": {"min_link": -2, "min_parts": 2},
    "hard": {"ratio": 0.05, "points": 5, "weight": 2, "min_link": 0.5, "min_parts": 4},
}


@dataclass
class Tally:
    """What one file gave: peaks and instances of theirs, how many of them are ours, and each difference in words."""

    name: str
    peaks: int = 0
    same_peaks: int = 0
    instances: int = 0
    same_instances: int = 0
    more: int = 0
    differences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Maps:
    """Maps of frames: heatmaps [F, h, w, K], offsets [F, h, w, K, 2] in px, pafs [F, h', w', E, 2]."""

    frames: npt.NDArray[np.int64]
    heatmaps: Floats
    offsets: Floats
    pafs: Floats
    edges: npt.NDArray[np.int64]
    stride: int
    paf_stride: int


def read_maps(path: Path) -> Maps:
    """One of the map files; the picture of both is 384 px wide."""
    stored = np.load(path)
    heatmaps = stored["confmaps"].astype(np.float32)
    pafs = stored["pafs"].astype(np.float32)
    stride, paf_stride = 384 // heatmaps.shape[2], 384 // pafs.shape[2]
    offsets = np.zeros((*heatmaps.shape, 2), np.float32)
    if "offsets" in stored:
        offsets[:] = stored["offsets"].astype(np.float32).reshape(offsets.shape) * stride
    edges = stored["edges"] if "edges" in stored else np.array([[0, 1]])
    shape = (*pafs.shape[:3], len(edges), 2)
    return Maps(
        stored["frame_index"].astype(np.int64),
        heatmaps,
        offsets,
        pafs.reshape(shape),
        edges.astype(np.int64),
        stride,
        paf_stride,
    )


def decoder_for(maps: Maps, name: str) -> MapDecoder:
    """Our decoder with the settings that a file name like ``decoded_maps24_integral_t020_hard`` stands for."""
    _, _, refinement, threshold, setting = name.split("_")
    given = {"ratio": 0.25, "points": 10, "weight": 1, "min_link": 0.25, "min_parts": 0, **_SETTINGS[setting]}
    pafs = maps.pafs[0]
    # SLEAP takes the largest dimension of the tensor, channels among them.
    longest = given["ratio"] * max(pafs.shape[0], pafs.shape[1], 2 * pafs.shape[2]) * maps.paf_stride
    rules = Decoding(
        peaks="strict",
        same_place=-1e9,
        alignment="dot",
        matching="forced",
        refine=_REFINEMENTS[refinement],
        line_points=int(given["points"]),
        longest_px=(longest,) * len(maps.edges),
        longest_weight=given["weight"],
        min_link=given["min_link"],
        min_parts=max(2, int(given["min_parts"])),
        apart_cells=0.0,
    )
    return MapDecoder(
        maps.heatmaps.shape[3],
        [(int(a), int(b)) for a, b in maps.edges],
        rules,
        (maps.heatmaps.shape[1], maps.heatmaps.shape[2]),
        (pafs.shape[0], pafs.shape[1]),
        Grid(maps.stride, 0.0),
        Grid(maps.paf_stride, 0.0),
        int(threshold[1:]) / 100,
    )


def compare(maps: Maps, path: Path) -> Tally:
    """One file of SLEAP's results against ours on the same maps."""
    stored = np.load(path)
    tally = Tally(path.stem)
    decoder = decoder_for(maps, path.stem)
    within = SAME_PX + (0.25 * maps.stride if "_local_" in path.stem else 0.0)
    for n, frame in enumerate(stored["frame_index"]):
        at = int(np.flatnonzero(maps.frames == frame)[0])
        poses = decoder.decode(maps.heatmaps[at], maps.offsets[at], maps.pafs[at]).copy()
        peaks = slice(*stored["peak_splits"][n : n + 2])
        _compare_peaks(
            decoder, maps.heatmaps[at], stored["peak_xy"][peaks], stored["peak_channel"][peaks], frame, tally
        )
        theirs = stored["inst_xy"][slice(*stored["inst_splits"][n : n + 2])]
        tally.instances += len(theirs)
        used = set()
        for number, instance in enumerate(theirs):
            same = [a for a, pose in enumerate(poses[..., :2]) if a not in used and _same(pose, instance, within)]
            if same:
                used.add(same[0])
                tally.same_instances += 1
            else:
                tally.differences.append(f"frame {frame}: instance {number} of theirs is not among ours")
        tally.more += len(poses) - len(used)
    return tally


def _same(pose: Floats, instance: Floats, within: float) -> bool:
    there = np.isfinite(instance[:, 0])
    return bool(
        np.array_equal(there, np.isfinite(pose[:, 0])) and np.abs(pose[there] - instance[there]).max() <= within
    )


def _compare_peaks(
    decoder: MapDecoder, heatmaps: Floats, theirs: Floats, channels: npt.NDArray[np.int64], frame: int, tally: Tally
) -> None:
    found, counts = decoder.assembler.peaks, decoder.assembler.counts
    tally.peaks += len(theirs)
    for k in range(len(counts)):
        ours = found[k, : counts[k]]
        for place in theirs[channels == k]:
            near = np.abs(ours[:, :2] - place).max(axis=1) if len(ours) else np.array([np.inf])
            if near.min() <= SAME_PX:
                tally.same_peaks += 1
            else:
                tally.differences.append(
                    f"frame {frame}, keypoint {k}: peak at {place[0]:.2f}, {place[1]:.2f} px, "
                    f"ours {near.min():.2f} px off"
                    + _between_equals(heatmaps[..., k], ours[int(near.argmin())], decoder.stride)
                )
        more = counts[k] - int((channels == k).sum())
        if more:
            tally.differences.append(f"frame {frame}, keypoint {k}: {more} peak(s) more than theirs")


def _between_equals(heatmap: Floats, peak: npt.NDArray[np.float64], stride: float) -> str:
    """Says so if the two cells left and right of a peak, or above and below, have exactly the same value."""
    column, row = np.rint(peak[:2] / stride).astype(int)
    around = np.pad(heatmap, 1)[row : row + 3, column : column + 3]
    level = around[1, 0] == around[1, 2] or around[0, 1] == around[2, 1]
    return ", between two neighbours of equal value" if level else ""


def against_truth(folder: Path) -> None:
    """Keypoints right (on the right animal, within a cell of the truth) and wrong: theirs, and ours with our own
    rules.
    """
    maps, stored = read_maps(folder / "maps24.npz"), np.load(folder / "maps24.npz")
    splits = stored["true_splits"]
    truth = {int(f): stored["true_xy"][splits[n] : splits[n + 1]] for n, f in enumerate(maps.frames)}
    edges = [(int(a), int(b)) for a, b in maps.edges]
    shape, paf_shape = maps.heatmaps.shape[1:3], maps.pafs.shape[1:3]
    rules = Decoding(peaks="maxima", refine="gaussian", alignment="dot", min_link=0.1)
    decoder = MapDecoder(
        24, edges, rules, (shape[0], shape[1]), (paf_shape[0], paf_shape[1]),
        Grid(maps.stride, 0.0), Grid(maps.paf_stride, 0.0), 0.2,
    )  # fmt: skip
    ours = {
        int(f): decoder.decode(maps.heatmaps[n], maps.offsets[n], maps.pafs[n])[..., :2].copy()
        for n, f in enumerate(maps.frames)
    }
    say(f"against the true animals of maps24: ours {_right(ours, truth, maps.stride)}")
    for path in sorted(folder.glob("decoded_maps24_*.npz")):
        file = np.load(path)
        theirs = {
            int(f): file["inst_xy"][slice(*file["inst_splits"][n : n + 2])] for n, f in enumerate(file["frame_index"])
        }
        there = _right(ours, truth, maps.stride, set(theirs))
        say(f"    {path.stem}: {_right(theirs, truth, maps.stride)}; ours there {there}")


def _right(found: dict[int, Floats], truth: dict[int, Floats], within: float, frames: set[int] | None = None) -> str:
    right = wrong = there = 0
    for frame in sorted(set(truth) & set(found) if frames is None else frames):
        animals, poses = truth[frame], found[frame]
        there += int(np.isfinite(animals[..., 0]).sum())
        near = np.linalg.norm(poses[:, None] - animals[None], axis=-1) <= within  # [found, true, K]
        space = Workspace(max(len(poses), len(animals), 1))
        partner = np.full(len(poses), -1, np.int64)
        assign(-near.sum(axis=2).astype(np.float64), len(poses), len(animals), partner, space.floats, space.integers)
        hits = sum(int(near[n, a].sum()) for n, a in enumerate(partner) if a >= 0)
        right += hits
        wrong += int(np.isfinite(poses[..., 0]).sum()) - hits
    return f"{right} of {there} keypoints right, {wrong} wrong"


def comparisons(folder: Path) -> Iterator[Tally]:
    """Every ``decoded_maps*`` file of a folder."""
    maps = {path.stem: read_maps(path) for path in sorted(folder.glob("maps*.npz"))}
    for path in sorted(folder.glob("decoded_maps*.npz")):
        yield compare(maps[path.stem.split("_")[1]], path)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def timing(folder: Path, rounds: int = 300) -> None:
    """Peaks and linking of each frame, ms; warm, one core."""
    for stem, name in (
        ("maps", "decoded_maps_offsets_t020_default"),
        ("maps24", "decoded_maps24_integral_t020_default"),
    ):
        maps = read_maps(folder / f"{stem}.npz")
        decoder = decoder_for(maps, name)
        took = []
        for _ in range(rounds):
            for heatmaps, offsets, pafs in zip(maps.heatmaps, maps.offsets, maps.pafs, strict=True):
                begin = time.perf_counter_ns()
                decoder.decode(heatmaps, offsets, pafs)
                took.append((time.perf_counter_ns() - begin) / 1e6)
        p50, p99 = np.percentile(took, [50, 99])
        shape = "x".join(str(n) for n in maps.heatmaps.shape[1:])
        say(f"{stem} {shape}: peaks + linking p50 {p50:.3f} ms, p99 {p99:.3f} ms")


def main() -> None:
    """Prints a line for each file, its differences, the sum, and the time taken."""
    if len(sys.argv) != 2 or not (folder := Path(sys.argv[1])).is_dir():
        sys.exit("usage: python -m posewire_bench.against_sleap FOLDER")
    tallies = list(comparisons(folder))
    for tally in tallies:
        say(
            f"{tally.name}: peaks {tally.same_peaks} of {tally.peaks}, "
            f"instances {tally.same_instances} of {tally.instances}, {tally.more} more"
        )
        for difference in tally.differences:
            say(f"    {difference}")
    say(
        f"all: peaks {sum(t.same_peaks for t in tallies)} of {sum(t.peaks for t in tallies)}, instances "
        f"{sum(t.same_instances for t in tallies)} of {sum(t.instances for t in tallies)}, "
        f"{sum(t.more for t in tallies)} more"
    )
    against_truth(folder)
    timing(folder)


if __name__ == "__main__":
    main()
