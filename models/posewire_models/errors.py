"""Errors that a user meets, and the exit status each ends the program with.

PosewireError
├── InputError   a file, option or key is wrong: exit 2
├── ModelError   a model file breaks its contract: exit 2
└── WorkError    the work itself failed (a camera died, a disk is full): exit 1
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PosewireError(Exception):
    """Base of all errors that are shown to the user as one plain line."""

    exit_status = 1


class InputError(PosewireError):
    """The call or an input is wrong; the message names it and says how to mend it."""

    exit_status = 2


class ModelError(InputError):
    """A model file that cannot be used; ``violations`` lists every reason found."""

    def __init__(self, message: str, violations: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.violations = violations or (message,)


class WorkError(PosewireError):
    """The call was right, but the work could not be finished."""


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'snout'?``, or an empty string if nothing is near."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""
