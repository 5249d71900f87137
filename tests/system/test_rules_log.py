"""`posewire rules log` and `rules firmware`, as a user calls them."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from posewire.outputs.log import CHAIN_START, encode
from program import posewire


def log(path: Path, *, closed: bool = True) -> Path:
    records = [
        {"record": "header", "format": 1, "time_ns": 0, "session": "ab" * 8, "stream": "main", "source": "synthetic"},
        {"record": "fired", "time_ns": 5_000_000_000, "rule": "corner", "event": 0, "outputs": ["light"], "reason": ""},
        {"record": "sent", "time_ns": 5_000_200_000, "output": "light", "event": 0},
        {"record": "withheld", "time_ns": 6_000_000_000, "rule": "corner", "event": 1, "reason": "rate"},
    ]
    if closed:
        records.append({"record": "end", "time_ns": 7_000_000_000, "reason": "the session ended"})
    chain, lines = CHAIN_START, []
    for number, record in enumerate(records):
        line, chain = encode(record, number, chain)
        lines.append(line)
    path.write_bytes(b"".join(lines))
    return path


def test_a_log_is_told_and_written_as_a_table(tmp_path: Path) -> None:
    ended = posewire("rules", "log", log(tmp_path / "log.jsonl"), "--csv", tmp_path / "log.csv", "--json")
    assert ended.status == 0, ended.stderr
    assert ended.report["state"] == "closed"
    assert ended.report["rules"] == {"corner": {"fired": 1, "withheld (rate)": 1}}
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["record"], float(row["seconds"])) for row in rows] == [("fired", 5), ("sent", 5.0002), ("withheld", 6)]


@pytest.mark.parametrize(
    ("harm", "state", "status"),
    [
        (lambda content: content.replace(b"corner", b"centre"), "broken", 1),
        (lambda content: content[:-40], "torn", 0),
        (lambda content: b"".join(line for line in content.splitlines(True) if b"sent" not in line), "broken", 1),
    ],
)  # fmt: skip
def test_what_was_done_to_a_log_is_found(tmp_path: Path, harm: object, state: str, status: int) -> None:
    path = log(tmp_path / "log.jsonl")
    path.write_bytes(harm(path.read_bytes()))  # type: ignore[operator]
    ended = posewire("rules", "log", path, "--json")
    assert (ended.status, ended.report["state"]) == (status, state)


def test_a_table_is_not_written_over_something_else(tmp_path: Path) -> None:
    path = log(tmp_path / "log.jsonl")
    before = path.read_bytes()
    for target in (path, tmp_path / "nowhere" / "log.csv"):
        ended = posewire("rules", "log", path, "--csv", target)
        assert ended.status == 2
        assert "--csv" in ended.stderr
    assert path.read_bytes() == before


def test_what_is_no_log_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing\n", encoding="utf-8")
    for name in ("notes.txt", "missing.jsonl"):
        ended = posewire("rules", "log", tmp_path / name)
        assert ended.status == 2
        assert name in ended.stderr


def test_the_sketch_is_copied_out_whole(tmp_path: Path) -> None:
    ended = posewire("rules", "firmware", tmp_path)
    assert ended.status == 0, ended.stderr
    names = set(os.listdir(tmp_path / "posewire_output"))
    assert {"posewire_output.ino", "protocol.h"} <= names
    assert posewire("rules", "firmware", tmp_path).status == 2
