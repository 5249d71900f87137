"""Video files, decoded by FFmpeg through OpenCV."""

from __future__ import annotations

import math
import os
from pathlib import Path

import cv2

from posewire.frame import Frame, Image, SourceInfo
from posewire.sources import missing_path, split_fps
from posewire_models.errors import InputError, WorkError

FALLBACK_FPS = 30.0


def open_source(text: str) -> VideoFile:
    """The source of the SPECs ``mouse.mp4``, ``video:mouse.mp4`` and ``video:mouse.mp4,fps=60``."""
    path, fps = split_fps(text, "video")
    return VideoFile(path, fps=fps)


class VideoFile:
    """The frames of a video file, uint8 [H, W, 3] BGR; gray videos have three equal channels.

    ``fps`` replaces the rate in the file's header. ``number`` counts the decoded frames from 0. A truncated file
    delivers what can be decoded; `remarks` then says how many of the promised frames came.

    ``threads`` of the decoder: one. More would take the processor from the network for frames that are not due
    yet: a 640x480 H.264 video decodes at some 500 frames/s on one core of a server.
    """

    def __init__(self, path: Path, *, fps: float | None = None, threads: int = 1) -> None:
        self.path = path
        self._fps = fps
        self._threads = threads
        self._capture: cv2.VideoCapture | None = None
        self._ahead: Image | None = None  # the first frame, decoded by `open`
        self._decoded = 0
        self._promised: int | None = None
        self._at_end = False
        self.time_s = math.nan
        """The container's time stamp of the frame that was read last, in s; 0 throughout where it has none."""

    @property
    def decoded(self) -> int:
        """How many frames were read or skipped."""
        return self._decoded

    @property
    def promised(self) -> int | None:
        """How many frames the header promises, where it does."""
        return self._promised

    def open(self) -> SourceInfo:
        """Opens the file and decodes its first frame. Raises InputError if there is no video in it."""
        quiet_opencv()
        if not self.path.exists():
            raise missing_path(self.path, "video file")
        if not self.path.is_file():
            raise InputError(f"{self.path} is not a file: a video file was expected")
        if self.path.stat().st_size == 0:
            raise InputError(f"{self.path} is empty: a video file was expected")
        # FFmpeg is named, so that no other backend takes a file name such as img_001.mp4 for a pattern of images.
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, self._threads])
        self._capture = capture
        if not capture.isOpened():
            raise InputError(
                f"{self.path} cannot be read as a video: not a video file, cut off while it was written, "
                "or a kind that FFmpeg does not know"
            )
        found, image = self._decode(capture, None)
        if not found or image is None:
            raise InputError(f"{self.path}: no frame of this video can be decoded; the file may be damaged")
        self._ahead = image
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._promised = int(count) if 0 < count < 1e12 else None
        fps, notes = (self._fps, ()) if self._fps else header_fps(capture.get(cv2.CAP_PROP_FPS), self.path)
        height, width = image.shape[:2]
        return SourceInfo(self.path.name, width, height, fps, frames=self._promised, notes=notes)

    def read(self, into: Image | None = None) -> Frame | None:
        """The next frame, decoded into ``into`` if that has the right shape. Raises WorkError."""
        if self._ahead is not None:
            image, self._ahead = self._ahead, None
        elif self._capture is None or self._at_end:
            return None
        else:
            found, decoded = self._decode(self._capture, into)
            if not found or decoded is None:
                self._at_end = True
                return None
            image = decoded
        self._decoded += 1
        return Frame(image, self._decoded - 1)

    def skip(self) -> bool:
        """Pass over the next frame: it is decoded, but not turned into an image. False at the end."""
        if self._ahead is not None:
            self._ahead = None
        elif self._capture is None or self._at_end:
            return False
        elif not self._capture.grab():
            self._at_end = True
            return False
        self._decoded += 1
        return True

    def close(self) -> None:
        self._ahead = None
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def remarks(self) -> list[str]:
        if not self._at_end or self._promised is None or self._decoded >= self._promised:
            return []
        return [
            f"{self.path}: {self._decoded} of the {self._promised} frames that the file promises could be decoded; "
            "it may be cut off or damaged"
        ]

    def _decode(self, capture: cv2.VideoCapture, into: Image | None) -> tuple[bool, Image | None]:
        try:
            # OpenCV fills `into`, or returns a new array where the shape differs.
            found, image = capture.read() if into is None else capture.read(into)
        except cv2.error as error:
            raise WorkError(f"{self.path}: frame {self._decoded} cannot be decoded: {error.err}") from error
        self.time_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        return found, image if found else None  # type: ignore[return-value]


def header_fps(fps: float, path: Path) -> tuple[float, tuple[str, ...]]:
    """The rate that a header gives, in frames/s; where it gives none, `FALLBACK_FPS` and a note that says so."""
    if math.isfinite(fps) and 0.0 < fps <= 100_000.0:
        return fps, ()
    return FALLBACK_FPS, (
        f"{path} gives no frame rate: {FALLBACK_FPS:g} frames/s taken; "
        f"write --source 'video:{path},fps=...' for another",
    )


def quiet_opencv() -> None:
    """Keeps OpenCV and FFmpeg from printing warnings to stderr; what matters is said by our own errors.

    The user's own settings (``OPENCV_LOG_LEVEL``, ``OPENCV_FFMPEG_LOGLEVEL``) win. FFmpeg reads its level when the
    first video is opened in a process.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
