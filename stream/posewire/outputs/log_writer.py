"""Writes the log (`posewire.outputs.log`) in a thread of its own, and says at once when it cannot."""

from __future__ import annotations

import errno
import os
import queue
import stat
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from posewire.clock import now_ns
from posewire.outputs.log import CHAIN_START, FORMAT, encode
from posewire_models.errors import InputError, WorkError

MOST_WAITING = 10_000  # records
AT_ONCE = 256  # records written by one call
SYNC_S = 1.0


class LogWriter:
    """Appends records; every one is with the system as soon as the thread has got to it, and on the disk once a second.

    Overflow rule: when `MOST_WAITING` records wait, or the disk refuses one, the log has failed: ``trouble`` says why,
    ``failed`` is called (from any thread), and nothing is written any more. What is there then is readable.
    """

    def __init__(self, path: Path, failed: Callable[[], None], most_waiting: int = MOST_WAITING) -> None:
        self.path = path
        self.trouble = ""
        self.counts: Counter[str] = Counter()  # records taken, by what they are
        self._failed = failed
        self._most_waiting = most_waiting
        self._waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._file = -1
        self._number = 0
        self._chain = CHAIN_START
        self._stop = threading.Event()
        self._writer = threading.Thread(target=self._write_all, name="posewire-log", daemon=True)
        # Its own thread: a sync may take seconds on a busy disk, and a record must not wait for it in memory.
        self._syncer = threading.Thread(target=self._sync_all, name="posewire-log-sync", daemon=True)

    def open(self, header: Mapping[str, Any]) -> None:
        """Write the header into a new file and start. Raises InputError (the path) or WorkError (the disk)."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            file = os.open(self.path, flags, 0o644)
        except OSError as error:
            raise InputError(
                f"log {self.path}: cannot be opened ({error.strerror}); give a file in a folder that exists and that "
                "this user may write to"
            ) from error
        found = os.fstat(file)
        if stat.S_ISREG(found.st_mode) and found.st_size:
            os.close(file)
            raise InputError(f"log {self.path}: there is a file already; give another name, or move it away")
        line, self._chain = encode(
            {"record": "header", "format": FORMAT, "time_ns": now_ns(), **header}, 0, CHAIN_START
        )
        self._number = 1
        try:
            _write(file, line)
        except OSError as error:
            os.close(file)
            raise WorkError(f"log {self.path}: {error.strerror}") from error
        self._file = file
        self._writer.start()
        self._syncer.start()

    def write(self, record: dict[str, Any]) -> bool:
        """Take a record, which must not be changed afterwards; False if the log has failed. Never waits."""
        if self.trouble:
            return False
        if self._waiting.qsize() >= self._most_waiting:
            self._fail(f"{self._most_waiting} records wait for the disk")
            return False
        if "time_ns" not in record:
            record["time_ns"] = now_ns()
        self.counts[record.get("record", "")] += 1
        self._waiting.put(record)
        return True

    def close(self, reason: str, timeout_s: float = 1.0) -> None:
        """Write the end record, sync and let go; waits for ``timeout_s`` at most. May be called twice."""
        if self._stop.is_set() or self._file < 0:
            return
        counts = dict(self.counts)
        self.write({"record": "end", "reason": reason, "counts": counts})
        self._waiting.put(None)
        self._writer.join(timeout_s)
        self._stop.set()
        self._syncer.join(timeout_s)
        if not self._writer.is_alive() and not self._syncer.is_alive():
            os.close(self._file)

    def _write_all(self) -> None:
        going = True
        while going and not self.trouble:
            records = [self._waiting.get()]
            while len(records) < AT_ONCE and not self._waiting.empty():
                records.append(self._waiting.get())
            lines = []
            for record in records:
                if record is None:
                    going = False
                    break
                if "record" not in record:
                    record = {"record": "note", **record}
                line, self._chain = encode(record, self._number, self._chain)
                self._number += 1
                lines.append(line)
            try:
                _write(self._file, b"".join(lines))
            except OSError as error:
                self._fail(error.strerror or str(error))

    def _sync_all(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stop.wait(SYNC_S)
            try:
                os.fsync(self._file)
            except OSError as error:
                # A pipe or a device has nothing to sync.
                if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                    self._fail(error.strerror or str(error))

    def _fail(self, why: str) -> None:
        if not self.trouble:
            self.trouble = f"log {self.path}: {why}"
            self._failed()


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
