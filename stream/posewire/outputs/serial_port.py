"""An open serial port: bytes out and in without waiting, and what can be wrong with opening it."""

from __future__ import annotations

import os
import select
import sys
import time
from typing import Any, NoReturn

from posewire_models.errors import InputError, WorkError, nearest

POSIX = os.name == "posix"
_WRITE_S = 0.1  # on Windows, where a write can only be waited for


class SerialPort:
    """A port by pyserial. ``gone``: why nothing can be done with it any more; every call then raises WorkError."""

    def __init__(self, path: str, baud: int) -> None:
        self.path = path
        self.gone = ""
        self._port = _open(path, baud)

    def write(self, data: bytes) -> int:
        """How many of the bytes the system took; never waits on POSIX. Raises WorkError if the port is gone."""
        self._check()
        try:
            if POSIX:
                # Not pyserial's own write: that would spin while a port takes nothing.
                return os.write(self._port.fileno(), data)
            return int(self._port.write(data))
        except BlockingIOError:
            return 0
        except OSError as error:
            if type(error).__name__ == "SerialTimeoutException":
                return len(data) - 1  # how many it took is not known: as if one byte were missing
            self._lost(error)

    def read(self) -> bytes:
        """What is there, nothing included. Raises WorkError if the port is gone."""
        self._check()
        try:
            if not POSIX:
                return bytes(self._port.read(self._port.in_waiting))
            descriptor = self._port.fileno()
            data = os.read(descriptor, 4096)
            if not data and select.select([descriptor], [], [], 0)[0]:
                # Nothing to read looks the same as the end; a port that is ready and still gives nothing is gone.
                data = os.read(descriptor, 4096)
                if not data:
                    self._lost(OSError("it ended"))
            return data
        except BlockingIOError:
            return b""
        except OSError as error:
            self._lost(error)

    def wait(self, seconds: float) -> None:
        """Until there is something to read, or for so long (less on Windows)."""
        if POSIX:
            select.select([self._port.fileno()], [], [], seconds)
        else:
            time.sleep(min(seconds, 0.002))

    def discard(self) -> None:
        """Throw away what the system took and has not sent. Raises WorkError if the port is gone."""
        self._check()
        try:
            self._port.reset_output_buffer()
        except OSError as error:
            self._lost(error)
        except Exception as error:  # of termios, which has an error of its own
            self._lost(OSError(str(error)))

    def descriptor(self) -> int:
        """One more descriptor of the port to wait on; whoever asks for it closes it. POSIX only."""
        return os.dup(self._port.fileno())

    def close(self) -> None:
        """Let go, without waiting for a device that does not read. Never raises."""
        for step in (self._port.reset_output_buffer, self._port.close):
            try:
                step()
            except Exception:
                pass

    def _check(self) -> None:
        if self.gone:
            raise WorkError(self.gone)

    def _lost(self, error: OSError) -> NoReturn:
        self.gone = f"{self.path}: the device is gone ({error})"
        raise WorkError(self.gone) from error


def _open(path: str, baud: int) -> Any:
    import serial
    from serial.tools import list_ports

    try:
        settings = {"exclusive": True} if POSIX else {}
        return serial.Serial(path, baud, timeout=0, write_timeout=0 if POSIX else _WRITE_S, **settings)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        there = [port.device for port in list_ports.comports()]
        if POSIX and os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
            how = "; add yourself to the group that owns it (dialout, uucp)" if sys.platform == "linux" else ""
            raise InputError(f"serial port {path}: you may not open it{how}") from error
        if path not in there and not (POSIX and os.path.exists(path)):
            known = f"; there are {', '.join(there)}" if there else "; this machine has none at the moment"
            raise InputError(f"no serial port {path!r}{nearest(path, there) or known}") from error
        raise WorkError(f"serial port {path}: cannot be opened: {error}") from error
