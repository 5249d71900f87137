"""A name or a path -> a model file; the models that ship with Posewire, each with a card and checked by hash.

A zoo model is ``zoo/NAME.onnx`` with ``zoo/NAME.json`` beside it: the card that training's export wrote, with the
file's sha256.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posewire_models.errors import InputError, ModelError, nearest

ZOO = Path(__file__).with_name("zoo")


@dataclass(frozen=True)
class ModelBytes:
    """A model file as read: its path, content, and the sha256 of the content in hex."""

    path: Path
    data: bytes
    sha256: str


def zoo_names() -> list[str]:
    """Names of the models that ship, in alphabetical order."""
    return sorted(path.stem for path in ZOO.glob("*.onnx"))


def zoo_card(name: str) -> dict[str, Any]:
    """The card of a zoo model. Raises ModelError if it is missing or is not JSON."""
    path = ZOO / f"{name}.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: the card of zoo model {name!r} cannot be read ({error}); install again") from None
    if not isinstance(card, dict):
        raise ModelError(f"{path}: the card of zoo model {name!r} must be a JSON object; install again")
    return card


def find_model(name_or_path: str) -> Path:
    """The file of a zoo model or of a path. Raises InputError with the nearest right name."""
    names = zoo_names()
    if name_or_path in names:
        return ZOO / f"{name_or_path}.onnx"
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        raise InputError(
            f"model {name_or_path}: a folder; expected an .onnx file (export a run with `posewire export`)"
        )
    if path.suffix.lower() == ".onnx" or len(path.parts) > 1:
        siblings = [p.name for p in path.parent.glob("*.onnx")] if path.parent.is_dir() else []
        raise InputError(f"model {name_or_path}: no such file{nearest(path.name, siblings)}")
    raise InputError(
        f"model {name_or_path!r}: no zoo model of this name and no such file{nearest(name_or_path, names)}; "
        f"the zoo has {', '.join(names) or 'nothing'}"
    )


def read_model(name_or_path: str) -> ModelBytes:
    """Read a model file; a zoo model must have the hash on its card.

    Raises InputError (no such file, empty file) or ModelError (damaged zoo model).
    """
    path = find_model(name_or_path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"model {path}: cannot be read ({error.strerror})") from None
    if not data:
        raise ModelError(f"model {path}: the file is empty; export or copy it again")
    sha256 = hashlib.sha256(data).hexdigest()
    if path.parent == ZOO and zoo_card(path.stem).get("sha256") != sha256:
        raise ModelError(f"model {path}: its sha256 is not the one on its card; install Posewire again")
    return ModelBytes(path, data, sha256)
