"""What a log says of earlier stimuli: as long as the light was on, not as long as its rule held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from posewire.outputs.log import CHAIN_START, encode
from posewire.outputs.past import read_past
from posewire_models.errors import InputError

MS = 1_000_000
HEADER = {"record": "header", "format": 1, "time_ns": 0}
END = {"record": "end", "time_ns": 9000 * MS, "reason": "the session ended"}


def fired(event: int, at_ms: int, kind: str = "fired", rule: str = "corner") -> dict[str, Any]:
    """Decided 20 ms after its frame was taken; the first frame was taken at 1000 ms of the clock."""
    clock = (1000 + at_ms + 20) * MS
    return {
        "record": kind, "time_ns": clock, "rule": rule, "event": event, "outputs": ["light"], "decided": clock,
        "since_first_ns": at_ms * MS, "value": 1.0,
    }  # fmt: skip


def output(kind: str, at_ms: int, text: str = "") -> dict[str, Any]:
    return {"record": kind, "time_ns": (1000 + at_ms + 20) * MS, "output": "light", "event": 0, "text": text}


def ended(of: int, at_ms: int) -> dict[str, Any]:
    return {**fired(99, at_ms, "ended"), "of": of}


def log(folder: Path, *records: dict[str, Any], closed: bool = True) -> str:
    chain, lines = CHAIN_START, []
    for number, record in enumerate([HEADER, *records, *([END] if closed else [])]):
        line, chain = encode(record, number, chain)
        lines.append(line)
    (folder / "log.jsonl").write_bytes(b"".join(lines))
    return str(folder / "log.jsonl")


@pytest.mark.parametrize(
    ("after", "end_ms"),
    [
        ([ended(0, 400)], 400),
        ([output("safe", 300, "no fresh pose for 100 ms")], 300),
        ([output("edge", 250, "off"), ended(0, 400)], 250),
        ([output("edge", 250, "off")], 250),
        ([output("failed", 200, "its watchdog tripped")], 200),
        ([], 9000 - 1020),
    ],
)
def test_a_stimulus_lasts_as_long_as_its_output_was_on(
    tmp_path: Path, after: list[dict[str, Any]], end_ms: int
) -> None:
    past = read_past(log(tmp_path, fired(0, 100), *after), "corner")
    assert past.stimuli == ((100 * MS, end_ms * MS),)
    assert past.session_ns >= end_ms * MS


def test_shams_and_other_rules_are_left_out(tmp_path: Path) -> None:
    path = log(tmp_path, fired(0, 100, "sham"), ended(0, 150), fired(1, 200, rule="nest"), fired(2, 300), ended(2, 350))
    assert read_past(path, "corner").stimuli == ((300 * MS, 350 * MS),)


def test_a_log_of_a_killed_program_ends_with_its_lines(tmp_path: Path) -> None:
    path = log(tmp_path, fired(0, 100), output("sent", 101, "on"), fired(1, 600, rule="nest"), closed=False)
    assert read_past(path, "corner").stimuli == ((100 * MS, 600 * MS),)


def test_a_log_that_was_changed_is_not_replayed(tmp_path: Path) -> None:
    path = Path(log(tmp_path, fired(0, 100), ended(0, 400)))
    path.write_bytes(path.read_bytes().replace(b'"since_first_ns":100', b'"since_first_ns":900'))
    with pytest.raises(InputError, match="changed"):
        read_past(str(path), "corner")
    with pytest.raises(InputError, match="expected the log of an earlier session"):
        read_past(str(tmp_path / "nothing.jsonl"), "corner")
