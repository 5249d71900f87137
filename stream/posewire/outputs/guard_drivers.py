"""How the guard reaches a device: at once in its own thread, or through a thread for a device that may wait.

Both take a `Request` and hand back an `Outcome` for each, to the one that is given as ``heard``; always in the thread
of whoever calls `ask` or `collect`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from posewire.clock import now_ns
from posewire.outputs.device import Act, Device, Done
from posewire_models.errors import WorkError

MOST_WAITING = 8  # acts that wait for a device of its own thread
OPEN_S = 15.0
_GONE = "the device is gone"


@dataclass(slots=True)
class Request:
    """``act`` to be done, or the safe state (None). ``number`` counts the requests to an output; ``first`` if it is
    the act as the loop gave it, not a later edge of it. Not begun any more after ``until_ns``; ``was_on``: what the
    output was before."""

    act: Act | None
    number: int
    first: bool
    until_ns: int
    was_on: bool


@dataclass(slots=True)
class Outcome:
    """``what``: ``done``, ``refused`` (nothing of it was done, nor will be) or ``gone`` (the device, for good)."""

    request: Request | None
    what: str
    time_ns: int
    text: str = ""


class Driver(Protocol):
    """The way to one device. ``busy_ns``: when its present call began, 0 if it is in none."""

    busy_ns: int
    gone: bool

    def open(self) -> str: ...
    def ask(self, request: Request) -> None: ...
    def beat(self) -> None: ...
    def collect(self) -> list[Done]: ...
    def fileno(self) -> int | None: ...
    def close(self, timeout_s: float) -> None: ...


class Direct:
    """Calls a device that never waits."""

    busy_ns = 0

    def __init__(self, device: Device, heard: Callable[[Outcome], None], clock: Callable[[], int] = now_ns) -> None:
        self._device = device
        self._heard = heard
        self._clock = clock
        self.gone = False

    def open(self) -> str:
        return self._device.open()

    def ask(self, request: Request) -> None:
        try:
            if request.act is None:
                self._device.safe()
            else:
                self._device.act(request.act)
        except BlockingIOError:
            self._heard(Outcome(request, "refused", self._clock(), "the device does not take it now"))
        except Exception as error:
            self._lose(request, error)
        else:
            self._heard(Outcome(request, "done", self._clock()))

    def beat(self) -> None:
        try:
            self._device.beat()
        except BlockingIOError:
            pass  # the next one, or its watchdog
        except Exception as error:
            self._lose(None, error)

    def collect(self) -> list[Done]:
        if self.gone:
            return []
        try:
            return self._device.receive()
        except Exception as error:
            self._lose(None, error)
            return []

    def fileno(self) -> int | None:
        if self.gone:
            return None
        try:
            return self._device.fileno()
        except Exception as error:
            self._lose(None, error)
            return None

    def close(self, timeout_s: float) -> None:
        self.gone = True
        _close(self._device)

    def _lose(self, request: Request | None, error: Exception) -> None:
        if not self.gone:
            self.gone = True
            _close(self._device)
            self._heard(Outcome(request, "gone", self._clock(), _said(error)))


class Threaded:
    """Calls a device that may wait, in a thread of its own. ``wake`` is called from that thread when there is news.

    Overflow rule: `MOST_WAITING` acts wait at most, a further one is refused; the end of a pulse never is. A value
    takes the place of a value that waits still. The safe state goes before everything and empties the queue.
    """

    def __init__(self, device: Device, heard: Callable[[Outcome], None], wake: Callable[[], None]) -> None:
        self._device = device
        self._heard = heard
        self._wake = wake
        self.gone = False
        self.busy_ns = 0
        self._waiting: deque[Request] = deque()
        self._changed = threading.Condition()
        self._beat_due = False
        self._ending = False
        self._outcomes: deque[Outcome] = deque()
        self._answers: deque[Done] = deque()
        self._opened = threading.Event()
        self._line = ""
        self._open_error: Exception | None = None
        # A daemon: a device that never returns must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="posewire-output", daemon=True)

    def open(self) -> str:
        self._thread.start()
        if not self._opened.wait(OPEN_S):
            raise WorkError(f"the device does not answer: not open after {OPEN_S:g} s")
        if self._open_error is not None:
            raise self._open_error
        return self._line

    def ask(self, request: Request) -> None:
        now, act = now_ns(), request.act
        refused: list[tuple[Request, str]] = []
        with self._changed:
            if self.gone:
                refused = [(request, _GONE)]
            elif act is None:
                # The end of a pulse is part of the safe state.
                refused = [(other, "the safe state came first") for other in self._waiting if _what(other) != "off"]
                self._waiting.clear()
            elif act.what == "value" and self._waiting and _what(self._waiting[-1]) == "value":
                refused = [(self._waiting.pop(), "overtaken by a newer value")]
            elif act.what != "off" and len(self._waiting) >= MOST_WAITING:
                refused = [(request, f"{MOST_WAITING} acts wait for the device")]
            if not refused or refused[0][0] is not request:
                self._waiting.append(request)
                self._changed.notify()
        for other, why in refused:
            self._heard(Outcome(other, "refused", now, why))

    def beat(self) -> None:
        with self._changed:
            self._beat_due = True
            self._changed.notify()

    def collect(self) -> list[Done]:
        while self._outcomes:
            self._heard(self._outcomes.popleft())
        return [self._answers.popleft() for _ in range(len(self._answers))]

    def fileno(self) -> int | None:
        return None

    def close(self, timeout_s: float) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._line = self._device.open()
        except Exception as error:
            self._open_error = error
            return
        finally:
            self._opened.set()
        request: Request | None = None
        try:
            while True:
                request = None
                self.busy_ns = 0
                with self._changed:
                    # The guard's beats, one every 20 ms, wake it to look for answers as well.
                    while not (self._waiting or self._beat_due or self._ending):
                        self._changed.wait()
                    if self._waiting:
                        request = self._waiting.popleft()
                    elif self._ending:
                        break
                    beat, self._beat_due = self._beat_due, False
                    self.busy_ns = now = now_ns()
                if request is not None:
                    self._do(request, now)
                if beat:
                    self._vouch()
                answers = self._device.receive()
                if answers:
                    self._answers.extend(answers)
                    self._wake()
        except Exception as error:
            with self._changed:
                self.gone = True
                left = [other for other in self._waiting if _what(other) not in ("off", "safe")]
            self._tell(Outcome(request, "gone", now_ns(), _said(error)))
            for other in left:
                self._tell(Outcome(other, "refused", now_ns(), _GONE))
        _close(self._device)
        self.busy_ns = 0

    def _do(self, request: Request, now: int) -> None:
        if now > request.until_ns:
            late_ms = (now - request.until_ns) / 1e6
            self._tell(Outcome(request, "refused", now, f"the device was not free in time ({late_ms:.0f} ms too late)"))
            return
        try:
            if request.act is None:
                self._device.safe()
            else:
                self._device.act(request.act)
        except BlockingIOError:
            self._tell(Outcome(request, "refused", now_ns(), "the device does not take it now"))
        else:
            self._tell(Outcome(request, "done", now_ns()))

    def _vouch(self) -> None:
        try:
            self._device.beat()
        except BlockingIOError:
            pass  # the next one, or its watchdog

    def _tell(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._wake()


def _close(device: Device) -> None:
    try:
        device.close()
    except Exception:
        return  # it should not; a plug-in that does must not take the other outputs with it


def _what(request: Request) -> str:
    return request.act.what if request.act is not None else "safe"


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__
