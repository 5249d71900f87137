"""The log of a session's outputs: a text file that shows what was cut off, changed or taken out of it.

Log format 1. One record a line::

    {"n":0,"record":"header","format":1,"time_ns":...,...}<TAB>4be0f1c2a9d35e77

``n`` counts the lines from 0. Behind the tabulator stand the first 16 hexadecimal digits of the SHA-256 of the value of
the line before (of the first line: 16 zeros) and this line's JSON, as bytes. A line that was changed, taken out or put
in breaks the chain there; a killed program leaves a last line that is torn at most. The chain has no key: it finds
accidents and hand edits, it does not stop somebody who computes it anew.

The first record is the ``header``; the last one of a log that was closed is the ``end``. Every record has ``record``
(what it is) and ``time_ns`` (of the session's clock). NaN and infinite numbers are null.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posewire.outputs.channel import plain
from posewire_models.errors import InputError
from posewire_models.files import beside, put_in_place

FORMAT = 1
CHAIN_START = "0" * 16
_BEGIN = b'{"n":0,"record":"header"'

Record = dict[str, Any]


@dataclass(frozen=True)
class LogEnd:
    """How a log ends. ``state``: ``closed`` (whole), ``torn`` (it stops before its end), ``broken`` (from ``line`` on,
    counted from 1, it is not what was written); ``line`` is the first one that does not count. ``text``: for people."""

    state: str
    line: int
    text: str


class LogReader:
    """Iterates over the records that are sure; then ``end`` says how the log ends.

    Iterating raises OSError, and InputError for a log of another format or a file that is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end: LogEnd | None = None

    def __iter__(self) -> Iterator[Record]:
        chain, number, closed = CHAIN_START, 0, False
        with self.path.open("rb") as file:
            for raw in file:
                if closed:
                    self._stop("broken", number, "goes on after its end")
                    return
                if not raw.endswith(b"\n"):
                    self._stop("torn", number, "the last line is not whole")
                    return
                record = _checked(raw, chain, number)
                if isinstance(record, str):
                    if number == 0 and not raw.startswith(_BEGIN):
                        raise InputError(f"{self.path}: is no log of Posewire's outputs (run --rules writes them)")
                    self._stop("broken", number, record)
                    return
                if number == 0 and record.get("format") != FORMAT:
                    raise InputError(
                        f"{self.path}: log format {record.get('format')!r} is not known here; expected {FORMAT}: "
                        "read it with the version of Posewire that wrote it"
                    )
                chain, number, closed = raw[-17:-1].decode("ascii"), number + 1, record.get("record") == "end"
                yield record
        if closed:
            self.end = LogEnd("closed", number + 1, f"closed: {number} lines")
        else:
            self._stop("torn", number, "the end is missing: whoever wrote it was killed, or lines were cut off")

    def _stop(self, state: str, number: int, why: str) -> None:
        self.end = LogEnd(state, number + 1, f"{state} at line {number + 1}: {why}; {number} lines before it are sure")


def read_log(path: Path) -> LogReader:
    """The records of a log, in order; see `LogReader`."""
    return LogReader(path)


def export_csv(path: Path, out: Path) -> LogEnd:
    """Write a log's records, without header and end, as a table: one row a record, a column for every key that occurs.

    ``seconds`` is the time since the header. Values that are no plain numbers or words are JSON. Of a log that is torn
    or broken it holds the sure part: the returned end says so. Raises OSError, and InputError as `LogReader`.
    """
    reader = read_log(path)
    columns = ["n", "time_ns", "seconds", "record"]
    known = set(columns)
    for record in reader:
        if record["record"] not in ("header", "end"):
            new = [key for key in record if key not in known]
            columns += new
            known.update(new)
    part = beside(out)
    start_ns = 0
    try:
        with part.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, columns)
            table.writeheader()
            for record in reader:
                time_ns = record.get("time_ns", 0)
                if record["record"] == "header":
                    start_ns = time_ns
                elif record["record"] != "end":
                    row = {key: _cell(value) for key, value in record.items()}
                    table.writerow({**row, "seconds": f"{(time_ns - start_ns) / 1e9:.6f}"})
        put_in_place(out)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    assert reader.end is not None
    return reader.end


def encode(record: Mapping[str, Any], number: int, chain: str) -> tuple[bytes, str]:
    """A record's line, numbered and with its place in the chain, and the value that the next line needs."""
    numbered = {"n": number, **record}
    numbered["n"] = number
    try:
        text = json.dumps(numbered, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError):
        text = json.dumps(_clean(numbered), separators=(",", ":"), allow_nan=False)
    body = text.encode("ascii")
    value = link(chain, body)
    return body + b"\t" + value.encode("ascii") + b"\n", value


def link(chain: str, body: bytes) -> str:
    """The chain's value of a line with the JSON ``body``, behind a line of the value ``chain``."""
    return hashlib.sha256(chain.encode("ascii") + body).hexdigest()[:16]


def _checked(raw: bytes, chain: str, number: int) -> Record | str:
    """The record of a line, or what is wrong with it."""
    body, tab, value = raw[:-1].rpartition(b"\t")
    whole = bool(tab) and value == link(chain, body).encode("ascii")
    try:
        record = json.loads(body)
        found = record["n"]
        isinstance(record["record"], str)
    except (ValueError, KeyError, TypeError):
        return "no record" if not whole else "no record of a log"
    if whole and found == number:
        return dict(record)
    if type(found) is int and found != number:
        return f"it says that it is line {found + 1}: lines are missing, or were put in"
    return "it, or the line before it, was changed"


def _clean(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, os.PathLike):
        return str(value)
    return _clean(plain(value))


def _cell(value: object) -> object:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, dict | list) else value
