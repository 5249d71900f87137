"""Where the shared test data lies, if this machine has it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared(name: str) -> Path:
    """The folder ``name`` of the shared data sets; the test is skipped where it is absent.

    Looked up in ``$POSEWIRE_TEST_DATA``, else in ``../shared/data`` beside the checkout.
    """
    root = Path(os.environ.get("POSEWIRE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    folder = root / name
    if not folder.exists():
        pytest.skip(f"shared test data {name!r} is not on this machine (set POSEWIRE_TEST_DATA to its folder)")
    return folder
