"""A scene: one look, several animals in motion, and every frame of it on demand."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire_models.phantom import raster
from posewire_models.phantom.anatomy import (
    BODY,
    CAPSULE_FIELDS,
    DECORATION,
    KEYPOINT_LAYERS,
    LAYER_STARTS,
)
from posewire_models.phantom.arena import arena_of, ground_of
from posewire_models.phantom.coat import atlas
from posewire_models.phantom.keyed import Draws, hashes, key_of, wander
from posewire_models.phantom.look import look_of
from posewire_models.phantom.motion import Mover, Posture
from posewire_models.phantom.parts import parts_of
from posewire_models.phantom.path import Point
from posewire_models.phantom.trigonometry import TAU, sine
from posewire_models.skeleton import Pair

Image = npt.NDArray[np.uint8]

_NOISE_SIZE = 1 << 16
_STARTS = np.asarray(LAYER_STARTS, np.int64)
_POINT_ENDS = np.asarray([LAYER_STARTS[layer + 1] for layer in KEYPOINT_LAYERS], np.int64)
# Decoration (inner ears, eyes, nose) hides nothing: parts from here on are not asked.
_END = LAYER_STARTS[DECORATION]


@dataclass(frozen=True)
class Drawn:
    """A drawn frame and its truth.

    ``image``: uint8 [H, W, 3] BGR. ``points``: float32 [A, K, 2], px of the frame, (0, 0) the centre of the top-left
    pixel, in steps of 1/64, also where hidden. ``visible``: bool [A, K], False where a keypoint is covered by an
    animal above it or by its own body, or lies outside the image.
    """

    image: Image
    points: npt.NDArray[np.float32]
    visible: npt.NDArray[np.bool_]


class Scene:
    """Articulated animals in an arena; the same parameters and frame number give the same bytes for ever.

    ``animals`` 1..8, ``fps`` in frames/s, ``seed`` drives the motion and ``look`` (default: ``seed``) the picture.
    ``away`` 0..0.6 is the share of the time for which each animal walks out of the picture and comes back. Numbers
    from 1_000_000 on are for training, smaller ones for tests and users: same distribution, other instances. Not for
    use by two threads at once (scratch buffers). Raises ValueError for a bad parameter.
    """

    keypoints = BODY.keypoints
    skeleton: tuple[Pair, ...] = BODY.edges
    symmetric: tuple[Pair, ...] = BODY.symmetric

    def __init__(
        self,
        width: int = 640,
        height: int = 480,
        animals: int = 1,
        fps: float = 100.0,
        seed: int = 0,
        look: int | None = None,
        away: float = 0.0,
    ) -> None:
        self.check(width, height, animals, fps, seed, look, away)
        self.width, self.height, self.animals, self.fps, self.seed = width, height, animals, float(fps), seed
        self.look_number = seed if look is None else look
        unit_px = min(width / 640.0, height / 480.0)
        self.look = look_of(self.look_number, animals, unit_px)
        self.arena = arena_of(self.look, width, height, unit_px)
        self.away = away
        self._movers = []
        for animal, build in enumerate(self.look.builds):
            ground = ground_of(self.look, width, height, unit_px, build.length)
            # From the ground's border so far that not even the tail's tip is left in the picture.
            border = max((width - 1) / 2.0 - ground.half_x, (height - 1) / 2.0 - ground.half_y)
            beyond = border + 2.4 * build.length
            self._movers.append(Mover(key_of(seed, animal, 0x3A7), build, ground, away, beyond))
        self._atlases = [atlas(coat) for coat in self.look.coats]
        self.order = self._heights()  # who lies below whom: int64 [animals], the lowest first
        self._noise = self._noise_table()
        self._light = np.asarray(self.look.light, np.float64)
        self._distance = np.full((height, width), raster.FAR, np.float32)
        self._nearest = np.zeros((height, width), np.uint8)

    @staticmethod
    def check(
        width: int, height: int, animals: int, fps: float, seed: int, look: int | None, away: float = 0.0
    ) -> None:
        """Raises ValueError, naming the first parameter that no scene can have."""
        if width < 32 or height < 32:
            raise ValueError(f"a scene needs at least 32x32 pixels, not {width}x{height}")
        if not 1 <= animals <= 8:
            raise ValueError(f"a scene has 1 to 8 animals, not {animals}")
        if not (fps > 0.0 and math.isfinite(fps)):
            raise ValueError(f"fps must be above 0, not {fps}")
        if seed < 0 or (look is not None and look < 0):
            raise ValueError("seed and look must not be negative")
        if not 0.0 <= away <= 0.6:
            raise ValueError(f"away is a share of the time from 0 to 0.6, not {away:g}")

    def takes(self, into: Image) -> bool:
        """Whether `draw` can fill this array."""
        return into.shape == self.arena.shape and into.dtype == np.uint8 and into.flags.c_contiguous

    def _heights(self) -> npt.NDArray[np.int64]:
        draws = Draws(self.seed, 0x2D)
        ranks = [draws.between(0.0, 1.0) for _ in range(self.animals)]
        return np.asarray(sorted(range(self.animals), key=ranks.__getitem__), np.int64)

    def _noise_table(self) -> npt.NDArray[np.int8]:
        """Sums of eight uniform bytes (nearly normal), one triple a pixel; equal in a triple for a mono camera."""
        pixels = _NOISE_SIZE + self.width
        draws = hashes(key_of(self.look.key, 5), pixels * 3).astype("<u8").view(np.uint8).reshape(-1, 8)
        sums = draws.sum(axis=1, dtype=np.int64).astype(np.float64) - 1020.0
        # A uniform byte's variance is (256^2 - 1) / 12.
        values = np.clip(np.rint(sums * (self.look.noise / math.sqrt(8.0 * 65535.0 / 12.0))), -100, 100)
        table: npt.NDArray[np.int8] = values.astype(np.int8).reshape(pixels, 3)
        if self.look.mono:
            table[:] = table[:, :1]
        return np.ascontiguousarray(table).reshape(-1)

    def _gains(self, time: float) -> npt.NDArray[np.float32]:
        """Brightness of each row in steps of 1/256: slow drift and the mains' flicker under a rolling shutter."""
        look = self.look
        gain = 1.0 + look.drift * wander(look.key, time / 7.0)
        rows = np.full(self.height, round(gain * 256.0) / 256.0, np.float32)
        if look.flicker:
            waves = [look.flicker * sine(TAU * (time * look.flicker_hz + i / 32.0)) for i in range(32)]
            steps = np.asarray([round((gain + wave) * 256.0) / 256.0 for wave in waves], np.float32)
            rows = steps[(np.arange(self.height) * 48 // self.height) % 32]
        return rows

    def draw(self, number: int, into: Image | None = None) -> Drawn:
        """Frame ``number`` (0 or above), at time ``number / fps``.

        ``into``: uint8 [H, W, 3], C order, is filled and returned as the image if given. Raises ValueError if it
        has another shape, type or order.
        """
        if into is None:
            into = np.empty((self.height, self.width, 3), np.uint8)
        elif not self.takes(into):
            raise ValueError(f"into must be uint8 {list(self.arena.shape)} in C order")
        time = number / self.fps
        gains = self._gains(time)
        seats = hashes(key_of(self.look.key, number, 3), self.height) % np.uint64(_NOISE_SIZE)
        offsets = (seats * np.uint64(3)).astype(np.int64)
        flat = (self.height, self.width * 3)
        raster.expose(self.arena.reshape(flat), gains, self._noise, offsets, into.reshape(flat))

        postures = [mover.posture(time) for mover in self._movers]
        points = np.empty((self.animals, len(self.keypoints), 2), np.float64)
        parts = np.empty((self.animals, LAYER_STARTS[-1], len(CAPSULE_FIELDS)), np.float64)
        shadows: list[npt.NDArray[np.float64]] = []
        for animal, posture in enumerate(postures):
            build = self.look.builds[animal]
            if not self.away:
                keep_inside(posture, self.width, self.height, 0.07 * build.length)
            drawn = parts_of(posture, build)
            parts[animal] = drawn.parts
            points[animal] = drawn.points
            shadows.append(drawn.shadow)
        look = self.look
        scratch = (self._distance, self._nearest)
        for animal in self.order:
            fall = look.shadow * (1.0 + 0.9 * postures[animal].rear)
            raster.shade(
                into,
                shadows[animal],
                -fall * look.light[0],
                -fall * look.light[1],
                look.shadow_soft,
                look.shadow_depth,
                *scratch,
            )
            raster.paint(
                into,
                parts[animal],
                _STARTS,
                self._atlases[animal],
                self._light,
                look.edge,
                gains,
                self._noise,
                offsets,
                *scratch,
            )
        visible = np.empty(points.shape[:2], np.bool_)
        raster.look_through(points, parts, self.order, _POINT_ENDS, _END, self.width, self.height, visible)
        return Drawn(into, points.astype(np.float32), visible)


def keep_inside(posture: Posture, width: int, height: int, margin: float) -> None:
    """Shift an animal that reaches over the frame's border back in; its tail may leave."""
    places = [*posture.back, *posture.paws]
    shift: list[float] = []
    for axis, size in ((0, width), (1, height)):
        low = min(place[axis] for place in places) - margin
        high = max(place[axis] for place in places) + margin - (size - 1)
        shift.append(-low if low < 0.0 else -high if high > 0.0 else 0.0)
    if shift == [0.0, 0.0]:
        return

    def moved(place: Point) -> Point:
        return place[0] + shift[0], place[1] + shift[1]

    posture.back = [moved(place) for place in posture.back]
    posture.tail = [moved(place) for place in posture.tail]
    posture.paws = [moved(place) for place in posture.paws]
