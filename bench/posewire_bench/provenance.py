"""Whether a model has seen the labels it is measured on, as far as its card tells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from posewire.session import Model


@dataclass(frozen=True)
class Provenance:
    """``seen``: whether the model learned from the label file, None if unknown. ``sentence``: why, for people."""

    seen: bool | None
    sentence: str


def card_beside(model: Model) -> dict[str, Any] | None:
    """The card ``NAME.json`` beside a model file; None if there is none that belongs to it (by its sha256)."""
    try:
        card = json.loads(model.path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) and card.get("sha256") == model.sha256 else None


def provenance(card: dict[str, Any] | None, labels_file: Path) -> Provenance:
    """What a model's card says of a label file: it names the label files of the project it was trained by."""
    if card is None:
        return Provenance(
            None,
            "There is no card beside the model, so it is unknown whether it learned from these frames; "
            "if it did, new frames will be worse than this.",
        )
    settings = card.get("settings") or {}
    if settings.get("phantom"):
        return Provenance(False, "The model learned from drawn animals, not from labels.")
    data = settings.get("data") or {}
    named = [entry["file"] if isinstance(entry, dict) else str(entry) for entry in data.get("labels") or []]
    if not named:
        return Provenance(None, "The model's card names no label files: it is unknown whether it learned from these.")
    if fitting := [name for name in named if _is(labels_file, name)]:
        how = str((card.get("error_px") or {}).get("held_out", ""))
        held = f" Held out in its training: {how}." if how else ""
        return Provenance(
            True,
            f"The model learned from {fitting[0]}, most likely this label file: new frames will be worse.{held}",
        )
    return Provenance(
        False, f"The model's card names other label files ({', '.join(named)}); the same frames may still be in them."
    )


def _is(file: Path, name: str) -> bool:
    """Whether ``name`` (a path from some folder, maybe a pattern) may mean ``file``."""
    return PurePath(file.resolve().as_posix()).match(PurePath(name).as_posix().removeprefix("./"))
