"""The same network in fewer bits, and what that costs: calibrated on a run's training frames, measured on those it held
out, against fp32 on the same frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from posewire_models.errors import InputError, WorkError
from posewire_models.skeleton import Pair
from posewire_training.config import Project
from posewire_training.dataset import Frames
from posewire_training.half import halved
from posewire_training.images import Image
from posewire_training.labels.record import Points
from posewire_training.quantise import quantised
from posewire_training.source import Source, open_source
from posewire_training.targets import Array
from posewire_training.validation import HeldOutError, animals_of, as_seen, joined, measured

PRECISIONS = ("fp32", "fp16", "int8")
MOST_LOSS_PERCENT = 5.0
CALIBRATION_FRAMES = 128


@dataclass(frozen=True)
class Loss:
    """Errors of the same network on the same held-out frames: in fp32, and in fewer bits."""

    fp32: HeldOutError
    reduced: HeldOutError

    @property
    def percent(self) -> float:
        """How much larger the error became, animals that are not found counted in (`HeldOutError.score`); NaN if no
        keypoint is labelled."""
        before, after = self.fp32.score, self.reduced.score
        return 100 * (after / before - 1) if before else math.inf if after else 0.0

    def card(self) -> dict[str, float | None]:
        """``error_px`` of the card: figures of the network in fewer bits, and of fp32; null for what is no number."""
        figures = {
            "value": round(self.reduced.mean, 3),
            "median": round(self.reduced.median, 3),
            "within_15px": round(self.reduced.within_15px, 4),
            "fp32": round(self.fp32.mean, 3),
            "loss_percent": round(self.percent, 2),
        }
        return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def reduced(model: Any, precision: str, project: Project, source: Source) -> Any:
    """A copy of an fp32 ONNX model in ``precision``: one of PRECISIONS but the first."""
    if precision == "fp16":
        return halved(model)
    return quantised(model, list(as_seen(project, _spread(source.train, CALIBRATION_FRAMES))))


def reduced_run(
    run: Path, settings: Project, record: dict[str, Any], model: Any, precision: str
) -> tuple[Any, Loss | None]:
    """A run's fp32 ONNX model in ``precision``, and what that costs on its held-out frames (None if it has none).

    Raises InputError if the run's data is gone or changed.
    """
    source = run_source(run, settings, record)
    made = reduced(model, precision, settings, source)
    return made, loss_of(model, made, settings, source.held_out, edges_of(settings, record))


def edges_of(settings: Project, record: dict[str, Any]) -> tuple[Pair, ...]:
    """The edges along which animals are put together; none for one animal."""
    return tuple((a, b) for a, b in record["skeleton"]) if settings.animals > 1 else ()


def run_source(run: Path, settings: Project, record: dict[str, Any]) -> Source:
    """The frames that a run was trained on and those it held out, read again.

    Of drawn frames only as many as a calibration needs are drawn. Raises InputError if the data is gone or changed.
    """
    if settings.phantom is not None:
        few = min(settings.phantom.frames, CALIBRATION_FRAMES)
        phantom = settings.phantom.model_copy(update={"frames": few})
        return open_source(settings.model_copy(update={"phantom": phantom}), run)
    try:
        # Runs of the first versions do not say where their project lay: beside or above them, mostly.
        source = open_source(settings, run / record.get("project", "."))
    except InputError as error:
        raise InputError(f"{run}: its data is needed again, to calibrate and to measure: {error}") from None
    if source.train.sha256() != record["data_sha256"]:
        raise InputError(
            f"{run}: the data is not what it was trained on, so the error would be another one; put the data back, or "
            "train again"
        )
    return source


def differences(before: Any, after: Any, frames: Sequence[Image]) -> dict[str, float]:
    """Largest difference of each output between two ONNX models, on frames ``[H, W, C]``."""
    first, second = session_of(before), session_of(after)
    names = [port.name for port in first.get_outputs()]
    largest = dict.fromkeys(names, 0.0)
    for frame in frames:
        pair = (session.run(names, {"frames": frame[None]}) for session in (first, second))
        for name, one, other in zip(names, *pair, strict=True):
            largest[name] = max(largest[name], float(np.abs(one - other).max()))
    return largest


def moved_px(
    before: Any, after: Any, project: Project, frames: Sequence[Image], edges: tuple[Pair, ...] = ()
) -> float | None:
    """How far the keypoints that ``before`` finds lie from those of ``after``, in full-frame pixels on average; None if
    it finds none."""
    shown = _unlabelled(project, frames)
    found = _animals(before, project, shown, edges)
    points = np.full((len(frames), project.animals, found[0].shape[1], 2), np.nan, np.float32)
    for n, animals in enumerate(found):
        sure = animals[..., 2:] >= project.network.min_score
        points[n, : len(animals)] = np.where(sure, animals[..., :2], np.nan)
    moved = measured(_animals(after, project, shown, edges), replace(shown, points=points)).mean
    return None if math.isnan(moved) else moved


def animals_in(model: Any, project: Project, frames: Sequence[Image], edges: tuple[Pair, ...] = ()) -> list[Points]:
    """The animals that an ONNX model finds in whole frames: of each float32 ``[animals, K, 3]`` (x, y in network
    pixels, score)."""
    return _animals(model, project, _unlabelled(project, frames), edges)


def _unlabelled(project: Project, frames: Sequence[Image]) -> Frames:
    blank = np.full((len(frames), project.animals, 1, 2), np.nan, np.float32)
    return Frames(("",) * len(frames), tuple(frames), blank, project.network.scale)


def loss_of(before: Any, after: Any, project: Project, frames: Frames, edges: tuple[Pair, ...] = ()) -> Loss | None:
    """What the error of ``before`` on frames becomes in ``after``, each by its own maps; None without frames."""
    if not len(frames):
        return None
    return Loss(*(measured(_animals(model, project, frames, edges), frames) for model in (before, after)))


def joined_loss(losses: Sequence[Loss]) -> Loss:
    """What fewer bits cost on all frames of several runs together."""
    return Loss(joined([loss.fp32 for loss in losses]), joined([loss.reduced for loss in losses]))


def refuse_loss(loss: Loss, where: str, precision: str) -> None:
    """Raises WorkError if a network of ``where`` loses too much in ``precision``."""
    if not loss.percent <= MOST_LOSS_PERCENT:  # NaN is no proof
        raise WorkError(
            f"{where}: in {precision} the error on held-out frames is {loss.reduced.score:.2f} px, in fp32 "
            f"{loss.fp32.score:.2f} px: {loss.percent:.1f} % more (allowed {MOST_LOSS_PERCENT:g} %); nothing was "
            "written; --allow-loss keeps it all the same"
        )


def _animals(model: Any, project: Project, frames: Frames, edges: tuple[Pair, ...]) -> list[Points]:
    """The animals that an ONNX model finds."""
    session = session_of(model)
    names = ["heatmaps", "offsets", *(["pafs"] if edges else [])]

    def maps_of(image: Image) -> list[Array]:
        return [output[0] for output in session.run(names, {"frames": image[None]})]

    return animals_of(maps_of, project, frames, edges)


def session_of(model: Any) -> Any:
    """An ONNX model, ready to run on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _spread(frames: Frames, count: int) -> Frames:
    """At most ``count`` frames, from all over."""
    return frames.pick(np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int).tolist())
