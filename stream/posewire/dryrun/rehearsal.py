"""Frame after frame through the closed loop, on time that is given and with nobody at its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from posewire.closed_loop import ClosedLoop
from posewire.dryrun.nobody import GivenTime, Nobody
from posewire.dryrun.poses import Ids
from posewire.eventmessage import Event
from posewire.frame import Floats, Frame, Image
from posewire.triggers.rules import Rules

_NO_IMAGE: Image = np.empty((0, 0), np.uint8)


class Rehearsal:
    """What rules would do. Each frame is decided on ``latency_ns`` after it was taken.

    ``frame_rate``: frames/s (0: unknown); ``animals``: the most in a frame; ``tell`` hears every event. Raises
    InputError as a session would: for a classifier or the log of a control that cannot be used.
    """

    def __init__(
        self, rules: Rules, *, frame_rate: float, animals: int, latency_ns: int, tell: Callable[[Event], None]
    ) -> None:
        self._latency_ns = latency_ns
        self._clock = GivenTime()
        self._nobody: Nobody | None = None
        self._loop = ClosedLoop(
            rules,
            session=bytes(16),
            stream="dry-run",
            log=Path(os.devnull),
            unsafe=True,
            animals=animals,
            tell=tell,
            clock=self._clock,
            make_link=self._open,
        )
        self._loop.start(frame_rate, {})

    def _open(self, *arguments: Any, **settings: Any) -> Nobody:
        self._nobody = Nobody(*arguments, **settings, clock=self._clock)
        return self._nobody

    def step(
        self,
        number: int,
        time_ns: int,
        poses: Floats,
        ids: Ids | None,
        id_scores: Floats | None,
        predicted: Floats | None = None,
        image: Image | None = None,
    ) -> None:
        """Frame ``number``, taken at ``time_ns``. Without its ``image`` no rule may ask for gray."""
        assert self._nobody is not None
        now = time_ns + self._latency_ns
        self._nobody.wait(now)
        self._clock.now_ns = now
        self._loop.poll()
        frame = Frame(_NO_IMAGE if image is None else image, number, time_ns)
        self._loop.step(frame, time_ns, poses, ids, id_scores, predicted)
        self._loop.poll()

    def end(self) -> None:
        """There are no more frames."""
        self._loop.close("the dry run ended")

    def figures(self) -> dict[str, Any]:
        """``rules`` and ``outputs`` as in the report of a run, but ``on_ms`` without shams, and of outputs that follow
        the range of ``values``. Nothing that tells the arm of a blinded file."""
        assert self._nobody is not None
        blind = self._loop.rules.blind
        figures = self._loop.figures(blind=blind)
        outputs = figures["outputs"].values()
        for output, on_ms, values in zip(outputs, self._nobody.on_ms, self._nobody.values, strict=True):
            if not blind:
                output["on_ms"] = on_ms
            if values:
                output["values"] = {"least": min(values), "mean": sum(values) / len(values), "most": max(values)}
        return {"rules": figures["rules"], "outputs": figures["outputs"]}
