"""What a log tells of a rule in an earlier session: for yoked and matched controls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posewire.outputs.log import read_log
from posewire.triggers.controls import Past
from posewire_models.errors import InputError

_OFF = ("safe", "failed")  # what became of an output that was on: it is not any more


def read_past(log: str, rule: str) -> Past:
    """The stimuli of ``rule`` that were sent, shams left out, in ns since the first frame of that session.

    A stimulus ends when its rule ended it, its longest time was over, or its output went into its safe state, and with
    the session. A log that is torn (its program was killed) ends where its lines end. Raises InputError for a file that
    is no log, and for one that was changed.
    """
    path = Path(log)
    starts: dict[int, int] = {}  # decision -> when, since the first frame
    decided: dict[int, int] = {}  # and on the session's clock
    lasting: dict[str, int] = {}  # output -> the decision that it is on for
    ends: dict[int, int] = {}  # decision -> its end by the clock
    last = (0, 0)  # of the newest decision: since the first frame, on the clock
    now = 0
    try:
        reader = read_log(path)
        for record in reader:
            now = max(now, record.get("time_ns", 0))
            kind, since = record["record"], record.get("since_first_ns")
            if since is not None and record.get("decided") is not None:
                last = since, record["decided"]
            if kind == "fired" and record.get("rule") == rule and since is not None and record.get("value", 1.0):
                starts[record["event"]], decided[record["event"]] = since, record["decided"]
                lasting |= dict.fromkeys(record.get("outputs", ()), record["event"])
            elif kind == "ended" and record.get("of") in starts:
                ends.setdefault(record["of"], record["time_ns"])
            elif (output := record.get("output")) in lasting and _is_off(record):
                event = lasting[str(output)]
                if kind != "failed" or record.get("event") == event:
                    ends.setdefault(event, record["time_ns"])
                    del lasting[str(output)]
    except OSError as error:
        raise InputError(f"log {log}: {error.strerror}; expected the log of an earlier session (--log)") from None
    if reader.end is not None and reader.end.state == "broken":
        raise InputError(f"log {log}: {reader.end.text}; a log that was changed is not replayed")
    ends |= {event: now for event in lasting.values() if event not in ends}
    stimuli = tuple(
        (start, start + ends[event] - decided[event] if event in ends else None) for event, start in starts.items()
    )
    return Past(stimuli, max(last[0] + now - last[1] if last[1] else 0, last[0]))


def _is_off(record: dict[str, Any]) -> bool:
    """Whether an output's record says that it is off."""
    return record["record"] in _OFF or (record["record"] == "edge" and record.get("text") == "off")
