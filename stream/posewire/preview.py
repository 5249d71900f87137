"""``--show``: annotated frames in a picture or a film, written aside by its own thread.

The loop hands over a copy after the pose has been published, through a bounded queue. Overflow rule: at real pace the
newest frame is dropped and counted; at maximum pace the loop waits, since nothing live hangs on it. Films and
pictures are written beside and renamed, so that no half-written file has the final name.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from posewire.clock import now_ns
from posewire.draw import PICTURES, annotate, check_target, write_picture
from posewire.frame import Floats, Image
from posewire.preprocess import Crop
from posewire_models.errors import WorkError
from posewire_models.files import beside, put_in_place

FILMS = (".mp4",)
_QUEUE = 8
_PICTURE_EVERY_NS = 500_000_000


@dataclass(frozen=True)
class _Shown:
    image: Image
    poses: Floats
    text: str
    ids: list[int] | None
    id_scores: list[float] | None
    crop: Crop | None
    predicted: Floats | None


class Viewer:
    """Writes annotated frames to ``path`` (.mp4, or .png/.jpg: the newest frame, twice a second and at the end).

    `offer` and `close` belong to the loop's thread. ``dropped`` counts frames that the writer was too slow for.
    Raises InputError at once for an ending it does not know or a folder that is not there.
    """

    def __init__(
        self,
        path: Path,
        keypoints: Sequence[str],
        skeleton: Sequence[tuple[int, int]],
        fps: float,
        wait: bool,
    ) -> None:
        check_target(path, PICTURES + FILMS)
        self.path = path
        self.dropped = 0
        self.written = 0
        self._film = path.suffix.lower() in FILMS
        self._beside = beside(path)
        self._keypoints = tuple(keypoints)
        self._skeleton = tuple(skeleton)
        self._fps = fps if 1 <= fps <= 240 else 30.0
        self._wait = wait
        self._queue: queue.Queue[_Shown | None] = queue.Queue(_QUEUE)
        self._error: Exception | None = None
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._thread = threading.Thread(target=self._work, name="posewire-show", daemon=True)
        self._thread.start()

    def offer(
        self,
        image: Image,
        poses: Floats,
        text: str,
        ids: npt.NDArray[np.int64] | None = None,
        id_scores: Floats | None = None,
        crop: Crop | None = None,
        predicted: Floats | None = None,
    ) -> None:
        """Hand over one frame, with the animals' ids and their scores if there are several, the part of it that the
        network saw (None: all), and where keypoints will be (None: not predicted); copies, since the loop's buffers are
        used again."""
        if self._queue.full() and not self._wait:
            self.dropped += 1
            return
        numbers = None if ids is None else ids.tolist()
        scores = None if id_scores is None else id_scores.tolist()
        ahead = None if predicted is None else predicted.copy()
        self._queue.put(_Shown(image.copy(), poses.copy(), text, numbers, scores, crop, ahead))

    def close(self) -> None:
        """Write what is queued, then give the file its name. Raises WorkError if writing failed."""
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise WorkError(f"--show {self.path}: {self._error}")

    def _work(self) -> None:
        last: _Shown | None = None
        last_written_ns = 0
        while (shown := self._queue.get()) is not None:
            if self._error is not None:
                continue  # keep draining, so that the loop never waits for a dead writer
            try:
                if self._film:
                    self._write_film(shown)
                else:
                    last = shown
                    if now_ns() - last_written_ns > _PICTURE_EVERY_NS:
                        self._write_picture(shown)
                        last, last_written_ns = None, now_ns()
            except Exception as error:
                self._error = error
        try:
            if last is not None and self._error is None:
                self._write_picture(last)
            if self._writer is not None:
                self._writer.release()
                put_in_place(self.path)
        except Exception as error:
            self._error = self._error or error

    def _drawn(self, shown: _Shown) -> Image:
        return annotate(
            shown.image,
            shown.poses,
            self._keypoints,
            self._skeleton,
            shown.text,
            crop=shown.crop,
            ids=shown.ids,
            id_scores=shown.id_scores,
            predicted=shown.predicted,
        )

    def _write_picture(self, shown: _Shown) -> None:
        write_picture(self.path, self._drawn(shown))
        self.written += 1

    def _write_film(self, shown: _Shown) -> None:
        drawn = self._drawn(shown)
        if self._writer is None:
            self._size = (drawn.shape[1] // 2 * 2, drawn.shape[0] // 2 * 2)
            fourcc = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self._beside), fourcc, self._fps, self._size)
            if not self._writer.isOpened():
                raise OSError(f"OpenCV cannot write the film {self._beside}")
        if (drawn.shape[1], drawn.shape[0]) != self._size:
            drawn = np.asarray(cv2.resize(drawn, self._size, interpolation=cv2.INTER_AREA), np.uint8)
        self._writer.write(drawn)
        self.written += 1
