"""Exact targets of several animals, decoded: are the animals that come out those that went in?

    python -m posewire_bench.exact [--scenes 10000] [LABELS ...]

Targets are made as for training (`posewire_training.targets`), decoded by the runtime, and compared keypoint by
keypoint. Drawn scenes have up to 30 animals of random shape, tree skeletons of up to 12 keypoints and missing
keypoints; two keypoints of a kind are two cells apart or more and what is there of an animal hangs together. Frames
of label files are counted apart where animals are nearer than that (they touch).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posewire.decode import Grid, MapDecoder
from posewire_models.decoding import Decoding
from posewire_models.skeleton import Pair
from posewire_training.labels import load_labels
from posewire_training.targets import make_fields, make_targets

Points = npt.NDArray[np.float32]
STYLES = ("clustered", "chains", "scattered")
_SAME_PX = 0.05


def decoded(points: Points, edges: Sequence[Pair], size: tuple[int, int], stride: int, rules: Decoding) -> Points:
    """Animals [A, K, 2] in an image of ``size`` (width, height) -> the animals that their exact targets decode to."""
    height, width = -(-size[1] // stride), -(-size[0] // stride)
    heatmaps, offsets, _ = make_targets(points[None], height, width, stride, 1.0, 1.25)
    fields, _ = make_fields(points[None], edges, height, width, stride, 1.0)
    shape, grid = (height, width), Grid.of(stride)
    decoder = MapDecoder(points.shape[1], edges, rules, shape, shape, grid, grid, 0.2)
    return decoder.decode(heatmaps[0], offsets[0], fields[0])[..., :2].copy()


def same_animals(found: Points, points: Points) -> bool:
    """Whether these are the same animals, keypoint by keypoint, in any order."""
    rest = [animal for animal in points if not np.isnan(animal).all()]
    for pose in found:
        at = [n for n, animal in enumerate(rest) if np.allclose(pose, animal, atol=_SAME_PX, equal_nan=True)]
        if not at:
            return False
        rest.pop(at[0])
    return not rest


def apart(points: Points, least: float) -> bool:
    """Whether keypoints of a kind are ``least`` px apart or more."""
    for kind in points.transpose(1, 0, 2):
        known = kind[~np.isnan(kind[:, 0])]
        distances = np.linalg.norm(known[:, None] - known[None], axis=-1)[np.triu_indices(len(known), 1)]
        if len(distances) and distances.min() < least:
            return False
    return True


def pieces(animal: Points, edges: Sequence[Pair]) -> list[set[int]]:
    """The labelled keypoints of an animal [K, 2], in sets that hang together along edges."""
    left = set(np.flatnonzero(~np.isnan(animal[:, 0])).tolist())
    found = []
    while left:
        piece = {min(left)}
        while further := {i for edge in edges if set(edge) <= left and set(edge) & piece for i in edge} - piece:
            piece |= further
        found.append(piece)
        left -= piece
    return found


def scene(
    rng: np.random.Generator, style: str, stride: int, most: int = 30
) -> tuple[Points, list[Pair], tuple[int, int]]:
    """Up to ``most`` animals [A, K, 2], edges, and the size of the image, 64 x 48 cells.

    ``clustered``: keypoints about a centre; ``chains``: limbs of like length in any direction; ``scattered``: keypoints
    anywhere, so that limbs cross the whole image.
    """
    animals, keypoints = int(rng.integers(1, most + 1)), int(rng.integers(2, 13))
    edges: list[Pair] = [(int(rng.integers(k)), k) for k in range(1, keypoints)]
    size = (64 * stride, 48 * stride)
    points = rng.uniform(0, 1, (animals, keypoints, 2)) * (size[0] - 1, size[1] - 1)
    if style == "clustered":
        points = points[:, :1] + rng.normal(0, rng.uniform(1, 6) * stride, (animals, keypoints, 2))
    elif style == "chains":
        limb = rng.uniform(1, 8) * stride
        for i, j in edges:
            angle = rng.uniform(0, 2 * np.pi, animals)
            step = limb * rng.uniform(0.5, 1.5, (animals, 1)) * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
            points[:, j] = points[:, i] + step
    points[(points < 0).any(axis=-1) | (points > np.array(size) - 1).any(axis=-1)] = np.nan
    points[rng.random((animals, keypoints)) < rng.choice([0.0, 0.1, 0.3])] = np.nan
    for k in range(keypoints):
        for a in range(animals):
            if (np.linalg.norm(points[:a, k] - points[a, k], axis=-1) < 2.001 * stride).any():
                points[a, k] = np.nan
    for animal in points:
        for piece in sorted(pieces(animal, edges), key=len)[:-1]:
            animal[sorted(piece)] = np.nan
    return points.astype(np.float32), edges, size


def drawn(scenes: int, rules: Decoding) -> dict[str, tuple[int, int]]:
    """Exact scenes and all, for each style; scene n is the same for ever."""
    result = {}
    for number, style in enumerate(STYLES):
        share = range(number, scenes, len(STYLES))
        exact = 0
        for n in share:
            rng = np.random.default_rng(n)
            stride = int(rng.choice([4, 8]))
            points, edges, size = scene(rng, style, stride)
            exact += same_animals(decoded(points, edges, size, stride, rules), points)
        result[style] = (exact, len(share))
    return result


def labelled(
    path: Path, scale: float, stride: int, rules: Decoding, most: int | None = None
) -> dict[str, tuple[int, int]]:
    """Exact frames and all of a label file scaled by ``scale``: animals apart, touching, or in several pieces.

    A label file without a skeleton gets a chain through its keypoints. ``most``: only so many frames, evenly spread.
    """
    video = next((path.parent.parent / "videos").glob("*"), None) if path.suffix == ".npz" else None
    labels = load_labels(path, None, video, strict=False)
    names = list(labels.keypoints)
    edges = [(names.index(a), names.index(b)) for a, b in labels.skeleton] or [
        (k, k + 1) for k in range(len(names) - 1)
    ]
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    step = 1 if most is None else -(-len(labels.points) // most)
    for frame in labels.points[::step]:
        points = ((frame + 0.5) * scale - 0.5).astype(np.float32)
        if np.isnan(points).all():
            continue
        whole = all(len(pieces(animal, edges)) <= 1 for animal in points)
        kind = "in pieces" if not whole else "apart" if apart(points, 2 * stride) else "touching"
        width, height = (int(v) + stride for v in np.nanmax(points, axis=(0, 1)) + 1)
        counts[kind][0] += same_animals(decoded(points, edges, (width, height), stride, rules), points)
        counts[kind][1] += 1
    return {kind: (exact, all_) for kind, (exact, all_) in sorted(counts.items())}


def main(arguments: Iterable[str] | None = None) -> None:
    """Prints exact frames of all, for each style of scene and each label file."""
    parser = argparse.ArgumentParser(prog="posewire_bench.exact")
    parser.add_argument("labels", type=Path, nargs="*")
    parser.add_argument("--scenes", type=int, default=10_000)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--stride", type=int, default=4)
    given = parser.parse_args(None if arguments is None else list(arguments))
    rules = Decoding(min_parts=1)
    for path in given.labels:
        for kind, (exact, count) in labelled(path, given.scale, given.stride, rules).items():
            sys.stdout.write(f"{path.name}, {kind}: {exact} of {count} frames exact\n")
    for style, (exact, count) in drawn(given.scenes, rules).items():
        sys.stdout.write(f"{style}: {exact} of {count} scenes exact\n")


if __name__ == "__main__":
    main()
