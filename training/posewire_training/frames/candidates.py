"""The frames that a choice is made from: evenly spaced over all videos, each seen once and kept as a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from posewire_models.errors import InputError
from posewire_training.frames.choose import Numbers, Vectors
from posewire_training.images import Image, opened_video

MOST_CANDIDATES = 2000
LEAST_OF_A_VIDEO = 50
APPEARANCE_SIZE = (32, 24)

Describe = Callable[[Image], Vectors]
Advance = Callable[[], None]


@dataclass(frozen=True)
class Candidates:
    """``video``, ``frame``: int ``[n]``, which frame of which video; ``appearance``: float32 ``[n, 768]`` grey values;
    ``features``: float32 ``[n, 2, d]`` of a network, if one was given; ``lengths``: int ``[videos]``, in frames."""

    video: Numbers
    frame: Numbers
    appearance: Vectors
    features: Vectors | None
    lengths: Numbers

    def __len__(self) -> int:
        return len(self.video)


def appearance(image: Image) -> Vectors:
    """What an image (uint8 BGR) looks like from afar: gray values averaged to 32x24, less their mean; float32 [768].

    Without the mean a change of light alone makes no new frame.
    """
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(gray.astype(np.float32), APPEARANCE_SIZE, interpolation=cv2.INTER_AREA).ravel()
    return np.asarray(small - small.mean(), np.float32)


def frame_counts(videos: Sequence[Path]) -> Numbers:
    """Frames of each video, as its header says, else by counting. Raises InputError naming every unreadable video."""
    counts, problems = [], []
    for path in videos:
        try:
            with opened_video(path) as video:
                if not video.grab():
                    raise InputError(f"{path}: holds no frame that can be decoded")
                promised = video.get(cv2.CAP_PROP_FRAME_COUNT)
                if not 0 < promised < 1e9:
                    promised = 1
                    while video.grab():
                        promised += 1
                counts.append(int(promised))
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("; ".join(problems))
    return np.array(counts, np.int64)


def survey(
    videos: Sequence[Path],
    counts: Numbers,
    seed: int,
    describe: Describe | None = None,
    advance: Advance = lambda: None,
    most: int = MOST_CANDIDATES,
) -> Candidates:
    """Look at about ``most`` frames of all ``videos`` (of ``counts`` frames each), evenly spaced from a start that
    ``seed`` decides; of a short video beside long ones at least 50.

    ``describe`` gives a frame's features; ``advance`` is called after each decoded frame. Videos are decoded from their
    start (seeking in a compressed video may land beside the frame); one that ends before its count gives what it has.
    """
    rng = np.random.default_rng(seed)
    step = -(-int(counts.sum()) // most)
    places, looks, features, lengths = [], [], [], []
    for number, path in enumerate(videos):
        every = max(1, min(step, int(counts[number]) // LEAST_OF_A_VIDEO))
        first, frame = int(rng.integers(every)), 0
        with opened_video(path) as video:
            while video.grab():
                if frame % every == first:
                    known, image = video.retrieve()
                    if known:
                        picture = np.asarray(image, np.uint8)
                        places.append((number, frame))
                        looks.append(appearance(picture))
                        if describe is not None:
                            features.append(describe(picture))
                frame += 1
                advance()
        lengths.append(frame)
    video_of, frame_of = np.array(places, np.int64).reshape(-1, 2).T
    return Candidates(
        video_of,
        frame_of,
        np.array(looks, np.float32).reshape(len(places), -1),
        np.array(features, np.float32) if describe is not None else None,
        np.array(lengths, np.int64),
    )
