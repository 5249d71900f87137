"""How the parts of the rules' kernel are compiled: into it, and without counting references.

A part is not cached for itself: Numba would not see that what a cached function calls in its turn has changed. Arrays
that are handed from one part to the next are counted on the way, dozens of atomic additions for every condition, which
made a step eight times as long; nothing here makes or keeps an array, so nothing has to be counted. The option for it
is not documented; a Numba without it compiles the same, but slower.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.core.options import DefaultOptions

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
if hasattr(DefaultOptions, "_nrt"):
    OPTIONS["_nrt"] = False

part = njit(**OPTIONS, forceinline=True)
