"""Whether a model has seen the labels it is measured on, as far as its run and its card tell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from posewire.session import Model
from posewire_models.errors import InputError
from posewire_training.labels import Labels
from posewire_training.run_folder import read_json


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


@dataclass(frozen=True)
class HeldOut:
    """``frames`` that a training run held out, by their names, and ``how`` they were chosen."""

    frames: frozenset[str]
    how: str


def held_out_beside(model: Model) -> HeldOut | None:
    """What the run held out in whose folder a model file lies (where `posewire train` puts it); None if it lies in
    none, or the run learned from all frames."""
    file = model.path.parent / "run.json"
    if not file.is_file():
        return None
    record = read_json(file)
    held = record.get("held_out") or {}
    if tuple(record.get("keypoints", ())) != model.contract.keypoints or not held.get("frames"):
        return None
    return HeldOut(frozenset(held["frames"]), str(held.get("how", "")))


def only_held_out(model: Model, labels: Labels, where: str) -> Labels:
    """The frames of ``labels`` that the model's run held out. Raises InputError if none are known, or ``where`` has
    none of them."""
    held = held_out_beside(model)
    if held is None:
        raise InputError(
            f"--held-out: {model.path} does not lie in the folder of a run that held frames out; "
            "name the model file in its run folder, or leave the option out"
        )
    chosen = [n for n, image in enumerate(labels.images) if image.name in held.frames]
    if not chosen:
        raise InputError(f"--held-out: {where} has none of the {len(held.frames)} frames held out ({held.how})")
    return labels.pick(chosen)


def provenance(
    card: dict[str, Any] | None, labels_file: Path, held: HeldOut | None = None, names: Sequence[str] = ()
) -> Provenance:
    """What is known of a model and the frames ``names`` of a label file: which of them its run held out, else whether
    its card names the label file among those of its project."""
    inside = sum(name in held.frames for name in names) if held else 0
    if held and inside == len(names):
        return Provenance(False, f"The model's run held all {inside} frames out: {held.how}.")
    if held and inside:
        return Provenance(
            True,
            f"The model's run held {inside} of these {len(names)} frames out ({held.how}) and may have learned from "
            "the others: new frames will be worse. --held-out measures on the held-out ones alone.",
        )
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
        told = f" Held out in its training: {how}." if how else ""
        return Provenance(
            True,
            f"The model learned from {fitting[0]}, most likely this label file: new frames will be worse.{told}",
        )
    return Provenance(
        False, f"The model's card names other label files ({', '.join(named)}); the same frames may still be in them."
    )


def _is(file: Path, name: str) -> bool:
    """Whether ``name`` (a path from some folder, maybe a pattern) may mean ``file``."""
    return PurePath(file.resolve().as_posix()).match(PurePath(name).as_posix().removeprefix("./"))
