"""What the loop and its guard tell each other: the settings at the start, and the messages of their channel.

Messages are arrays; the first element is a number below. From the loop: ``ACT`` output, taken_ns, then the fields of
`posewire.outputs.device.Act`; ``BEAT`` taken_ns; ``RECORD`` mapping; ``DISARM`` text; ``CLOSE`` text. From the guard:
``HELLO`` token; ``READY`` lines; ``CANNOT`` exit status, text; ``ALIVE`` time_ns; ``TOLD`` kind, output, event,
time_ns, device_us, text; ``CLOSED`` text, empty if the log is whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from posewire.outputs.channel import plain
from posewire.outputs.spec import MODES, OutputSpec
from posewire_models.errors import InputError

ACT, BEAT, RECORD, DISARM, CLOSE = 1, 2, 3, 4, 5
HELLO, READY, CANNOT, ALIVE, TOLD, CLOSED = 11, 12, 13, 14, 15, 16

ALL = -1  # the output of what concerns all of them
ALIVE_NS = 100_000_000  # how often the guard says that it lives


@dataclass(frozen=True)
class Settings:
    """All that a guard needs, given through its standard input. ``max_age_ns`` is one number for each output."""

    outputs: tuple[OutputSpec, ...]
    max_age_ns: tuple[int, ...]
    log: str
    header: dict[str, Any]
    stream: str
    unsafe: bool
    realtime: bool = False
    descriptor: int = -1  # of the connection, inherited; -1: by `port`
    port: int = 0
    token: str = ""

    def to_json(self) -> bytes:
        """What `from_json` reads."""
        return json.dumps({**vars(self), "outputs": [asdict(spec) for spec in self.outputs]}, default=plain).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Settings:
        """Raises ValueError, TypeError or KeyError if it is not what `to_json` wrote."""
        given: Mapping[str, Any] = json.loads(data)
        outputs = tuple(OutputSpec(**spec) for spec in given["outputs"])
        values = {field.name: given[field.name] for field in fields(cls)}
        return cls(**{**values, "outputs": outputs, "max_age_ns": tuple(given["max_age_ns"])})


def check_output(spec: OutputSpec) -> None:
    """Raises InputError for what no guard could do."""
    where = f"output {spec.name!r}"
    if spec.mode not in MODES:
        raise InputError(f"{where}: no mode {spec.mode!r}; modes are {', '.join(MODES)}")
    if spec.mode == "pulse" and (spec.width_ns <= 0 or spec.count < 1 or spec.delay_ns < 0):
        raise InputError(f"{where}: a train has at least one pulse, a width above 0 and no delay below 0")
    if spec.mode == "pulse" and spec.count > 1 and spec.period_ns <= spec.width_ns:
        raise InputError(
            f"{where}: pulses of {spec.width_ns / 1e6:g} ms every {spec.period_ns / 1e6:g} ms leave no pause; "
            "make them shorter, or their frequency lower"
        )
