"""A model on labelled frames: everything that the figures and the report of `posewire evaluate` are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from posewire.session import Model
from posewire_bench.confusion import Confusion, confusions
from posewire_bench.measured import Measured, Scores, judged_scores, measure
from posewire_bench.metrics import Spread, body_length, precision_recall, spread
from posewire_bench.oks import AveragePrecision, average_precision
from posewire_bench.predict import predictor
from posewire_bench.provenance import Provenance, card_beside, held_out_beside, only_held_out, provenance
from posewire_models.contract import ModelContract
from posewire_models.errors import InputError
from posewire_training.calibrate import Bin, can_fit, cross_tempered, fit_temperature, reliability
from posewire_training.labels import load_labels
from posewire_training.labels.record import labelled

CORRECT = 0.1  # body lengths


@dataclass(frozen=True)
class Calibration:
    """``scores`` and what became of them (none if a body length is unknown); the ``temperature`` of all of them; the
    bins of the reliability curve ``before`` and ``after`` tempering each score by the temperature of other frames."""

    scores: Scores
    temperature: float
    before: list[Bin]
    after: list[Bin]

    @property
    def fitted(self) -> bool:
        """Whether there were enough right and wrong ones to fit a temperature."""
        return can_fit(self.scores.correct)


@dataclass(frozen=True)
class Evaluation:
    """A model on a label file: everything that figures and report are made of.

    ``length``: px of a body length, NaN if unknown. ``precision`` (OKS) and ``animals`` (precision and recall) are of
    models of several animals, else None; the best ``most`` of each frame count. ``empty``: what a label that is not
    there means, `absent` or `unknown`.
    """

    model: Model
    labels_file: Path
    measured: Measured
    min_score: float
    length: float
    overall: Spread
    per_keypoint: tuple[Spread, ...]
    calibration: Calibration
    confusions: list[Confusion]
    precision: AveragePrecision | None
    animals: tuple[float, float] | None
    most: int
    empty: str
    provenance: Provenance

    @property
    def contract(self) -> ModelContract:
        return self.model.contract

    @property
    def labelled(self) -> int:
        """Labelled keypoints."""
        return int(labelled(self.measured.labels.points).sum())


def evaluated(
    model: Model,
    labels_file: Path,
    *,
    provider: str = "auto",
    video: Path | None = None,
    empty: str = "absent",
    held_out: bool = False,
    most: int | None = None,
) -> Evaluation:
    """Measure a model against a label file. ``held_out``: only the frames that its run held out. ``most``: how many
    animals of a frame a model of several may find; default as many as are labelled in one frame. Raises InputError for
    what does not fit."""
    contract = model.contract
    several = contract.animals == "many"
    labels = load_labels(labels_file, contract.keypoints, video)
    if not labels.animals:
        raise InputError(f"{labels_file}: holds no animal; expected frames with at least one labelled animal")
    if held_out:
        labels = only_held_out(model, labels, str(labels_file))
    counts = labelled(labels.points).any(axis=-1).sum(axis=-1).tolist()
    # As a user does who knows how many animals he filmed, and as training measures.
    most = most or max(1, *counts)
    measured = measure(predictor(model, provider, most), labels, str(labels_file), one=not several)
    length = body_length(labels.points)
    found, matches = [len(animals) for animals in measured.found], [len(pairs) for pairs in measured.matches]
    return Evaluation(
        model,
        labels_file,
        measured,
        contract.min_score,
        length,
        spread(measured.errors),
        tuple(spread(measured.errors[:, :, k]) for k in range(len(contract.keypoints))),
        _calibration(judged_scores(measured, CORRECT * length, empty == "absent")),
        confusions(measured.poses, labels.points, contract.symmetric, length),
        average_precision(measured.found, labels.points) if several else None,
        precision_recall(found, counts, matches) if several else None,
        most,
        empty,
        provenance(card_beside(model), labels_file, held_out_beside(model), [image.name for image in labels.images]),
    )


def _calibration(judged: Scores) -> Calibration:
    after = cross_tempered(judged.scores, judged.correct, judged.frames)
    return Calibration(
        judged,
        fit_temperature(judged.scores, judged.correct),
        reliability(judged.scores, judged.correct),
        reliability(after, judged.correct),
    )
