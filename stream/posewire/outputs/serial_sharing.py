"""Which ports are open in this process: outputs on one port share its connection, and the last one closes it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from posewire.outputs.serial_link import Member, SerialLink
from posewire.outputs.serial_port import POSIX
from posewire_models.errors import InputError

_LINKS: dict[str, SerialLink] = {}
_LOCK = threading.Lock()


def join(path: str, baud: int, attach: Callable[[SerialLink], Member]) -> tuple[SerialLink, Member]:
    """The connection of a port, opened if need be, with one more output on it. Raises InputError, WorkError."""
    key = os.path.realpath(path) if POSIX else path.upper()
    with _LOCK:
        link = _LINKS.get(key)
        if link is None:
            link = SerialLink(path, baud)
        elif link.baud != baud:
            raise InputError(f"serial port {path}: is open at {link.baud} baud; all outputs on it need the same baud")
        try:
            member = attach(link)
        except BaseException:
            if not link.members:
                link.close()
            raise
        _LINKS[key] = link
        return link, member


def leave(link: SerialLink, member: Member) -> None:
    """The opposite of `join`. Never raises."""
    with _LOCK:
        link.detach(member)
        if link.members:
            return
        link.close()
        for key in [key for key, other in _LINKS.items() if other is link]:
            del _LINKS[key]
