"""ZeroMQ endpoints: which may be bound, and what is wrong with the others."""

from __future__ import annotations

import ipaddress
import re

from posewire_models.errors import InputError

DEFAULT_ENDPOINT = "tcp://127.0.0.1:5555"

_TCP = re.compile(r"tcp://(?P<host>\[[^\]]+\]|[^:/\s\[\]]+):(?P<port>\*|\d{1,5})")


def check_bind(endpoint: str, *, insecure: bool = False) -> str:
    """The endpoint in the words of ZeroMQ, if it may be bound.

    Without ``insecure`` only this machine may reach it: ``ipc://``, ``inproc://`` and ``tcp://`` on loopback.
    Raises InputError.
    """
    if _is_local_transport(endpoint):
        return endpoint
    host, port = _host_and_port(endpoint, wildcard=True)
    # ZeroMQ does not look up names for a bind.
    host = "127.0.0.1" if host == "localhost" else host
    if not insecure and not _is_loopback(host):
        raise InputError(
            f"publish endpoint {endpoint}: everybody on the network could read it, since there are no keys yet; "
            f"use tcp://127.0.0.1:{port}, or give --insecure if you mean it"
        )
    return f"tcp://{host}:{port}"


def check_connect(endpoint: str) -> str:
    """The endpoint itself, if a reader can connect to it. Raises InputError."""
    if not _is_local_transport(endpoint):
        host, port = _host_and_port(endpoint, wildcard=False)
        if host == "*":
            raise InputError(
                f"endpoint {endpoint}: a reader needs a host's name or address, e.g. tcp://127.0.0.1:{port}"
            )
    return endpoint


def uses_ipv6(endpoint: str) -> bool:
    """Whether the socket must be told to speak IPv6."""
    return endpoint.startswith("tcp://[")


def another_port(endpoint: str) -> str:
    """A TCP endpoint beside the given one, for the hint of a message."""
    match = _TCP.fullmatch(endpoint)
    port = int(match["port"]) if match and match["port"] != "*" else 5555
    return f"tcp://{match['host'] if match else '127.0.0.1'}:{port + 1 if port < 65535 else port - 1}"


def _is_local_transport(endpoint: str) -> bool:
    return any(endpoint.startswith(scheme) and len(endpoint) > len(scheme) for scheme in ("ipc://", "inproc://"))


def _host_and_port(endpoint: str, *, wildcard: bool) -> tuple[str, str]:
    match = _TCP.fullmatch(endpoint)
    port = match["port"] if match else ""
    if match is None or (port == "*" and not wildcard) or (port != "*" and int(port) > 65535):
        free = " (port * lets the system choose)" if wildcard else ""
        raise InputError(
            f"endpoint {endpoint!r}: expected tcp://HOST:PORT{free} or ipc://PATH, e.g. {DEFAULT_ENDPOINT}"
        )
    return match["host"], port


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
