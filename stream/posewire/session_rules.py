"""The rules of a run, from the options to the report; `posewire.closed_loop` is what works in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from posewire.clock import ClockInfo
from posewire.closed_loop import ClosedLoop
from posewire.config import RunSettings
from posewire.eventmessage import Event
from posewire.frame import Frame, SourceInfo
from posewire.outputs.kinds import open_device
from posewire.outputs.link import GuardLink
from posewire.pipeline import Pipeline
from posewire.triggers.file import read_file
from posewire.triggers.sentences import sentence
from posewire_models.errors import InputError

MOST_ANIMALS = 32  # in a frame, where nobody says how many there are


class SessionRules:
    """``--rules FILE`` of one session. Called by the loop's thread alone."""

    def __init__(self, settings: RunSettings, pipeline: Pipeline, session: bytes) -> None:
        """Reads the file, so that what is wrong in it is told before anything is opened. Raises InputError."""
        assert settings.rules is not None
        self._settings, self._pipeline, self._session = settings, pipeline, session
        self._path = settings.rules
        self._loop: ClosedLoop | None = None
        self._size = (0, 0)
        contract = pipeline.model.contract
        rules = read_file(self._path, contract.keypoints, animals=contract.animals).rules
        for spec in rules.outputs:
            open_device(spec, settings.stream)  # looks at its options, and opens nothing
        if any(rule.predicted for rule in rules.rules) and settings.lead_ms is None:
            raise InputError(f"{self._path}: a rule uses predicted keypoints; give --lead-ms, or use = 'measured'")
        named = f"{settings.stream}-{time.strftime('%Y%m%d-%H%M%S')}-{session.hex()[:6]}.log.jsonl"
        self._log = Path(named) if settings.log is None else settings.log
        if self._log.exists():
            raise InputError(f"--log {self._log}: exists already; a log is never written over, give another file")

    def start(
        self,
        info: SourceInfo,
        clock: ClockInfo,
        about: Mapping[str, Any],
        tell: Callable[[Event], None],
        say: Callable[[str], None],
    ) -> None:
        """Arm: the source is open and the network ready. Raises InputError, WorkError."""
        settings, contract = self._settings, self._pipeline.model.contract
        file = read_file(self._path, contract.keypoints, (info.width, info.height), contract.animals, info.fps)
        rules = file.rules
        animals = 1 if contract.animals == "one" else settings.animals or MOST_ANIMALS
        loop = ClosedLoop(
            rules,
            session=self._session,
            stream=settings.stream,
            log=self._log,
            unsafe=settings.unsafe,
            animals=animals,
            tell=tell,
            make_link=partial(GuardLink, realtime=settings.realtime),
        )
        self._loop, self._size = loop, (info.width, info.height)
        if settings.pace == "max":
            say("--pace max: rules go by the source's own time, limits by the clock; to try rules out, take a dry run")
        for rule in rules.rules:
            say(sentence(rule, rules))
        for doubt in file.doubts:
            say(f"{self._path}:{doubt.line}: {doubt.what}: {doubt.text}")
        header = {
            "session": self._session.hex(),
            "stream": settings.stream,
            "clock": vars(clock),
            "source": info.name,
            "size": [info.width, info.height],
            "fps": info.fps,
            **about,
        }
        for line in loop.start(info.fps, header):
            say(line)
        say(f"armed; the log is {loop.log}")

    def step(self, frame: Frame, taken_ns: int) -> None:
        """The pipeline's last frame, taken at ``taken_ns`` of the source's time."""
        assert self._loop is not None
        height, width = frame.image.shape[:2]
        if (width, height) != self._size:
            armed = "{}x{}".format(*self._size)
            self._loop.disarm(f"frame {frame.number} is {width}x{height}: the rules were armed for {armed}")
            self._size = width, height
        pipeline = self._pipeline
        self._loop.step(frame, taken_ns, pipeline.poses, pipeline.ids, pipeline.id_scores, pipeline.predicted)

    def poll(self, say: Callable[[str], None]) -> bool:
        """Hear the guard; whether the outputs have just been disarmed, which is said."""
        loop = self._loop
        if loop is None:
            return False
        armed = loop.armed
        loop.poll()
        if armed and not loop.armed:
            say(f"DISARMED, outputs are in their safe state: {loop.trouble}")
            return True
        return False

    def close(self, reason: str) -> None:
        """Outputs into their safe state, log closed. May be called twice."""
        if self._loop is not None:
            self._loop.close(reason)

    @property
    def status(self) -> str:
        """For the status line. Any thread may ask."""
        if self._loop is None:
            return ""
        tally = self._loop.tally
        return f"{'armed' if self._loop.armed else 'DISARMED'}  decisions {sum(tally.fired) + sum(tally.shams)}"

    def health(self) -> dict[str, Any] | None:
        """For the health message: nothing that tells the arm of a blinded session."""
        return None if self._loop is None else self._loop.figures(blind=self._loop.rules.blind)

    def report(self) -> dict[str, Any] | None:
        """For the report, once the log is closed."""
        loop = self._loop
        if loop is None:
            return None
        figures = loop.figures(blind=False)
        del figures["armed"]
        return {
            "file": str(self._path),
            "sha256": loop.rules.sha256,
            "log": str(loop.log),
            **figures,
            "latency_ms": loop.tally.latency_ms(),
        }
