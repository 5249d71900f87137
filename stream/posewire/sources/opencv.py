"""Cameras through OpenCV: V4L2 on Linux, Media Foundation on Windows, AVFoundation on macOS.

OpenCV gives neither a camera's own frame numbers nor the time of exposure: a frame that the driver drops is not seen,
and `exposed_ns` stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2

from posewire.clock import now_ns
from posewire.frame import Frame, Image, SourceInfo
from posewire.sources import parse_fps, parse_options, parse_size
from posewire.sources.cameras import (
    READ_TIMEOUT_S,
    CameraFound,
    Capture,
    OpenCapture,
    list_cameras,
    open_device,
)
from posewire_models.errors import InputError, WorkError

__all__ = ["Camera", "CameraFound", "list_cameras", "open_source"]

_SETTLE_FRAMES = 3  # read before the rate is measured: the first ones after a start come late or in a burst
_TIMED_FRAMES = 10
_MAX_DEPTH = 4
_BROKEN_IN_A_ROW = 30


def open_source(text: str) -> Camera:
    """The source of ``camera:0`` or ``camera:/dev/video0,size=640x480,fps=100,format=MJPG``; options as in `Camera`."""
    device_text, _, rest = text.partition(",")
    device_text = device_text.strip() or "0"
    options = parse_options(rest, "camera", ("size", "fps", "format"))
    fourcc = options.get("format")
    if fourcc is not None and len(fourcc) != 4:
        raise InputError(f"source camera: format={fourcc} is no pixel format; four letters such as MJPG or YUYV")
    if not re.fullmatch(r"[0-9]{1,4}|.*[/\\].*", device_text):
        raise InputError(f"source camera: {device_text!r} is no camera; write camera:0 or camera:/dev/video0")
    return Camera(
        int(device_text) if device_text.isdigit() else device_text,
        size=parse_size(options["size"], "camera") if "size" in options else None,
        fps=parse_fps(options["fps"], "camera") if "fps" in options else None,
        fourcc=fourcc,
    )


class Camera:
    """A camera, live: frames uint8 [H, W, 3] BGR, stamped (`grabbed_ns`) as soon as the driver hands them over.

    ``device`` is an index or a path. ``size`` (width, height), ``fps`` and ``fourcc`` (the pixel format on the
    wire, e.g. MJPG) are asked of the driver; what it grants instead is said in the notes of SourceInfo, as are the
    depth of its buffer and a rate, measured over a few frames in `open`, that differs from what it claims.
    ``number`` counts the frames that came; one whose image arrived broken leaves a hole.

    ``capture`` opens the device: by default OpenCV; ``found`` lists the cameras for the error message.
    """

    def __init__(
        self,
        device: int | str,
        *,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        fourcc: str | None = None,
        capture: OpenCapture = open_device,
        found: Callable[[], list[CameraFound]] | None = None,
    ) -> None:
        self.device = device
        self._size = size
        self._fps = fps
        self._fourcc = fourcc
        self._open_capture = capture
        self._found = found or partial(list_cameras, ask=False)
        self._capture: Capture | None = None
        self._number = 0
        self._broken = 0

    def open(self) -> SourceInfo:
        """Opens and measures the camera. Raises InputError if it is not there, or there but not to be had."""
        capture = self._open_capture(self.device)
        if not capture.isOpened():
            capture.release()
            raise self._absent()
        self._capture = capture
        for name, value in ((cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_S * 1000.0), *self._wishes()):
            capture.set(name, value)  # what was granted is read back below
        height, width = self._settle(capture).shape[:2]
        claimed = max(0.0, capture.get(cv2.CAP_PROP_FPS))
        measured, depth_note = self._measure(capture, claimed)
        notes = (depth_note, *self._complaints(width, height, claimed, measured))
        return SourceInfo(f"camera:{self.device}", width, height, measured, live=True, notes=notes)

    def read(self, into: Image | None = None) -> Frame | None:
        """The camera's next frame, in ``into`` if its shape fits. Raises WorkError if none comes any more."""
        capture = self._capture
        if capture is None:
            return None
        for _ in range(_BROKEN_IN_A_ROW):
            grabbed = _grab(capture)
            stamp = now_ns()  # before the image is unpacked, which takes its time
            if not grabbed:
                raise WorkError(
                    f"camera {self.device} delivers no frames any more after {self._number}: "
                    "unplugged, or its connection is too slow"
                )
            image = _retrieve(capture, into)
            self._number += 1
            if image is not None:
                return Frame(image, self._number - 1, grabbed_ns=stamp)
            self._broken += 1
        raise WorkError(f"camera {self.device}: {_BROKEN_IN_A_ROW} frames in a row arrived broken; check cable and hub")

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def remarks(self) -> list[str]:
        if not self._broken:
            return []
        return [f"camera {self.device}: {self._broken} of {self._number} frames arrived broken and were left out"]

    def _wishes(self) -> list[tuple[int, float]]:
        wishes: list[tuple[int, float]] = []
        if self._fourcc is not None:  # first: a driver offers sizes and rates for each format
            wishes.append((cv2.CAP_PROP_FOURCC, float(cv2.VideoWriter.fourcc(*self._fourcc))))
        if self._size is not None:
            wishes.append((cv2.CAP_PROP_FRAME_WIDTH, float(self._size[0])))
            wishes.append((cv2.CAP_PROP_FRAME_HEIGHT, float(self._size[1])))
        if self._fps is not None:
            wishes.append((cv2.CAP_PROP_FPS, self._fps))
        return wishes

    def _settle(self, capture: Capture) -> Image:
        image: Image | None = None
        for _ in range(_SETTLE_FRAMES):
            if not _grab(capture):
                break
            image = _retrieve(capture, None)
        if image is None:
            capture.release()
            self._capture = None
            raise InputError(
                f"camera {self.device} opens but delivers no frame within {READ_TIMEOUT_S} s: "
                "another program may use it, or it is not a camera but a second channel of one"
            )
        return image

    def _measure(self, capture: Capture, claimed: float) -> tuple[float, str]:
        """The rate (frames/s) at the smallest buffer depth that does not cost frames, and the note about that depth.

        Old frames wait in a deep buffer; but with a single one, many drivers have nowhere to put the next frame while
        this one is read, and the rate halves. So the depth grows until the rate is what the driver claims.
        """
        best = 0.0
        best_depth = 0
        for depth in range(1, _MAX_DEPTH + 1):
            if not capture.set(cv2.CAP_PROP_BUFFERSIZE, depth):
                break
            rate = _rate(capture)
            if rate > best * 1.1:
                best, best_depth = rate, depth
            if not claimed or rate >= 0.9 * claimed:
                break
        if best_depth == 0:
            return _rate(
                capture
            ), f"camera {self.device}: the driver does not let its buffer be set; frames may wait in it"
        capture.set(cv2.CAP_PROP_BUFFERSIZE, best_depth)
        granted = capture.get(cv2.CAP_PROP_BUFFERSIZE)
        told = f"{granted:.0f} frame(s)" if granted >= 1 else f"{best_depth} frame(s) asked, not told what was granted"
        return best, f"camera {self.device}: buffer of {told}, {best:.1f} frames/s measured"

    def _complaints(self, width: int, height: int, claimed: float, measured: float) -> Sequence[str]:
        notes = []
        if self._size is not None and self._size != (width, height):
            wanted = f"{self._size[0]}x{self._size[1]}"
            notes.append(f"camera {self.device} was asked for {wanted} and delivers {width}x{height}")
        wanted_fps = self._fps or claimed
        if wanted_fps and not 0.9 * wanted_fps <= measured <= 1.1 * wanted_fps:
            who = "was asked for" if self._fps else "claims"
            notes.append(
                f"camera {self.device} {who} {wanted_fps:g} frames/s and delivers {measured:.1f}: "
                "exposure too long (more light), or the format too large for its connection (try format=MJPG)"
            )
        return notes

    def _absent(self) -> InputError:
        found = self._found()
        specs = [camera.spec for camera in found]
        if f"camera:{self.device}" in specs or (isinstance(self.device, str) and Path(self.device).exists()):
            return InputError(
                f"camera {self.device} is there but cannot be opened: another program may use it, "
                "or you may not be allowed to (on Linux: be in the group 'video')"
            )
        listed = ", ".join(f"{camera.spec} ({camera.name})" for camera in found) or "none"
        return InputError(f"no camera {self.device}; found: {listed}")


def _grab(capture: Capture) -> bool:
    try:
        return capture.grab()
    except cv2.error:
        return False


def _retrieve(capture: Capture, into: Image | None) -> Image | None:
    try:
        whole, image = capture.retrieve() if into is None else capture.retrieve(into)
    except cv2.error:
        return None
    return image if whole and image is not None and image.size else None


def _rate(capture: Capture) -> float:
    """Frames/s over a few frames, 0.0 if none come."""
    if not _grab(capture):
        return 0.0
    started = now_ns()
    for _ in range(_TIMED_FRAMES):
        if not _grab(capture):
            return 0.0
        _retrieve(capture, None)  # as a run would: a driver with one buffer is held up by this
    return _TIMED_FRAMES / max(1, now_ns() - started) * 1e9
