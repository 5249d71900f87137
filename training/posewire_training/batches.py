"""Batches of changed views, drawn in a thread beside the training step.

Batch n of a seed is always the same, however training was interrupted.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from posewire_models.grid import padded_size
from posewire_models.skeleton import Pair
from posewire_training.augment import Augment
from posewire_training.config import Project
from posewire_training.dataset import Frames
from posewire_training.images import Image
from posewire_training.labels.record import Points
from posewire_training.paste import pasted
from posewire_training.settings import PAD_MULTIPLE, Size
from posewire_training.targets import Array, make_fields, make_targets

_AHEAD = 4  # batches drawn ahead: enough to ride out one slow draw


class Batch(NamedTuple):
    """One training batch.

    ``images``: uint8 ``[B, H, W, C]``; ``heatmaps``, ``mask``: float32 ``[B, h, w, K]``; ``offsets``: float32
    ``[B, h, w, K, 2]`` px; ``known``: float32 ``[B, K]``, 0 for keypoints that nobody looked for. ``fields``: float32
    ``[B, h', w', E, 2]`` and ``fields_known``: float32 ``[B, E]``, 0 for edges with one end only; E is 0 for one
    animal.
    """

    images: npt.NDArray[np.uint8]
    heatmaps: Array
    offsets: Array
    mask: Array
    known: Array
    fields: Array
    fields_known: Array


def whole_size(frames: Frames) -> Size:
    """Width and height that hold every image, padded for the network."""
    return (
        padded_size(max(image.shape[1] for image in frames.images), PAD_MULTIPLE),
        padded_size(max(image.shape[0] for image in frames.images), PAD_MULTIPLE),
    )


def padded(image: Image, size: Size) -> Image:
    """An image ``[h, w, C]`` with zeros to its right and below, as the runtime pads it."""
    result = np.zeros((size[1], size[0], image.shape[2]), np.uint8)
    result[: image.shape[0], : image.shape[1]] = image
    return result


class Batches:
    """Draws batches: a context manager and an iterator that starts at step ``first``."""

    def __init__(
        self, project: Project, frames: Frames, augment: Augment, first: int = 0, edges: Sequence[Pair] = ()
    ) -> None:
        """``edges``: those whose part affinity fields are learned; none for one animal."""
        self._edges = tuple(edges)
        self._project, self._frames, self._augment = project, frames, augment
        self._size = project.schedule.size or whole_size(frames)
        self._next = first
        self._queue: queue.Queue[Batch | Exception] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="views", daemon=True)

    def draw(self, step: int) -> Batch:
        """The batch of a step."""
        schedule, targets = self._project.schedule, self._project.targets
        rng = np.random.default_rng([schedule.seed, step])
        close = schedule.crop is not None and bool(rng.random() < schedule.crop_share)
        size = schedule.crop if close and schedule.crop else self._size
        # Each pass over the data is one shuffle, so that all frames are seen equally often.
        order = [self._number(step * schedule.batch + i) for i in range(schedule.batch)]
        views = [self._augment.view(*self._frame(i, rng), size, rng, close) for i in order]
        stride, paf_stride = self._project.network.stride, self._project.network.paf_stride
        points = np.stack([points for _, points, _ in views])  # [B, animals, K, 2]
        fields = make_fields(
            points,
            self._edges,
            size[1] // paf_stride,
            size[0] // paf_stride,
            paf_stride,
            targets.paf_width_cells,
            layered=self._project.phantom is not None,
        )
        made = make_targets(
            points,
            size[1] // stride,
            size[0] // stride,
            stride,
            targets.sigma_cells,
            targets.radius_cells,
        )
        labelled = np.stack([there.any(axis=0) for _, _, there in views])  # [B, K]
        known = labelled if targets.empty == "unknown" else np.ones_like(labelled)
        return Batch(np.stack([image for image, _, _ in views]), *made, known.astype(np.float32), *fields)

    def _frame(self, number: int, rng: np.random.Generator) -> tuple[Image, Points]:
        """A frame and its points; of several animals sometimes with one more, from any other frame."""
        image, points = self._frames.images[number], self._frames.points[number]
        share = self._project.augment.paste
        if self._project.animals == 1 or not share:
            return image, points
        if rng.random() >= share:
            return image, np.concatenate([points, np.full_like(points[:1], np.nan)])
        donor = int(rng.integers(len(self._frames)))
        return pasted(image, points, self._frames.images[donor], self._frames.points[donor], rng)

    def _number(self, drawn: int) -> int:
        """Which frame is the ``drawn``-th of the whole training."""
        turn, place = divmod(drawn, len(self._frames))
        return int(np.random.default_rng([self._project.schedule.seed, turn, 1]).permutation(len(self._frames))[place])

    def _work(self) -> None:
        cv2.setNumThreads(1)  # the cores belong to the training step
        while not self._stop.is_set():
            try:
                item: Batch | Exception = self.draw(self._next)
            except Exception as error:  # handed over to the thread that trains
                item = error
            self._next += 1
            while not self._stop.is_set():
                try:
                    self._queue.put(item, timeout=0.2)
                    break
                except queue.Full:
                    continue

    def __enter__(self) -> Batches:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            item = self._queue.get()
            if isinstance(item, Exception):
                raise item
            yield item
