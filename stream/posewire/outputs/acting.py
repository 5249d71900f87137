"""What the loop needs of whoever carries out its decisions: the guard process, or nobody in a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from posewire.outputs.device import Act
from posewire.outputs.link import Report


class Link(Protocol):
    """See `posewire.outputs.link.GuardLink`. No call but `start` and `close` waits for anything."""

    armed: bool
    trouble: str

    def start(self) -> list[str]: ...

    def vouch(self, taken_ns: int) -> None: ...

    def beat(self) -> None: ...

    def act(self, output: int, act: Act) -> bool: ...

    def record(self, record: Mapping[str, Any]) -> None: ...

    def disarm(self, why: str) -> None: ...

    def poll(self) -> list[Report]: ...

    def close(self, reason: str) -> None: ...
