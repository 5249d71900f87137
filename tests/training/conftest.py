"""One short training on drawn dots, shared by the tests that look at its results."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run folder; the project file ``dots.toml`` lies beside it."""
    pytest.importorskip("tensorflow")
    from drawn import write_project
    from posewire_training.train import train

    root = tmp_path_factory.mktemp("trained")
    return train(write_project(root), run=root / "run", quiet=True)
