"""Changed views of training images: one affine on image and keypoints together, then light, blur and noise.

Everything is drawn from the generator handed in, so that the same generator gives the same view.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from posewire_training.images import Image
from posewire_training.labels.record import Points, labelled
from posewire_training.settings import AugmentSettings, Size

Affine = npt.NDArray[np.float64]
"""``[2, 3]``: pixel coordinates of the source (x, y, 1) to those of the view."""

_NOISE_SIDE = 640


class Augment:
    """Draws views. ``flip_order`` names for each keypoint the one that takes its place in a mirrored image."""

    def __init__(self, settings: AugmentSettings, flip_order: Sequence[int]) -> None:
        self.settings = settings
        self.flip_order = list(flip_order)
        # Drawing millions of normal numbers a step would cost more than the step: windows of one bank do.
        self._noise = np.random.default_rng(0).standard_normal((_NOISE_SIDE, _NOISE_SIDE, 3)).astype(np.float32)

    def view(
        self, image: Image, points: Points, size: Size, rng: np.random.Generator, close: bool = False
    ) -> tuple[Image, Points, npt.NDArray[np.bool_]]:
        """One view of an image.

        ``image``: uint8 ``[h, w, C]``; ``points``: float32 ``[animals, K, 2]`` in its pixels; ``size``: width and
        height of the view. A close view is a window round an animal; any other one keeps the image's own extent,
        with zeros to its right and below, as at run time. Returns the view, uint8 ``[height, width, C]``, the
        points in it, NaN where they left it, and bool ``[animals, K]``: which were labelled at all.
        """
        extent = size if close else (min(image.shape[1], size[0]), min(image.shape[0], size[1]))
        matrix, mirrored = self.random_affine(points, (image.shape[1], image.shape[0]), extent, rng, close)
        border, fill = self._border(rng)
        seen = cv2.warpAffine(image, matrix, extent, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=(fill,) * 4)
        seen = self._relit(np.asarray(seen, np.uint8).reshape(extent[1], extent[0], image.shape[2]), rng)
        moved = move_points(matrix, points)
        if mirrored:
            moved = moved[:, self.flip_order]
        there = labelled(moved)
        inside = np.all((moved >= -0.5) & (moved < np.array(extent) - 0.5), axis=-1)
        moved[~inside] = np.nan
        view = np.zeros((size[1], size[0], image.shape[2]), np.uint8)
        view[: extent[1], : extent[0]] = seen
        return view, moved, there

    def random_affine(
        self, points: Points, source: Size, extent: Size, rng: np.random.Generator, close: bool
    ) -> tuple[Affine, bool]:
        """An affine about the animal (of several: about one of them in close views, else about all), and whether it
        mirrors."""
        s = self.settings
        middle = (np.array(source, np.float64) - 1) / 2
        there = labelled(points)
        present = np.flatnonzero(there.any(axis=-1))
        if close and len(present) > 1:
            one = rng.choice(present)
            points, there = points[one], there[one]
        known = points[there]
        anchor = known.mean(axis=0).astype(np.float64) if len(known) else middle
        calm = bool(rng.random() < s.calm_share)
        angle = np.deg2rad(rng.uniform(-s.rotation_degrees, s.rotation_degrees)) * (0.05 if calm else 1.0)
        zoom = np.exp(rng.uniform(*np.log(s.scale))) ** (0.3 if calm else 1.0)
        shear = rng.uniform(-s.shear, s.shear) * (0.3 if calm else 1.0)
        mirrored = bool(rng.random() < s.flip)
        cos, sin = np.cos(angle), np.sin(angle)
        linear = zoom * np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, shear], [0.0, 1.0]])
        if mirrored:
            linear = linear @ np.diag([-1.0, 1.0])
        room = np.array(extent, np.float64) - 1
        if close:
            target = room * rng.uniform(0.25, 0.75, 2)
        elif calm or rng.random() < 0.5:
            # Turned about the image's middle: the animal stays where animals are, walls come along.
            target = room / 2 + linear @ (anchor - middle) + rng.normal(0, 0.03, 2) * room
        else:
            target = room * rng.uniform(0.05, 0.95, 2)
        target = np.clip(target, 0.04 * room, 0.96 * room)
        return np.column_stack([linear, target - linear @ anchor]), mirrored

    def _border(self, rng: np.random.Generator) -> tuple[int, int]:
        draw = rng.random()
        if draw < 0.45:
            return cv2.BORDER_REPLICATE, 0
        return cv2.BORDER_CONSTANT, 0 if draw < 0.6 else int(rng.integers(256))

    def _relit(self, image: Image, rng: np.random.Generator) -> Image:
        """Light, color, focus, noise, occlusion and compression; the shape ``[h, w, C]`` stays."""
        s, shape = self.settings, image.shape
        if rng.random() < s.shading:
            field = rng.uniform(0.6, 1.3, (3, 3)).astype(np.float32)
            gain = cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)[..., None]
            image = np.clip(image * gain, 0, 255).astype(np.uint8)
        curve = self._curve(rng, 0 if rng.random() >= s.tint else 0.15, shape[2])
        image = np.asarray(cv2.LUT(image, curve[None]), np.uint8).reshape(shape)
        if rng.random() < s.blur:
            image = self._blurred(image, rng).reshape(shape)
        if s.noise and rng.random() < 0.7:
            image = self._noisy(image, rng.uniform(0, s.noise), rng)
        if rng.random() < s.occlusion:
            for _ in range(int(rng.integers(1, 5))):
                w, h = rng.integers(4, max(5, min(shape[:2]) // 7), 2)
                x, y = rng.integers(0, shape[1]), rng.integers(0, shape[0])
                image[y : y + h, x : x + w] = rng.integers(256)
        if rng.random() < s.compression:
            quality = int(rng.integers(15, 60))
            packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_UNCHANGED), np.uint8)
        return image.reshape(shape)

    def _curve(self, rng: np.random.Generator, tint: float, channels: int) -> npt.NDArray[np.uint8]:
        """Look-up table uint8 ``[256, C]``: gamma, then gain about the middle grey, then shift."""
        s = self.settings
        gamma = np.exp(rng.uniform(*np.log(s.gamma)))
        gain = np.exp(rng.uniform(*np.log(s.contrast)))
        light = rng.uniform(-s.light, s.light)
        apart = 1 + rng.uniform(-tint, tint, channels)
        grey = 255 * (np.arange(256)[:, None] / 255) ** gamma
        return np.asarray(np.clip(((grey - 128) * gain + 128 + light) * apart, 0, 255), np.uint8)

    def _blurred(self, image: Image, rng: np.random.Generator) -> Image:
        if rng.random() < 0.5:
            return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5)), np.uint8)
        length = int(rng.integers(3, 8))
        kernel = np.zeros((length, length), np.float32)
        angle, middle = rng.uniform(0, np.pi), (length - 1) / 2
        for t in np.linspace(-middle, middle, 2 * length):
            kernel[round(middle + t * np.sin(angle)), round(middle + t * np.cos(angle))] = 1
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)

    def _noisy(self, image: Image, deviation: float, rng: np.random.Generator) -> Image:
        height, width, channels = image.shape
        rows = (rng.integers(_NOISE_SIDE) + np.arange(height)) % _NOISE_SIDE
        columns = (rng.integers(_NOISE_SIDE) + np.arange(width)) % _NOISE_SIDE
        # Sensors of gray cameras have one noise for all channels.
        own = slice(0, channels) if rng.random() < 0.3 else slice(0, 1)
        noise = self._noise[rows][:, columns, own] * np.float32(deviation)
        return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def move_points(matrix: Affine, points: Points) -> Points:
    """Points ``[..., 2]`` through an affine; NaN stays NaN."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
