"""The log: whatever is cut off, changed, taken out or put in is found, and what stands before it is readable."""

from __future__ import annotations

import csv
import json
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posewire.outputs.log import CHAIN_START, LogEnd, encode, export_csv, read_log
from posewire.outputs.log_writer import LogWriter
from posewire_models.errors import InputError, WorkError

BEGIN = b'{"n":0,"record":"header"'
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), max_size=5)
LOG_SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines_of(records: list[dict[str, object]]) -> list[bytes]:
    """A closed log, without the writer."""
    whole = [{"record": "header", "format": 1, "time_ns": 0}]
    whole += [{**record, "record": "decision", "time_ns": n} for n, record in enumerate(records)]
    lines, chain = [], CHAIN_START
    for number, record in enumerate([*whole, {"record": "end", "time_ns": 9}]):
        line, chain = encode(record, number, chain)
        lines.append(line)
    return lines


def read(path: Path, data: bytes) -> tuple[list[dict[str, object]], LogEnd]:
    path.write_bytes(data)
    reader = read_log(path)
    records = list(reader)
    assert reader.end is not None
    return records, reader.end


def sure(lines: list[bytes]) -> list[object]:
    return [json.loads(line.rpartition(b"\t")[0]) for line in lines]


@LOG_SETTINGS
@given(records=RECORDS)
def test_what_is_written_is_read(records: list[dict[str, object]], tmp_path: Path) -> None:
    lines = lines_of(records)
    found, end = read(tmp_path / "log", b"".join(lines))
    assert end == LogEnd("closed", len(lines) + 1, f"closed: {len(lines)} lines")
    for number, (record, written) in enumerate(zip(found[1:-1], records, strict=True)):
        assert record == {**written, "n": number + 1, "record": "decision", "time_ns": number}


@LOG_SETTINGS
@given(records=RECORDS, data=st.data())
def test_any_cut_is_found(records: list[dict[str, object]], data: st.DataObject, tmp_path: Path) -> None:
    lines = lines_of(records)
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole) - 1))
    found, end = read(tmp_path / "log", whole[:cut])
    kept = whole[:cut].count(b"\n")
    assert found == sure(lines[:kept])
    assert (end.state, end.line) == ("torn", kept + 1)


@LOG_SETTINGS
@given(records=RECORDS, data=st.data())
def test_any_changed_byte_is_found(records: list[dict[str, object]], data: st.DataObject, tmp_path: Path) -> None:
    lines = lines_of(records)
    whole = bytearray(b"".join(lines))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[at]))
    if at < len(BEGIN):
        with pytest.raises(InputError, match="is no log"):
            read(tmp_path / "log", bytes(whole))
        return
    found, end = read(tmp_path / "log", bytes(whole))
    before = b"".join(lines)[:at].count(b"\n")
    assert found == sure(lines[:before])
    assert end.state in ("broken", "torn")
    assert end.line == before + 1


@LOG_SETTINGS
@given(records=st.lists(st.just({"rule": "a"}), min_size=2, max_size=5), data=st.data())
def test_a_line_taken_out_doubled_or_moved_is_found(
    records: list[dict[str, object]], data: st.DataObject, tmp_path: Path
) -> None:
    lines = lines_of(records)
    at = data.draw(st.integers(1, len(lines) - 2))
    what = data.draw(st.sampled_from(["out", "twice", "moved"]))
    changed = list(lines)
    if what == "out":
        del changed[at]
    elif what == "twice":
        changed.insert(at, lines[at])
        at += 1
    else:
        changed[at], changed[at + 1] = changed[at + 1], changed[at]
    found, end = read(tmp_path / "log", b"".join(changed))
    assert found == sure(lines[:at])
    assert (end.state, end.line) == ("broken", at + 1)
    assert "lines are missing, or were put in" in end.text


def test_a_log_that_goes_on_after_its_end_is_broken(tmp_path: Path) -> None:
    lines = lines_of([{}])
    found, end = read(tmp_path / "log", b"".join([*lines, lines[1]]))
    assert found == sure(lines)
    assert (end.state, end.line) == ("broken", len(lines) + 1)


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no log"):
        read(tmp_path / "poses.csv", b"frame,x,y\n1,2,3\n")


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(encode({"record": "header", "format": 2}, 0, CHAIN_START)[0])
    with pytest.raises(InputError, match="log format 2 is not known here"):
        list(read_log(tmp_path / "log"))


def writer(path: Path, **options: int) -> tuple[LogWriter, threading.Event]:
    failed = threading.Event()
    return LogWriter(path, failed.set, **options), failed


def test_the_writer_writes_a_closed_log(tmp_path: Path) -> None:
    log, failed = writer(tmp_path / "log")
    log.open({"session": "ab", "path": tmp_path})
    assert log.write({"record": "decision", "value": float("nan"), "at": np.float32(0.5), "id": np.int64(3)})
    assert log.write({"text": "of no kind", "bytes": b"\x01"})
    log.close("the test is over")
    log.close("again")
    reader = read_log(tmp_path / "log")
    header, decision, note, end = reader
    assert reader.end is not None
    assert reader.end.state == "closed"
    assert (header["session"], header["path"], header["format"]) == ("ab", str(tmp_path), 1)
    assert (decision["value"], decision["at"], decision["id"]) == (None, 0.5, 3)
    assert (note["record"], note["bytes"]) == ("note", "01")
    assert (end["reason"], end["counts"]["decision"]) == ("the test is over", 1)
    assert header["time_ns"] <= decision["time_ns"] <= note["time_ns"] <= end["time_ns"]
    assert not failed.is_set()


def test_a_log_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("yesterday's")
    with pytest.raises(InputError, match="there is a file already"):
        writer(tmp_path / "log")[0].open({})
    assert (tmp_path / "log").read_text() == "yesterday's"
    with pytest.raises(InputError, match="a folder that exists"):
        writer(tmp_path / "none" / "log")[0].open({})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said_at_the_start() -> None:
    with pytest.raises(WorkError, match="No space left on device"):
        writer(Path("/dev/full"))[0].open({})


@pytest.mark.skipif(sys.platform == "win32", reason="a disk that takes nothing is a pipe here")
def test_a_disk_that_takes_nothing_fails_the_log_and_not_the_caller(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    log, failed = writer(tmp_path / "log", most_waiting=50)
    log.open({})
    taken = 0
    while log.write({"record": "decision", "text": "x" * 10_000}):
        taken += 1
    assert failed.is_set()
    assert "50 records wait for the disk" in log.trouble
    assert taken >= 50
    os.close(reader)  # lets the thread that writes end
    log.close("the end")


def test_the_table_has_a_column_for_every_key(tmp_path: Path) -> None:
    log, _ = writer(tmp_path / "log")
    log.open({"time_ns": 1_000_000_000})
    log.write({"record": "decision", "time_ns": 1_500_000_000, "rule": "corner, left", "where": [1, 2]})
    log.write({"record": "sent", "time_ns": 1_500_100_000, "event": 4})
    log.close("done")
    assert export_csv(tmp_path / "log", tmp_path / "out.csv").state == "closed"
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["record"] for row in rows] == ["decision", "sent"]
    assert rows[0]["rule"] == "corner, left"
    assert json.loads(rows[0]["where"]) == [1, 2]
    assert [row["seconds"] for row in rows] == ["0.500000", "0.500100"]
    assert rows[1]["event"] == "4"
    assert rows[1]["rule"] == ""
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["log", "out.csv"]


def test_the_table_of_a_torn_log_holds_its_sure_part(tmp_path: Path) -> None:
    lines = lines_of([{"rule": "a"}, {"rule": "b"}])
    (tmp_path / "log").write_bytes(b"".join(lines[:2]) + lines[2][:-5])
    end = export_csv(tmp_path / "log", tmp_path / "out.csv")
    assert (end.state, end.line) == ("torn", 3)
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 2
