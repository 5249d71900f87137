"""Which cameras there are, and how OpenCV is asked for one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import cv2

from posewire.sources.video import quiet_opencv

READ_TIMEOUT_S = 3

_MAX_PROBED = 10  # how many indices are tried where the system has no list of cameras

_BACKENDS = {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_MSMF, "darwin": cv2.CAP_AVFOUNDATION}


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used here."""

    def isOpened(self) -> bool: ...
    def get(self, propId: int, /) -> float: ...
    def set(self, propId: int, value: float, /) -> bool: ...
    def grab(self) -> bool: ...
    def retrieve(self, image: Any = None, /) -> tuple[bool, Any]: ...
    def release(self) -> None: ...


OpenCapture = Callable[[int | str], Capture]


@dataclass(frozen=True)
class CameraFound:
    """A camera of this machine; the SPEC ``camera:INDEX`` opens it.

    ``name`` is what the system calls it. ``opened`` says whether it could be opened, and then its driver gave
    ``width`` and ``height`` in pixels and ``fps`` in frames/s (as claimed, not measured); else these are 0.
    """

    index: int
    name: str
    backend: str
    opened: bool = False
    width: int = 0
    height: int = 0
    fps: float = 0.0

    @property
    def spec(self) -> str:
        return f"camera:{self.index}"


def list_cameras(*, ask: bool = True, open_capture: OpenCapture | None = None) -> list[CameraFound]:
    """The cameras of this machine, by index.

    Linux has a list of them; elsewhere the indices from 0 on are opened until one is empty. With ``ask`` each is
    opened for a moment and asked what it delivers: one that another program uses is listed with ``opened`` False.
    """
    open_capture = open_capture or open_device
    if sys.platform != "linux":
        return _probed(open_capture)
    listed = _listed(Path("/sys/class/video4linux"))
    return [_asked(camera, open_capture) for camera in listed] if ask else listed


def open_device(device: int | str) -> Capture:
    """The camera by the system's own backend; whether it is there, `isOpened` says."""
    # Both are read when a capture is made: a read gives up after a few seconds, and Windows need not try
    # hardware transforms for half a minute.
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(READ_TIMEOUT_S))
    os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
    quiet_opencv()
    capture: Capture = cv2.VideoCapture(device, _BACKENDS.get(sys.platform, cv2.CAP_ANY))
    return capture


def _listed(folder: Path) -> list[CameraFound]:
    """V4L2 devices below ``folder``. A camera's second node (index 1 and up) carries metadata, not images."""
    found = []
    for node in folder.glob("video*") if folder.is_dir() else ():
        number = node.name.removeprefix("video")
        try:
            if not number.isdigit() or int((node / "index").read_text(encoding="ascii")) != 0:
                continue
            name = (node / "name").read_text(encoding="utf-8", errors="replace").strip()
        except (OSError, ValueError):
            continue
        found.append(CameraFound(int(number), name, "V4L2"))
    return sorted(found, key=lambda camera: camera.index)


def _asked(camera: CameraFound, open_capture: OpenCapture) -> CameraFound:
    capture = open_capture(camera.index)
    try:
        if not capture.isOpened():
            return camera
        return replace(
            camera,
            opened=True,
            width=round(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            height=round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            fps=max(0.0, capture.get(cv2.CAP_PROP_FPS)),
        )
    finally:
        capture.release()


def _probed(open_capture: OpenCapture) -> list[CameraFound]:
    """Systems without a list number their cameras without holes."""
    backend = cv2.videoio_registry.getBackendName(_BACKENDS.get(sys.platform, cv2.CAP_ANY))
    found: list[CameraFound] = []
    for index in range(_MAX_PROBED):
        camera = _asked(CameraFound(index, f"camera {index}", backend), open_capture)
        if not camera.opened:
            break
        found.append(camera)
    return found
