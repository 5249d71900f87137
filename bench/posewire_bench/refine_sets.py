"""The labelled sets of the study of refine, and how their frames are parted."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

START = 10

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelledSet:
    """A label file below the data folder, and how a small quick network is to look at it."""

    labels: str
    scale: float
    crop: int
    learning_rate: float = 0.002
    leave_out: str = ""  # a picture whose labels are known to be wrong
    skeleton_file: str = ""
    symmetric: tuple[tuple[str, str], ...] = ()
    skeleton: tuple[tuple[str, str], ...] = ()
    video: str = ""  # whose frames the labels mean; they follow each other
    animals: int = 1
    crop_share: float = 0.5


SETS = {
    "openfield": LabelledSet(
        "dlc-openfield/labeled-data/m4s1/CollectedData_Pranav.csv",
        scale=0.5,
        crop=128,
        leave_out="m4s1/img0102.png",
        symmetric=(("leftear", "rightear"),),
        skeleton=(("snout", "leftear"), ("snout", "rightear"), ("leftear", "rightear"), ("leftear", "tailbase")),
    ),
    "fly": LabelledSet(
        "deepposekit-fly/labeled-data/fly/CollectedData_annotator.csv",
        scale=1.0,
        crop=128,
        skeleton_file="deepposekit-fly/skeleton.csv",
    ),
    "flies": LabelledSet(
        "sleap-flies-clip/labels/clip_13node.npz",
        scale=0.5,
        crop=96,
        video="sleap-flies-clip/videos/clip.mp4",
        animals=2,
        crop_share=0.9,
    ),
}


def parted(count: int, seed: int, film: bool = False) -> tuple[Numbers, Numbers, Numbers]:
    """Numbers of the frames held back, learned from first, and left in the pool.

    Of single pictures a random third is held back. Of a film every fourth frame is in the pool, as if these were the
    ones looked at, and every twelfth, halfway between two of them, is held back: the film is to be analysed, and the
    question is which of its frames to label.
    """
    rng = np.random.default_rng([seed, 7])
    if film:
        pool = rng.permutation(np.arange(0, count, 4))
        return np.arange(2, count, 12), np.sort(pool[:START]), np.sort(pool[START:])
    order = rng.permutation(count)
    third = count // 3
    return np.sort(order[:third]), np.sort(order[third : third + START]), np.sort(order[third + START :])


def body_of(chosen: LabelledSet, data: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Skeleton and symmetric pairs as names."""
    if not chosen.skeleton_file:
        return [list(pair) for pair in chosen.skeleton], [list(pair) for pair in chosen.symmetric]
    with (data / chosen.skeleton_file).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    skeleton = [[row["name"], row["parent"]] for row in rows if row["parent"]]
    return skeleton, [[row["name"], row["swap"]] for row in rows if row["name"] < row["swap"]]
