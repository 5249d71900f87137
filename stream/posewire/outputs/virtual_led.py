"""Kind ``virtual-led``: a light that only programs see, for tests, benches and drawn sources. Option ``file``: where.

The file, little-endian, is mapped into memory by the guard and by whoever looks (`VirtualLed`):

========  =======  =================================================================================================
offset    type     what
========  =======  =================================================================================================
0         8 bytes  ``PWLED1`` and two zero bytes
8         int64    version of what follows: odd while it is being written
16        int64    1 if the light is on (its value is above 0)
24        float64  value: 1 on, 0 off; of an output of mode ``follow`` what was sent
32        int64    changes since it was opened
40        int64    times it went on since it was opened
48        int64    time of the newest beat, ns of the session's clock; 0 before the first one
56        int64    0 (not used)
64        ring     4096 changes of 24 bytes: int64 time in ns, float64 value from then on, int64 event (-1: none, a safe
                   state); change n (counted from 0) stands at n modulo 4096
========  =======  =================================================================================================
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from posewire.clock import now_ns
from posewire.outputs.device import Act, Done
from posewire.outputs.options import Option, read_options
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError, WorkError

MAGIC = b"PWLED1\0\0"
RING = 4096
WATCHDOG_NS = 100_000_000  # without a beat for so long the light is off

_HEAD_BYTES, _CHANGE_BYTES = 64, 24
_BYTES = _HEAD_BYTES + RING * _CHANGE_BYTES
# Indices of 8 bytes.
_VERSION, _ON, _VALUE, _CHANGES, _RISES, _BEAT = 1, 2, 3, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Change:
    """The light's ``value`` from ``time_ns`` on, by the act of ``event`` (-1: the safe state, or the watchdog)."""

    time_ns: int
    value: float
    event: int


def open_device(spec: OutputSpec, stream: str) -> VirtualLedDevice:
    """Raises InputError for an option that is missing or not known."""
    options = read_options(spec, [Option("file", "led.bin", required=True)])
    return VirtualLedDevice(Path(options["file"]), spec.safe)


class VirtualLedDevice:
    """The guard's end of the light.

    It has a watchdog as firmware has: who looks through `VirtualLed` finds the light off `WATCHDOG_NS` after the last
    beat, whatever the file says.
    """

    blocking = False
    times_itself = False
    watchdog = True

    def __init__(self, path: Path, safe: float = 0.0) -> None:
        self.path = path
        self._safe = safe
        self._map: mmap.mmap | None = None
        self._view = memoryview(b"")
        self._ints = memoryview(b"").cast("q")
        self._floats = memoryview(b"").cast("d")

    def open(self) -> str:
        """Make the file, with the light off. Raises InputError if there is another file, WorkError if it cannot be."""
        try:
            if self.path.exists() and self.path.stat().st_size:
                with self.path.open("rb") as file:
                    if file.read(len(MAGIC)) != MAGIC:
                        raise InputError(f"{self.path}: is no virtual LED; give its output another `file`")
            # Written in place: a reader may have mapped it already.
            with self.path.open("r+b" if self.path.exists() else "w+b") as file:
                file.truncate(_BYTES)
                self._map = mmap.mmap(file.fileno(), _BYTES)
        except OSError as error:
            raise WorkError(f"{self.path}: the virtual LED cannot be written: {error.strerror or error}") from error
        self._map[:] = MAGIC.ljust(_BYTES, b"\0")
        self._view = memoryview(self._map)
        self._ints, self._floats = self._view.cast("q"), self._view.cast("d")
        if self._safe:
            self._change(self._safe, -1)
        return f"virtual LED in {self.path}"

    def act(self, act: Act) -> None:
        self._change({"on": 1.0, "off": 0.0}.get(act.what, act.value), act.event)

    def beat(self) -> None:
        self._ints[_BEAT] = now_ns()

    def safe(self) -> None:
        self._change(self._safe, -1)

    def fileno(self) -> int | None:
        return None

    def receive(self) -> list[Done]:
        return []

    def close(self) -> None:
        if self._map is not None:
            self._change(self._safe, -1)
            for view in (self._ints, self._floats, self._view):
                view.release()
            self._map.close()
            self._map = None

    def _change(self, value: float, event: int) -> None:
        ints, floats = self._ints, self._floats
        time_ns = now_ns()
        before = floats[_VALUE]
        if value == before:
            return
        ints[_VERSION] += 1
        at = (_HEAD_BYTES + (ints[_CHANGES] % RING) * _CHANGE_BYTES) // 8
        ints[at], floats[at + 1], ints[at + 2] = time_ns, value, event
        ints[_ON], floats[_VALUE] = int(value > 0), value
        ints[_CHANGES] += 1
        ints[_RISES] += value > 0 >= before
        ints[_BEAT] = max(ints[_BEAT], time_ns)  # whoever turns it on lives
        ints[_VERSION] += 1


class VirtualLed:
    """Looks at a virtual LED, from any process. Raises InputError if the file is none (yet)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), _BYTES, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: no virtual LED: start the run whose output it is first") from error
        if self._map[: len(MAGIC)] != MAGIC:
            self.close()
            raise InputError(f"{path}: no virtual LED")

    def value(self) -> float:
        """The light's value now; 0 if nobody vouched for it in the last `WATCHDOG_NS`."""
        head = memoryview(self._map[:_HEAD_BYTES])
        return head.cast("d")[_VALUE] if now_ns() - head.cast("q")[_BEAT] <= WATCHDOG_NS else 0.0

    @property
    def on(self) -> bool:
        """Whether the light is on now."""
        return self.value() > 0

    @property
    def rises(self) -> int:
        """How often it went on since it was opened."""
        return self._int(_RISES)

    def changes(self) -> list[Change]:
        """The newest `RING` changes, oldest first, and the watchdog's if it has put the light off since."""
        while True:
            version = self._int(_VERSION)
            data = self._map[:]
            if version % 2 == 0 and self._int(_VERSION) == version:
                break
        ints, floats = memoryview(data).cast("q"), memoryview(data).cast("d")
        count = ints[_CHANGES]
        found = []
        for n in range(max(0, count - RING), count):
            at = (_HEAD_BYTES + (n % RING) * _CHANGE_BYTES) // 8
            found.append(Change(ints[at], floats[at + 1], ints[at + 2]))
        if ints[_ON] and now_ns() - ints[_BEAT] > WATCHDOG_NS:
            found.append(Change(ints[_BEAT] + WATCHDOG_NS, 0.0, -1))
        return found

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        self._map.close()

    def __enter__(self) -> VirtualLed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _int(self, at: int) -> int:
        return memoryview(self._map[8 * at : 8 * at + 8]).cast("q")[0]
