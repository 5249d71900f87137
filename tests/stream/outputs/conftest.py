from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guarded import Loop
from odd_outputs import installed
from posewire.outputs.spec import OutputSpec


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Loop]]:
    made: list[Loop] = []

    def start(*outputs: OutputSpec, **options: Any) -> Loop:
        loop = Loop(tmp_path, *outputs, **options)
        made.append(loop)
        lines = loop.link.start()
        assert len(lines) == len(outputs)
        return loop

    yield start
    for loop in made:
        loop.link.close("the end of the tests")


@pytest.fixture
def odd_kinds(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    path = installed(tmp_path_factory.mktemp("plug-in"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([path, os.environ.get("PYTHONPATH", "")]))
