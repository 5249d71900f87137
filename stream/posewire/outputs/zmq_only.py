"""Kind ``zmq``: no device. The decision is an ``event/<stream>`` message, which the loop publishes for every output."""

from __future__ import annotations

from posewire.outputs.device import Act, Done
from posewire.outputs.options import read_options
from posewire.outputs.spec import OutputSpec


def open_device(spec: OutputSpec, stream: str) -> ZmqOnly:
    """Raises InputError for any option: there is nothing to choose."""
    read_options(spec, ())
    return ZmqOnly(stream)


class ZmqOnly:
    """Does nothing and counts it in ``acts``. Nothing can stay on, so that it needs no watchdog to be safe."""

    blocking = False
    times_itself = True
    watchdog = True

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.acts = 0

    def open(self) -> str:
        return f"messages event/{self.stream}, no device"

    def act(self, act: Act) -> None:
        self.acts += 1

    def beat(self) -> None:
        """Nothing to vouch for."""

    def safe(self) -> None:
        """Nothing to end."""

    def fileno(self) -> int | None:
        return None

    def receive(self) -> list[Done]:
        return []

    def close(self) -> None:
        """Nothing to let go."""
