"""Labelled images: DeepLabCut label files, and the frames that training holds in memory.

Reading label files needs neither TensorFlow nor, for CSV, pandas.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError, nearest
from posewire_models.grid import resize_averages, resized

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Labels:
    """The labels of some images.

    ``images``: paths of existing files. ``points``: float32 ``[frames, keypoints, 2]``, x and y in pixels of each
    whole image, NaN where nothing is labelled.
    """

    images: tuple[Path, ...]
    keypoints: tuple[str, ...]
    points: Points


@dataclass(frozen=True)
class Frames:
    """Images in memory, as the network is to see them.

    ``images``: uint8 ``[h, w, C]`` each, resized by ``scale`` and in the network's channel order; sizes may differ.
    ``points``: float32 ``[frames, K, 2]`` in pixels of these resized images.
    """

    names: tuple[str, ...]
    images: tuple[Image, ...]
    points: Points
    scale: float

    def __len__(self) -> int:
        return len(self.images)

    def pick(self, chosen: Iterable[int]) -> Frames:
        """The frames of these numbers, in this order."""
        order = list(chosen)
        return Frames(
            tuple(self.names[i] for i in order),
            tuple(self.images[i] for i in order),
            self.points[order],
            self.scale,
        )

    def sha256(self) -> str:
        """Hash of all images and points: the same data gives the same text."""
        digest = hashlib.sha256(repr((self.names, self.scale)).encode())
        for image in self.images:
            digest.update(repr(image.shape).encode() + image.tobytes())
        digest.update(self.points.tobytes())
        return digest.hexdigest()


def load_labels(path: Path, keypoints: Sequence[str] | None = None) -> Labels:
    """Read a DeepLabCut label file, CSV or HDF5, of one animal.

    The image column may be one path or the three columns ``labeled-data, folder, image`` of newer versions. Image
    paths are looked up from the label file's folder and each folder above it. ``keypoints`` chooses and orders;
    None takes all of the file.

    Raises InputError for a file that is none, unknown keypoints, bad cells and missing images.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a DeepLabCut label file (.csv or .h5)")
    if path.suffix.lower() == ".csv":
        rows, known, table = _read_csv(path)
    elif path.suffix.lower() in (".h5", ".hdf5", ".hdf"):
        rows, known, table = _read_hdf(path)
    else:
        raise InputError(f"{path}: expected a DeepLabCut label file ending in .csv or .h5")
    if not rows:
        raise InputError(f"{path}: holds no labelled image")
    if twice := sorted({row for row in rows if rows.count(row) > 1}):
        raise InputError(f"{path}: {twice[0]} stands more than once; keep one row per image")
    chosen = tuple(keypoints) if keypoints else known
    for name in chosen:
        if name not in known:
            raise InputError(f"{path}: no keypoint {name!r}{nearest(name, known)} (the file has {', '.join(known)})")
    points = table[:, [known.index(name) for name in chosen]]
    for row, number in np.argwhere(np.isnan(points[..., 0]) != np.isnan(points[..., 1])):
        raise InputError(
            f"{path}: {rows[row]}, keypoint {chosen[number]}: only one of x and y is given; fill or clear both"
        )
    return Labels(tuple(_find_images(path, rows)), chosen, np.ascontiguousarray(points, np.float32))


def _read_csv(path: Path) -> tuple[list[str], tuple[str, ...], npt.NDArray[np.float64]]:
    """Image column, keypoints, and float64 ``[rows, keypoints, 2]`` of a CSV."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV text file: {error}") from None
    header = {line[0].strip(): line for line in lines[:4] if line}
    _refuse_individuals(path, "individuals" in header)
    if "bodyparts" not in header or "coords" not in header:
        raise InputError(f"{path}: expected the header rows scorer, bodyparts, coords of a DeepLabCut label file")
    coords = [cell.strip() for cell in header["coords"]]
    first = coords.index("x") if "x" in coords else len(coords)
    names = [cell.strip() for cell in header["bodyparts"]][first:]
    known = _keypoints_of(path, names, coords[first:])
    rows, table = [], []
    for line in lines[lines.index(header["coords"]) + 1 :]:
        image = _joined(line[:first])
        cells = [cell.strip() for cell in line[first:]]
        if len(cells) != len(names):
            raise InputError(f"{path}: {image}: {len(cells)} values; expected {len(names)}")
        rows.append(image)
        table.append([_number(cell, path, image, name) for cell, name in zip(cells, names, strict=True)])
    return rows, known, np.array(table, np.float64).reshape(len(rows), len(known), 2)


def _read_hdf(path: Path) -> tuple[list[str], tuple[str, ...], npt.NDArray[np.float64]]:
    """Image index, keypoints, and float64 ``[rows, keypoints, 2]`` of an HDF5 table."""
    try:
        import pandas
        import tables  # noqa: F401  what pandas reads HDF5 with
    except ImportError:
        raise InputError(
            f"{path}: reading HDF5 labels needs the extra 'training': pip install 'posewire[training]'"
        ) from None
    try:
        frame = pandas.read_hdf(path)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a DeepLabCut HDF5 label table ({reason})") from None
    levels = list(getattr(getattr(frame, "columns", None), "names", []))
    _refuse_individuals(path, "individuals" in levels)
    if not isinstance(frame, pandas.DataFrame) or not {"bodyparts", "coords"} <= set(levels):
        raise InputError(f"{path}: expected a table with the column levels scorer, bodyparts, coords")
    known = _keypoints_of(
        path,
        [str(name) for name in frame.columns.get_level_values("bodyparts")],
        [str(name) for name in frame.columns.get_level_values("coords")],
    )
    rows = [_joined(row if isinstance(row, tuple) else (row,)) for row in frame.index]
    table = frame.to_numpy(np.float64, na_value=np.nan).reshape(len(rows), len(known), 2)
    return rows, known, table


def _refuse_individuals(path: Path, present: bool) -> None:
    if present:
        raise InputError(f"{path}: labels of several individuals; training takes labels of one animal per image")


def _keypoints_of(path: Path, names: Sequence[str], coords: Sequence[str]) -> tuple[str, ...]:
    """Each keypoint once, after checking that x and y of each stand side by side."""
    known = tuple(dict.fromkeys(names))
    if not known or list(coords) != ["x", "y"] * len(known) or list(names) != [n for n in known for _ in "xy"]:
        raise InputError(f"{path}: expected the columns x, y for each of the body parts in the header")
    return known


def _joined(parts: Iterable[object]) -> str:
    """One path with ``/`` of an image column, whatever system wrote it and in how many columns."""
    return str(PurePosixPath(*(str(part).strip().replace("\\", "/") for part in parts)))


def _number(cell: str, path: Path, image: str, keypoint: str) -> float:
    if not cell:
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise InputError(f"{path}: {image}, keypoint {keypoint}: {cell!r} is no pixel coordinate")
    return value


def _find_images(path: Path, rows: Iterable[str]) -> Iterable[Path]:
    folders = list(path.absolute().parents)
    for row in rows:
        # The folder that held the last image comes first: one look per image instead of many.
        found = next((folder for folder in folders if (folder / row).is_file()), None)
        if found is None:
            raise InputError(f"{path}: image {row} not found from {path.absolute().parent} or any folder above it")
        folders.sort(key=lambda folder: folder != found)
        yield found / row


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


def check_inside(where: str, image: object, keypoints: Sequence[str], points: Points, width: int, height: int) -> None:
    """Refuse labels ``[K, 2]`` outside an image: InputError naming ``where``, ``image`` and the keypoint."""
    for name, (x, y) in zip(keypoints, points, strict=True):
        if not np.isnan(x) and not (-0.5 <= x <= width and -0.5 <= y <= height):
            raise InputError(
                f"{where}: {image}, keypoint {name}: ({x:.1f}, {y:.1f}) lies outside the image of {width}x{height}; "
                "was the image resized or cropped after labelling?"
            )


def scaled_image(image: Image, scale: float, color: str) -> Image:
    """A BGR frame as the network sees it: resized by ``scale``, channels in the order ``color``."""
    if scale != 1.0:
        smooth = cv2.INTER_AREA if resize_averages(scale) else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=smooth), np.uint8)
    if color == "gray":
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
    return np.ascontiguousarray(image[..., ::-1]) if color == "rgb" else image


def read_frames(labels: Labels, where: str, scale: float, color: str) -> Frames:
    """Read all images of ``labels`` into memory; ``where`` names the label file in errors."""
    images = []
    for path, points in zip(labels.images, labels.points, strict=True):
        image = read_image(path)
        check_inside(where, path.name, labels.keypoints, points, image.shape[1], image.shape[0])
        images.append(scaled_image(image, scale, color))
    names = tuple("/".join(path.parts[-2:]) for path in labels.images)
    points = np.asarray(resized(labels.points, scale), np.float32)
    return Frames(names, tuple(images), points, scale)


def joined_frames(sets: Sequence[Frames]) -> Frames:
    """Several sets as one."""
    return Frames(
        tuple(name for part in sets for name in part.names),
        tuple(image for part in sets for image in part.images),
        np.concatenate([part.points for part in sets]),
        sets[0].scale,
    )
