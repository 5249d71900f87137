"""`bench loop`: from an event in front of the camera to the output that answers it, by the whole program.

A source draws a mark that turns white at a known time, between two frames as things do. `posewire run` sees the next
frame, runs its network on it as on any other, a rule on the brightness of the mark fires, and the output comes on. What
is measured lies outside the program that is measured: the mark's times follow from a seed and the times at which frames
were due, the output's from the device (the virtual LED's file, or the simulated firmware's own record).
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posewire.outputs.log import read_log
from posewire.outputs.virtual_led import VirtualLed
from posewire.sources.marked import Mark, marks
from posewire_bench.live import Nanoseconds
from posewire_bench.outcome import Occasion, figure
from posewire_bench.rounds import Series
from posewire_models.errors import InputError, WorkError, nearest

OUTPUTS = ("virtual-led", "serial")
ALLOWED_MS = 1.5  # beyond a frame period and the network
_EVERY = 14  # frames from mark to mark, on average
_ON = 4
_ROUNDS = 10
_PULSE_MS = 20
_PIN = 5
_PLACE = (8, 8, 32, 32)


@dataclass(frozen=True)
class LoopSettings:
    """``events`` marks; ``source`` is what they are drawn on; ``output``: one of `OUTPUTS`."""

    events: int = 200
    source: str = "synthetic:size=256x256,fps=100"
    model: str = "synthetic-animal"
    output: str = "virtual-led"
    provider: str = "auto"
    threads: int = 0
    crop: str = "full"
    seed: int = 0


def bench_loop(settings: LoopSettings, *, say: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Measure it. Raises InputError for a wrong setting, WorkError if the program that is measured fails."""
    if settings.output not in OUTPUTS:
        raise InputError(
            f"--output {settings.output}: expected {' or '.join(OUTPUTS)}{nearest(settings.output, OUTPUTS)}"
        )
    if not _ROUNDS <= settings.events <= 2000:
        raise InputError(f"--events {settings.events}: expected {_ROUNDS} to 2000")
    *drawn, after = itertools.islice(marks(settings.seed, _EVERY), settings.events + 1)
    occasion = Occasion("loop", vars(settings) | {})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _device(settings.output, folder) as (options, answers):
            say(f"{settings.events} events in {after.frame} frames")
            report = _run(settings, after.frame, options, folder)  # ends before the next mark is shown
            came = answers()
        decided = _decisions(folder / "log.jsonl")
    period_ns = _period(decided, report)
    return _report(occasion, settings, drawn, came, decided, period_ns, report)


@contextmanager
def _device(kind: str, folder: Path) -> Iterator[tuple[str, Callable[[], Nanoseconds]]]:
    """The output's options, as lines of a rules file, and what tells when it came on."""
    if kind == "serial":
        from posewire_bench.simulated_firmware import SimulatedFirmware

        with SimulatedFirmware() as board:
            yield (
                f'port = "{board.port}"\nchannel = 0\npin = {_PIN}',
                lambda: np.array([on for on, _ in board.record().pulses_ns(_PIN)], np.int64),
            )
        return
    path = folder / "led.bin"

    def rises() -> Nanoseconds:
        with VirtualLed(path) as led:
            return np.array([change.time_ns for change in led.changes() if change.value > 0], np.int64)

    yield f'file = "{path.as_posix()}"', rises


def rules_text(kind: str, place: tuple[int, int, int, int], options: str) -> str:
    """A rules file whose one rule answers when ``place`` (x, y, width, height in px) becomes bright."""
    region = ", ".join(str(number) for number in place)
    # An answer that comes late is measured, not withheld.
    return f"""rules = 1
max_age_ms = 1000

[outputs.answer]
kind = "{kind}"
width_ms = {_PULSE_MS}
{options}

[[rule]]
name = "mark"
when = {{ gray = [{region}], above = 128 }}
output = "answer"
"""


def _run(settings: LoopSettings, frames: int, options: str, folder: Path) -> dict[str, Any]:
    place = ":".join(str(number) for number in _PLACE)
    spec = f"marked:every={_EVERY},on={_ON},seed={settings.seed},place={place}|{settings.source}"
    return run_program(settings, spec, rules_text(settings.output, _PLACE, options), folder, frames=frames)


def run_program(settings: LoopSettings, source: str, rules: str, folder: Path, **end: object) -> dict[str, Any]:
    """`posewire run` on ``source`` with ``rules``, its log in ``folder``; ``end``: when it ends. Its report.

    Raises InputError or WorkError, with what it said, if it fails.
    """
    (folder / "rules.toml").write_text(rules, encoding="utf-8")
    arguments: dict[str, object] = {
        "source": source, "model": settings.model, "rules": folder / "rules.toml", "log": folder / "log.jsonl",
        "publish": "tcp://127.0.0.1:*", "provider": settings.provider, "threads": settings.threads,
        "crop": settings.crop, **end,
    }  # fmt: skip
    words = [word for key, value in arguments.items() for word in (f"--{key}", str(value))]
    process = subprocess.run(
        [sys.executable, "-c", "from posewire.cli import main; main()", "run", *words, "--json"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:] or ["it wrote nothing"]
        raise (InputError if process.returncode == InputError.exit_status else WorkError)(
            f"`posewire run` ended with status {process.returncode}: {last[0].removeprefix('posewire: ')}"
        )
    found = json.loads(process.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def _decisions(log: Path) -> list[dict[str, Any]]:
    return [record for record in read_log(log) if record["record"] == "fired"]


def _period(decided: list[dict[str, Any]], report: dict[str, Any]) -> float:
    """Between two frames, ns: frames of a source without a camera are due at equal distances."""
    if len(decided) < 2:
        raise WorkError(f"the rule fired {len(decided)} times: nothing can be measured ({report['frames']})")
    first, last = decided[0], decided[-1]
    return (float(last["grabbed"]) - float(first["grabbed"])) / float(last["frame"] - first["frame"])


def match(events_ns: Nanoseconds, answers_ns: Nanoseconds) -> tuple[Nanoseconds, int, int]:
    """How long after its event each answer came, ns; events without an answer before the next one, answers too many.

    Both rise. Of several answers to one event the first one counts, the others are false.
    """
    owner = np.searchsorted(events_ns, answers_ns, side="right") - 1
    owned = owner >= 0
    answered, first = np.unique(owner[owned], return_index=True)
    taken = answers_ns[owned][first] - events_ns[answered]
    return taken, len(events_ns) - len(answered), len(answers_ns) - len(answered)


def _report(
    occasion: Occasion,
    settings: LoopSettings,
    drawn: list[Mark],
    came: Nanoseconds,
    decided: list[dict[str, Any]],
    period_ns: float,
    report: dict[str, Any],
) -> dict[str, Any]:
    origin = decided[0]["grabbed"] - decided[0]["frame"] * period_ns
    due = np.array([origin + mark.frame * period_ns for mark in drawn])
    happened = due - np.array([mark.before for mark in drawn]) * period_ns
    taken, missed, false = match(happened.astype(np.int64), came)
    of_frame, _, _ = match(due.astype(np.int64), came)
    of_decision, _, _ = match(np.array([one["decided"] for one in decided], np.int64), came)
    facts = {"output": settings.output, "model": report["model"], "provider": report["provider"]}
    figures = [
        figure("event to output", split(taken), work=False, **facts),
        figure("- first frame that shows it to output", split(of_frame), work=False, **facts, part=True),
        figure("- decision to output", split(of_decision), work=False, **facts, part=True),
    ]
    network = report["latency_ms"]["infer"]["p50"]
    rules = report["latency_ms"]["rules"]["p50"]
    allowed = period_ns / 1e6 + network + ALLOWED_MS
    p50 = figures[0]["p50"]
    notes = [
        f"{settings.events} events, {missed} missed, {false} false; frames: {report['frames']['offered']} offered, "
        f"{report['frames']['skipped']} skipped.",
        f"Event to output: p50 {p50:.2f} ms; a frame period ({period_ns / 1e6:.2f}) + the network's p50 "
        f"({network:.2f}) + {ALLOWED_MS} ms are {allowed:.2f} ms: {'within' if p50 <= allowed else 'ABOVE'} it.",
        f"Rules: p50 {rules:.3f} ms a frame.",
    ]
    outcome = {"events": settings.events, "missed": missed, "false": false, "allowed_ms": allowed, "run": report}
    return occasion.report(figures, (), notes, loop=outcome)


def split(taken_ns: Nanoseconds) -> Series:
    """Durations in ns, in their order, as rounds of ms."""
    return Series([part / 1e6 for part in np.array_split(taken_ns, _ROUNDS) if len(part)], 0)
