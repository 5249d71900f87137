"""How far it is: a live line on a terminal, a plain one now and then where there is none."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable

from posewire.clock import now_ns

_PLAIN_EVERY_NS = 30_000_000_000
_RATE_OVER = 20  # marks, at least half a second apart
_MARK_NS = 500_000_000


class Progress:
    """Written by the thread that works, read by the one that shows it. ``say`` receives the plain lines."""

    def __init__(self, videos: int, say: Callable[[str], None], clock: Callable[[], int] = now_ns) -> None:
        self._videos, self._say, self._clock = videos, say, clock
        self._number, self._name = 0, ""
        self._promised: int | None = None
        self._frames = self._resumed = self._skipped = 0
        self._marks: deque[tuple[int, int]] = deque(maxlen=_RATE_OVER)
        self._told_ns = clock()
        self._plain = not sys.stderr.isatty()
        self.phase = ""

    def video(self, number: int, name: str) -> None:
        """The next video; ``number`` counts from 1."""
        self._number, self._name, self.phase = number, name, "opening"
        self._promised, self._frames, self._resumed, self._skipped = None, 0, 0, 0
        self._marks.clear()

    def begin(self, promised: int | None, resumed: int) -> None:
        """Frames are about to come: ``promised`` in all, of which ``resumed`` were done before."""
        self._promised, self._resumed, self._frames = promised, resumed, resumed
        self.phase = ""
        self._marks.append((self._clock(), resumed))

    def passed(self, skipped: int) -> None:
        """So many of the frames that were done before have been passed over."""
        self._skipped = skipped
        self._tell()

    def at(self, frames: int) -> None:
        """So many frames are done."""
        self._skipped, self._frames = self._resumed, frames
        now = self._clock()
        if now - self._marks[-1][0] >= _MARK_NS:
            self._marks.append((now, frames))
            self._tell()

    def rate(self) -> float:
        """Frames/s lately; 0 before anything is known."""
        if len(self._marks) < 2:
            return 0.0
        (began, before), (now, frames) = self._marks[0], self._marks[-1]
        return (frames - before) * 1e9 / max(1, now - began)

    def text(self) -> str:
        """One line: which video of how many, frames, frames/s, and the time left of this video."""
        if not self._number:
            return ""
        line = f"{self._number}/{self._videos} {self._name}"
        if self.phase:
            return f"{line}: {self.phase}"
        if self._skipped < self._resumed:
            return f"{line}: passing over what is done, {self._skipped} of {self._resumed} frames"
        of = f" of {self._promised}" if self._promised else ""
        line += f": {self._frames}{of} frames"
        if self._promised:
            line += f" ({100.0 * self._frames / self._promised:.0f} %)"
        if rate := self.rate():
            line += f", {rate:.1f} frames/s"
            if self._promised and self._promised > self._frames:
                line += f", {duration((self._promised - self._frames) / rate)} left"
        return line

    def _tell(self) -> None:
        if self._plain and self._clock() - self._told_ns >= _PLAIN_EVERY_NS:
            self._told_ns = self._clock()
            self._say(self.text())


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 05 s`` or ``2 h 07 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
