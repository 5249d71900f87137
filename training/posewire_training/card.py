"""The error on a model's card: of the run itself, or of runs of the same settings that held frames out (k-fold)."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posewire_models.errors import InputError
from posewire_training.config import Project
from posewire_training.precision import Loss, joined_loss
from posewire_training.run_folder import changed_settings, read_json, read_settings
from posewire_training.validation import NEAR_PX

# What may differ between a run and one its error is taken from: how much data, which part is held out, where files are.
_FREE = re.compile(
    r"data\.(validation|validation_images|split|gap|folds?|seed|root|description|licence)$|network\.weights$|name$"
)
_T = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}  # Student, two-sided 95 %
_RESAMPLES = 2000


def card_error(
    settings: Project,
    record: dict[str, Any],
    error_from: Sequence[Path] = (),
    losses: Sequence[Loss] = (),
    precision: str = "",
) -> dict[str, Any]:
    """``error_px`` of the card: value (mean) and median in pixels of the full frame, and how it was measured.

    ``record``: the run's own. ``error_from``: runs of the same settings that held frames out; their errors are joined.
    Of a network in another ``precision`` than fp32, ``losses`` are what was measured, for each of those runs (or the
    run itself). Raises InputError if one of ``error_from`` is a run of other settings, or held nothing out.
    """
    if not error_from:
        if not record["error_px"]:
            return {"value": None, "frames": 0, "held_out": "nothing: trained on all frames, so not measured"}
        return _joined([record], losses) | {"held_out": record["held_out"]["how"]}
    others = [_other(settings, record, run) for run in error_from]
    how = others[0]["held_out"]["how"]
    by = "a run of the same settings trained on the others"
    if len(others) > 1:
        held_out = [name for other in others for name in other["held_out"]["frames"]]
        if len(set(held_out)) < len(held_out):
            raise InputError(f"{error_from[0]} and others hold out the same frames; expected the parts of one whole")
        how = f"{len(others)} parts, {len(held_out)} frames in all, each"
    treated = f" and brought to {precision} in the same way" if losses else ""
    return _joined(others, losses) | {"held_out": f"{how}, by {by}{treated}; this file was trained on all of them"}


def card_temperature(record: dict[str, Any], error_from: Sequence[Path] = ()) -> float:
    """The temperature of a network's scores: its run's own, or the geometric mean of those of the runs that its error
    comes from, as far as theirs could be measured (a run with too few wrong predictions says 1); 1 where none was."""
    records = [read_json(run / "run.json") for run in error_from] or [record]
    calibrations = [calibration for other in records if (calibration := other.get("calibration"))]
    found = [calibration["temperature"] for calibration in calibrations if calibration["temperature"] != 1.0]
    return math.exp(statistics.fmean(map(math.log, found))) if found else 1.0


def _other(settings: Project, record: dict[str, Any], run: Path) -> dict[str, Any]:
    """The record of a run whose error may stand for that of another."""
    settings_there, there = read_settings(run), read_json(run / "run.json")
    changed = [
        key
        for key in changed_settings(settings.model_dump(mode="json"), settings_there.model_dump(mode="json"))
        if not _FREE.search(key)
    ]
    if changed or there["keypoints"] != record["keypoints"]:
        raise InputError(
            f"{run}: its settings differ ({', '.join(changed) or 'keypoints'}), so its error says nothing of this run"
        )
    if not there["error_px"]:
        raise InputError(f"{run}: held no frames out, so it has no error to give")
    return there


def _joined(records: Sequence[dict[str, Any]], losses: Sequence[Loss]) -> dict[str, Any]:
    """Figures over all frames that some runs held out, with a 95 % interval of the mean where each frame's error is
    known.

    Of three runs and more the interval is that of their means (Student's t), so that it holds the scatter of training
    as well; of fewer, frames are drawn anew.
    """
    frames = sum(len(record["held_out"]["frames"]) for record in records)
    figures: dict[str, Any] = {}
    if losses:
        parts = [[frame[~np.isnan(frame)] for frame in loss.reduced.errors] for loss in losses]
        figures = {key: value for key, value in joined_loss(losses).card().items() if key in ("fp32", "loss_percent")}
    elif all("frames" in record["error_px"] for record in records):
        parts = [
            [np.array([math.inf if e is None else e for e in frame]) for frame in record["error_px"]["frames"].values()]
            for record in records
        ]
    else:  # runs of older versions tell no more than this
        if len(records) > 1:
            raise InputError("a run of an older version does not tell the error of each frame; train it again")
        error = records[0]["error_px"]
        return _rounded(error["mean"], error["median"], error["within_15px"]) | {"frames": frames}
    known = np.concatenate([frame for part in parts for frame in part])
    near = known[np.isfinite(known)]
    if not len(near):
        return {"value": None, "frames": frames, **figures}
    shared: dict[str, Any] = _rounded(float(near.mean()), float(np.median(near)), float((known <= NEAR_PX).mean()))
    shared |= {"interval_95": _interval(parts)} | _elsewhere(parts)
    return shared | {"found": round(len(near) / len(known), 4), **figures, "frames": frames}


def _rounded(mean: float, median: float, within: float) -> dict[str, float]:
    return {"value": round(mean, 3), "median": round(median, 3), "within_15px": round(within, 4)}


def _mean(errors: Any) -> float:
    """Mean of those that were found."""
    return float(errors[np.isfinite(errors)].mean())


def _interval(parts: Sequence[Sequence[Any]]) -> list[float]:
    """95 % interval of the mean error; ``parts``: of each run the errors of each frame."""
    if len(_means(parts)) >= 3:
        return _student(parts, 1 / len(_means(parts)))
    frames = [frame[np.isfinite(frame)] for part in parts for frame in part]
    sums = np.array([[frame.sum(), len(frame)] for frame in frames])
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(len(frames), size=(_RESAMPLES, len(frames)))].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / np.maximum(drawn[:, 1], 1), [2.5, 97.5])
    return [round(float(low), 3), round(float(high), 3)]


def _elsewhere(parts: Sequence[Sequence[Any]]) -> dict[str, list[float]]:
    """``new_part_95``: where the mean error on another part, of other frames of the same kind, is to be expected
    (Student's prediction interval: the scatter of one part on top of the mean's own); nothing of fewer than 3 parts."""
    count = len(_means(parts))
    return {"new_part_95": _student(parts, 1 + 1 / count)} if count >= 3 else {}


def _student(parts: Sequence[Sequence[Any]], share: float) -> list[float]:
    """95 % interval about the pooled mean, of ``share`` times the variance of the parts' means."""
    means = _means(parts)
    half = _T[min(9, len(means) - 1)] * statistics.stdev(means) * math.sqrt(share)
    middle = _mean(np.concatenate([frame for part in parts for frame in part]))
    return [round(max(0.0, middle - half), 3), round(middle + half, 3)]


def _means(parts: Sequence[Sequence[Any]]) -> list[float]:
    return [_mean(np.concatenate(part)) for part in parts if len(part)]
