"""A folder of images as a stream of frames."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from posewire.frame import Frame, Image, SourceInfo
from posewire.sources import missing_path, split_fps
from posewire.sources.video import FALLBACK_FPS, quiet_opencv
from posewire_models.errors import InputError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})

_NAMED = 3  # how many file names a remark lists


def open_source(text: str) -> ImageFolder:
    """The source of the SPECs ``recording/``, ``images:recording`` and ``images:recording,fps=60``."""
    path, fps = split_fps(text, "images")
    return ImageFolder(path, fps=fps or FALLBACK_FPS)


class ImageFolder:
    """The images of a folder in natural order (``img2`` before ``img10``), uint8 [H, W, 3] BGR.

    Taken are png, jpg, jpeg, bmp, tif, tiff and webp; hidden files, other files and sub-folders are not looked at.
    Gray images get three equal channels, transparency is dropped, 16-bit ones are scaled by 255 / 65535. Images may
    differ in size; SourceInfo has the first one's.

    ``number`` is an image's place in that order. An image that cannot be read leaves a hole in the numbers (it
    counts as lost by the source) and is named in `remarks`. ``fps`` is the rate at real pace, frames/s.
    """

    def __init__(self, path: Path, *, fps: float = FALLBACK_FPS) -> None:
        self.path = path
        self._fps = fps
        self._files: list[Path] = []
        self._next = 0
        self._ahead: Frame | None = None  # the first readable image, decoded by `open`
        self._unreadable: list[str] = []
        self._deep: list[str] = []
        self._paged: list[str] = []

    def open(self) -> SourceInfo:
        """Lists the folder and decodes its first image. Raises InputError if it has none that can be read."""
        quiet_opencv()
        if not self.path.exists():
            raise missing_path(self.path, "folder")
        if not self.path.is_dir():
            raise InputError(f"{self.path} is not a folder: a folder of images was expected")
        try:
            self._files = natural_order(path for path in self.path.iterdir() if is_image(path))
        except OSError as error:
            raise InputError(f"{self.path} cannot be listed: {error.strerror}") from error
        if not self._files:
            raise InputError(f"{self.path} holds no images ({', '.join(sorted(s[1:] for s in SUFFIXES))})")
        self._ahead = self.read()
        if self._ahead is None:
            raise InputError(f"{self.path}: none of its {len(self._files)} images can be read")
        height, width = self._ahead.image.shape[:2]
        return SourceInfo(self.path.resolve().name, width, height, self._fps, frames=len(self._files))

    def read(self, into: Image | None = None) -> Frame | None:
        """The next image that can be read; ``into`` is not used (OpenCV decodes images into memory of its own)."""
        if self._ahead is not None:
            frame, self._ahead = self._ahead, None
            return frame
        while self._next < len(self._files):
            number, path = self._next, self._files[self._next]
            self._next += 1
            image = self._decode(path)
            if image is not None:
                return Frame(image, number)
            self._unreadable.append(path.name)
        return None

    def close(self) -> None:
        self._ahead = None
        self._next = len(self._files)

    def remarks(self) -> list[str]:
        said = [
            (self._unreadable, "could not be read and were passed over"),
            (self._deep, "have 16 bits a channel and were scaled to 8"),
            (self._paged, "hold several pages, of which only the first was taken"),
        ]
        return [f"{self.path}: {len(names)} image(s) {what}: {_some(names)}" for names, what in said if names]

    def _decode(self, path: Path) -> Image | None:
        try:
            data = np.frombuffer(path.read_bytes(), np.uint8)  # not cv2.imread: it fails for some names on Windows
            image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if data.size else None
        except (OSError, cv2.error):
            return None
        if image is None or image.dtype not in (np.uint8, np.uint16):
            return None  # floating-point pixels have no agreed range
        if path.suffix.lower() in (".tif", ".tiff") and _pages(path) > 1:
            self._paged.append(path.name)
        if image.dtype == np.uint16:
            self._deep.append(path.name)
            image = cv2.convertScaleAbs(image, alpha=255.0 / 65535.0)
        return np.asarray(image, np.uint8)


def is_image(path: Path) -> bool:
    """Whether a file's name is that of an image (macOS's hidden ``._`` companions are none)."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """Paths sorted by name, with runs of digits compared as numbers."""
    return sorted(paths, key=lambda path: (_natural_key(path.name), path.name))


def _natural_key(name: str) -> list[tuple[int, str]]:
    # Text and digits alternate, so that numbers only meet numbers.
    parts = re.split(r"([0-9]+)", name.lower())
    return [(int(part), "") if place % 2 else (0, part) for place, part in enumerate(parts)]


def _pages(path: Path) -> int:
    try:
        return int(cv2.imcount(str(path)))
    except cv2.error:
        return 1


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
