"""What a log tells of a rule in an earlier session: for yoked and matched controls."""

from __future__ import annotations

from pathlib import Path

from posewire.outputs.log import read_log
from posewire.triggers.controls import Past
from posewire_models.errors import InputError


def read_past(log: str, rule: str) -> Past:
    """The stimuli of ``rule`` that were sent, shams left out, in ns since the first frame of that session.

    Of a log that is torn or changed the sure part counts. Raises InputError for a file that is no log.
    """
    path = Path(log)
    starts: dict[int, int] = {}  # decision -> when
    ends: dict[int, int] = {}
    last_ns, clock_ns = 0, 0  # of the newest decision: since the first frame, and in the session's clock
    session_ns = 0
    try:
        for record in read_log(path):
            since, decided = record.get("since_first_ns"), record.get("decided")
            if since is not None and decided is not None:
                last_ns, clock_ns = since, decided
            if record["record"] == "end" and clock_ns:
                session_ns = last_ns + record["time_ns"] - clock_ns
            if record.get("rule") != rule or since is None:
                continue
            if record["record"] == "fired":
                starts[record["event"]] = since
            elif record["record"] == "ended":
                ends[record["of"]] = since
    except OSError as error:
        raise InputError(f"log {log}: {error.strerror}; expected the log of an earlier session (--log)") from None
    stimuli = tuple((since, ends.get(event)) for event, since in starts.items())
    return Past(stimuli, max(session_ns, last_ns))
