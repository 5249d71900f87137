"""One short training on drawn dots, shared by the tests that look at its results."""

from __future__ import annotations

from collections.abc import Iterator
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


@pytest.fixture
def untraced() -> Iterator[None]:
    """Steps run as they stand: building a graph takes longer than a few steps of a tiny network."""
    tensorflow = pytest.importorskip("tensorflow")
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)
