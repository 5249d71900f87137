"""Drawn animals with known truth as a stream of frames: the source that needs no camera."""

from __future__ import annotations

from posewire.frame import Frame, Image, SourceInfo, Truth
from posewire.sources import parse_fps, parse_options, parse_size
from posewire_models.errors import InputError
from posewire_models.phantom import Scene

_OPTIONS = ("animals", "size", "fps", "seed", "look", "frames", "away", "loop")

_MOST_BYTES = 1_000_000_000  # of frames drawn ahead


def open_source(argument: str) -> SyntheticSource:
    """The source of the SPECs ``synthetic`` and ``synthetic:animals=2,size=640x480,fps=100,seed=0,look=3,frames=500``.

    All options may be left out: one animal, 640x480, 100 frames/s, seed 0, the look of the seed, no end. ``away=0.2``
    lets each animal leave the picture and come back, and be out of it for about a fifth of the time. ``loop=200`` draws
    200 frames before the first is asked for and delivers them over and over, so that drawing takes no time from what is
    measured. Raises InputError for an unknown option or a value that cannot be used.
    """
    options = parse_options(argument, "synthetic", _OPTIONS)
    width, height = parse_size(options.get("size", "640x480"), "synthetic")
    return SyntheticSource(
        width=width,
        height=height,
        animals=_whole(options, "animals", 1, 1),
        fps=parse_fps(options.get("fps", "100"), "synthetic"),
        seed=_whole(options, "seed", 0, 0),
        look=_whole(options, "look", 0, 0) if "look" in options else None,
        frames=_whole(options, "frames", 1, 1) if "frames" in options else None,
        away=_share(options, "away"),
        loop=_whole(options, "loop", 0, 1) if "loop" in options else 0,
    )


def _whole(options: dict[str, str], key: str, default: int, least: int) -> int:
    text = options.get(key, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 18 and int(text) >= least):
        raise InputError(
            f"source synthetic: {key}={text} is no whole number from {least} on, such as {key}={max(default, least)}"
        )
    return int(text)


def _share(options: dict[str, str], key: str) -> float:
    text = options.get(key, "0")
    try:
        return float(text)
    except ValueError:
        raise InputError(f"source synthetic: {key}={text} is no number, such as {key}=0.2") from None


class SyntheticSource:
    """Frames of a `posewire_models.phantom.Scene`, uint8 [H, W, 3] BGR, each with its `Truth`.

    The parameters are the scene's; ``frames`` is how many there are, None for no end. Equal parameters give equal
    frames. ``loop``: how many are drawn when it is opened, to be delivered over and over; 0 for none. Raises InputError
    for parameters that no scene can have, and for a loop of more than 1 GB.
    """

    def __init__(
        self,
        *,
        width: int = 640,
        height: int = 480,
        animals: int = 1,
        fps: float = 100.0,
        seed: int = 0,
        look: int | None = None,
        frames: int | None = None,
        away: float = 0.0,
        loop: int = 0,
    ) -> None:
        try:
            Scene.check(width, height, animals, fps, seed, look, away)
        except ValueError as error:
            raise InputError(f"source synthetic: {error}") from None
        self.width, self.height, self.animals, self.fps = width, height, animals, fps
        self.seed, self.look, self.frames, self.away = seed, look, frames, away
        if loop * width * height * 3 > _MOST_BYTES:
            raise InputError(
                f"source synthetic: loop={loop} frames of {width}x{height} would take more than 1 GB of memory; "
                f"at most loop={_MOST_BYTES // (width * height * 3)}"
            )
        self._loop = loop
        self._drawn: list[Frame] = []
        self._scene: Scene | None = None
        self._next = 0

    def open(self) -> SourceInfo:
        """Draws the arena, and one frame so that the kernels are compiled (seconds, the first time on a machine)."""
        scene = Scene(self.width, self.height, self.animals, self.fps, self.seed, self.look, self.away)
        scene.draw(0)
        self._scene, self._next = scene, 0
        self._drawn = [self._draw(scene, number, None) for number in range(self._loop)]
        return SourceInfo("synthetic", self.width, self.height, self.fps, frames=self.frames, animals=self.animals)

    def read(self, into: Image | None = None) -> Frame | None:
        """The next frame, drawn into ``into`` if it fits (uint8 [H, W, 3], C order); None at the end or when closed."""
        scene = self._scene
        if scene is None or (self.frames is not None and self._next >= self.frames):
            return None
        number = self._next
        self._next += 1
        if self._drawn:
            drawn = self._drawn[number % self._loop]
            return Frame(drawn.image, number, truth=drawn.truth)
        return self._draw(scene, number, into)

    def _draw(self, scene: Scene, number: int, into: Image | None) -> Frame:
        if into is not None and not scene.takes(into):
            into = None
        drawn = scene.draw(number, into)
        return Frame(drawn.image, number, truth=Truth(scene.keypoints, drawn.points, drawn.visible))

    def close(self) -> None:
        """Forgets the scene; `read` then returns None."""
        self._scene = None
        self._drawn = []

    def remarks(self) -> list[str]:
        """Nothing: drawn frames cannot fail."""
        return []
