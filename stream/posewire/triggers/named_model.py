"""Which model a rules file was written for, before anything else in it is looked at."""

from __future__ import annotations

import sys
from pathlib import Path

from posewire_models.zoo import zoo_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def named_model(path: Path) -> str | None:
    """The file's ``model``: a name of the zoo, or a path, looked up beside the rules file. None if it names none, or is
    no such file at all: who reads it says what is wrong with it."""
    try:
        name = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("model")
    except (OSError, ValueError):
        return None
    if not isinstance(name, str) or not name:
        return None
    beside = path.parent / name
    return str(beside) if name not in zoo_names() and beside.is_file() else name
