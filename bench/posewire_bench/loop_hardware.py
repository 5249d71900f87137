"""`bench loop --hardware serial:PORT`: a board lights an LED in the camera's view, and times the answer itself.

The board lights it at times of its own choice and counts microseconds until the output that the rule fires comes on. So
what is measured has camera, exposure, transfer, network, rules and the way to the board in it, and no clock of ours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posewire.outputs.log import read_log
from posewire_bench.loop import LoopSettings, rules_text, run_program, split
from posewire_bench.outcome import Occasion, figure
from posewire_models.errors import InputError, WorkError

_EVERY_S = 1.0  # the board waits 0.5 to 1.5 s from one light to the next
_START_S = 5.0


@dataclass(frozen=True)
class HardwareSettings:
    """``hardware``: ``serial:PORT``; ``pin`` is the output's, ``led_pin`` the LED's; ``place``: where the camera sees
    the LED, ``X,Y,W,H`` in px of the frame. All else is in `LoopSettings`, whose ``source`` is a camera."""

    hardware: str
    place: str
    pin: int = 5
    led_pin: int = 13


def bench_hardware(
    settings: LoopSettings, board: HardwareSettings, *, say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Measure it. Raises InputError for a wrong setting, WorkError if the program that is measured fails."""
    kind, colon, port = board.hardware.partition(":")
    if kind != "serial" or not colon or not port:
        raise InputError(
            f"--hardware {board.hardware}: expected serial:PORT, such as serial:/dev/ttyACM0 or serial:COM3"
        )
    place = _place(board.place)
    occasion = Occasion("loop", {**vars(settings), **vars(board), "output": "serial"})
    options = f'port = "{port}"\npin = {board.pin}\nself_test_pin = {board.led_pin}'
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = settings.events * _EVERY_S + _START_S
        say(f"about {settings.events} lights: {seconds:.0f} s")
        report = run_program(settings, settings.source, rules_text("serial", place, options), folder, duration=seconds)
        records = list(read_log(folder / "log.jsonl"))
    # An answer without an act is one to a light. The first light may have been on before frames came.
    answers = [one["device_us"] for one in records if one["record"] == "acknowledged" and one.get("event", -1) < 0]
    wrong = [one["text"] for one in records if one["record"] == "failed" and one.get("event", -1) < 0]
    taken = np.array([us for us in answers[1:] if us is not None], np.int64) * 1000
    if len(taken) < 10:
        raise WorkError(
            f"the board timed {len(taken)} answers: does the camera see its LED in {board.place}? It told: "
            f"{'; '.join(dict.fromkeys(wrong)) or 'nothing'}"
        )
    figures = [
        figure("event to output, by the board's clock", split(taken), work=False, output="serial",
               model=report["model"], provider=report["provider"])
    ]  # fmt: skip
    notes = [
        f"{len(taken)} lights were answered; the board told of {len(wrong)} that were not, or of starts in the dark"
        f"{': ' + '; '.join(dict.fromkeys(wrong)) if wrong else ''}.",
        f"The network's p50: {report['latency_ms']['infer']['p50']:.2f} ms; frames/s: {report['fps']:.1f}; skipped: "
        f"{report['frames']['skipped']} of {report['frames']['offered']}.",
    ]
    outcome = {"events": len(taken) + len(wrong), "wrong": wrong, "run": report}
    return occasion.report(figures, (), notes, loop=outcome)


def _place(text: str) -> tuple[int, int, int, int]:
    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--place {text}: expected X,Y,W,H in px of the frame: where the camera sees the LED"
        ) from None
    return x, y, width, height
