"""Pictures that labels speak of: image files, and frames of videos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError

Image = npt.NDArray[np.uint8]
VIDEO_ENDINGS = (".mp4", ".avi", ".mov", ".mkv", ".m4v", ".webm", ".mpg", ".mpeg", ".wmv")


@dataclass(frozen=True)
class ImageRef:
    """One picture: an image file, or (``frame`` given) a frame of a video, counted from 0 in order of decoding.

    ``part``: the dataset of a SLEAP package (``path``) that holds the frames of a video; empty for all other files.
    """

    path: Path
    frame: int | None = None
    part: str = ""

    @property
    def name(self) -> str:
        """Folder and file, and for a video the frame: ``session1/img001.png``, ``videos/a.mp4#120``."""
        name = "/".join((*self.path.parts[-2:], *self.part.split("/")[:1])).rstrip("/")
        return name if self.frame is None else f"{name}#{self.frame}"


def read_image(path: Path) -> Image:
    """An image file as uint8 ``[h, w, 3]``, BGR. Raises InputError if it cannot be read."""
    # Not cv2.imread: on Windows it cannot open paths beyond the code page.
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if image is None:
        raise InputError(f"{path}: not an image that OpenCV can read")
    return np.asarray(image, np.uint8)


def encoded(image: Image, ending: str) -> bytes:
    """An image as the content of a file with this ending (``.png``, ``.jpg``)."""
    # Not cv2.imwrite: it fails for some names on Windows.
    _, content = cv2.imencode(ending, image)
    return content.tobytes()


def read_images(images: Sequence[ImageRef]) -> Iterator[tuple[int, Image]]:
    """Every picture once, as its place in ``images`` and uint8 ``[h, w, 3]`` BGR.

    Image files come in their order, then the frames of each video in the video's order, which is read once from its
    start (seeking in a compressed video may land beside the frame). Raises InputError for what cannot be read.
    """
    videos: dict[tuple[Path, str], list[tuple[int, int]]] = {}
    for place, image in enumerate(images):
        if image.frame is None:
            yield place, read_image(image.path)
        else:
            videos.setdefault((image.path, image.part), []).append((image.frame, place))
    for (path, part), wanted in videos.items():
        places: dict[int, list[int]] = {}
        for number, place in wanted:
            places.setdefault(number, []).append(place)
        numbers = sorted(places)
        for number, picture in packaged_frames(path, part, numbers) if part else video_frames(path, numbers):
            for place in places[number]:
                yield place, picture


def video_frames(path: Path, numbers: Sequence[int] | None = None) -> Iterator[tuple[int, Image]]:
    """Frames of a video: their numbers and uint8 ``[h, w, 3]`` BGR, by decoding from the start.

    ``numbers``: rising numbers of the wanted frames; None yields every frame. Raises InputError if the video cannot be
    read, or ends before the last wanted frame.
    """
    wanted = None if numbers is None else set(numbers)
    last = None if not numbers else max(numbers)
    with opened_video(path) as video:
        number = 0
        while (last is None or number <= last) and (wanted is None or wanted):
            if not video.grab():
                break
            if wanted is None or number in wanted:
                known, image = video.retrieve()
                if not known:
                    raise InputError(f"{path}: frame {number} cannot be decoded")
                yield number, np.asarray(image, np.uint8)
            number += 1
    if wanted is None:
        if not number:
            raise InputError(f"{path}: holds no frame that can be decoded")
    elif last is not None and number <= last:
        raise InputError(f"{path}: ends after {number} frames; frame {last} was asked for")


def packaged_frames(path: Path, part: str, numbers: Sequence[int]) -> Iterator[tuple[int, Image]]:
    """Frames ``numbers`` that the SLEAP package ``path`` holds in its dataset ``part``, as `video_frames` gives them.

    Raises InputError for a frame that is not there or broken.
    """
    from sleap_io.io.video_reading import VideoBackend

    try:
        frames = VideoBackend.from_filename(str(path), dataset=part, grayscale=False)
    except Exception as error:
        raise InputError(f"{path}: holds no pictures in {part} ({error})") from None
    for number in numbers:
        try:
            image = np.asarray(frames[number], np.uint8)
        except Exception:
            raise InputError(f"{path}: frame {number} of {part} cannot be read") from None
        yield number, np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3))[..., ::-1])


@contextmanager
def opened_video(path: Path) -> Iterator[cv2.VideoCapture]:
    """An OpenCV reader of a video file. Raises InputError if there is none."""
    if not path.is_file():
        raise InputError(f"{path}: no such video file")
    video = cv2.VideoCapture(str(path))
    try:
        if not video.isOpened():
            raise InputError(f"{path}: not a video that OpenCV can read")
        yield video
    finally:
        video.release()
