"""The frames of a recording, every one of them, decoded ahead in a thread of their own."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator

from posewire.frame import Frame, Image, SourceInfo
from posewire.grabber import Grabber
from posewire.slot import Slot
from posewire.sources import open_source
from posewire.sources.video import VideoFile
from posewire_models.errors import InputError

_IDLE_S = 0.2


class RecordedFrames:
    """``spec``: a source as of `posewire run` that has an end, or of which ``frames`` are taken. Used once.

    A frame's image is used again once the next frame is asked for.
    """

    def __init__(self, spec: str, frames: int | None, stop: threading.Event) -> None:
        """Raises InputError for what is no source."""
        self._spec, self._frames, self._stop = spec, frames, stop
        self._source = open_source(spec)
        self._slot = Slot()
        self._grabber = Grabber(self._source, self._slot, pace="max", frames=frames)
        self.let_in = self._slot.let_in  # to be called when the next frame may be decoded beside other work

    def open(self) -> SourceInfo:
        """Raises InputError for a camera, for a source without an end, and for what cannot be read."""
        if self._spec.startswith(("camera:", "/dev/video")):
            raise InputError(f"--on {self._spec}: a dry run is of a recording; give a video, or a file of poses")
        info = self._grabber.start()
        if info.frames is None and self._frames is None and not isinstance(self._source, VideoFile):
            self.close()
            raise InputError(f"--on {self._spec}: has no end; give --frames, how many of it are tried")
        return info

    def __iter__(self) -> Iterator[Frame]:
        """Ends as well when ``stop`` is set. Raises WorkError if the source breaks."""
        self._grabber.release()
        while not self._stop.is_set():
            frame = self._slot.take(_IDLE_S, let_in=False)
            if frame is not None:
                yield frame
                self._grabber.recycle(frame)
            elif self._slot.ended:
                return

    def close(self) -> list[str]:
        """May be called at any time; remarks on what was read."""
        self._grabber.stop(1.0)
        self._slot.close()
        return self._source.remarks()


def some_images(spec: str, numbers: Collection[int], stop: threading.Event) -> dict[int, Image]:
    """The images of these frames of a source, by number; fewer if it ends before, or ``stop`` is set.

    Read from the start: seeking in compressed video may land beside the frame that is asked for. Raises InputError,
    WorkError.
    """
    found: dict[int, Image] = {}
    source, left = open_source(spec), set(numbers)
    try:
        source.open()
        number = 0
        while left and not stop.is_set():
            if isinstance(source, VideoFile) and number not in left:
                if not source.skip():
                    break
                number += 1
                continue
            frame = source.read()
            if frame is None:
                break
            number = frame.number + 1
            if frame.number in left:
                left.discard(frame.number)
                found[frame.number] = frame.image.copy()
    finally:
        source.close()
    return found
