"""What the kinds of a plain line or analog output share: on, off, value, and errors of the vendor's library as ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from posewire.outputs.device import Act, Done
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import WorkError

T = TypeVar("T")


class Line(ABC):
    """A line of a device that waits for its driver and can neither time nor watch itself.

    A kind says how to take hold of it (`take`), set it (`put`: 0.0 or 1.0, or the value of ``follow``) and let go
    (`leave`); whatever these raise becomes a WorkError that names the output.
    """

    blocking = True
    times_itself = False
    watchdog = False

    def __init__(self, spec: OutputSpec, options: dict[str, Any]) -> None:
        self.spec = spec
        self.options = options
        self._open = False

    @abstractmethod
    def take(self) -> str:
        """Take hold of it, in its safe state; one line on what it is."""

    @abstractmethod
    def put(self, value: float) -> None:
        """Set it."""

    @abstractmethod
    def leave(self) -> None:
        """Let go of it."""

    def open(self) -> str:
        """Raises WorkError with what the vendor's library says."""
        told = self._guarded(self.take)
        self._open = True
        return told

    def act(self, act: Act) -> None:
        self._put({"on": 1.0, "off": 0.0}.get(act.what, act.value))

    def beat(self) -> None:
        """It has no watchdog that could be told."""
        return

    def safe(self) -> None:
        self._put(self.spec.safe)

    def fileno(self) -> int | None:
        return None

    def receive(self) -> list[Done]:
        return []

    def close(self) -> None:
        if not self._open:
            return
        for step in (self.safe, self.leave):
            try:
                step()
            except Exception:
                pass  # the vendor's library, at the very end
        self._open = False

    def _put(self, value: float) -> None:
        if not self._open:
            raise WorkError(f"output {self.spec.name!r} ({self.spec.kind}): is not open")
        self._guarded(lambda: self.put(value))

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Exception as error:  # vendors' libraries have exceptions of their own
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise WorkError(f"output {self.spec.name!r} ({self.spec.kind}): {lines[0]}") from error
