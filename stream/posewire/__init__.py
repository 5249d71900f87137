"""Live animal pose: camera frame to keypoints on ZeroMQ within milliseconds.

The names below are loaded when they are first used, so that a script with a `Client` needs no inference engine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posewire.client import Client
    from posewire.events import Events
    from posewire.pipeline import Pipeline
    from posewire.reader import Pose
    from posewire.session import load_model

__version__ = "0.1.0"
__all__ = ["Client", "Events", "Pipeline", "Pose", "__version__", "load_model"]

_HOMES = {
    "Client": "posewire.client",
    "Events": "posewire.events",
    "Pipeline": "posewire.pipeline",
    "Pose": "posewire.reader",
    "load_model": "posewire.session",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'posewire' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
