"""How good a model is on labelled frames, decoded by the runtime's own pipeline: `posewire evaluate`.

What the figures mean is written down in docs/evaluation.md.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from posewire.draw import PICTURES, check_target, write_picture
from posewire.session import load_model
from posewire_bench.confusion import swapped_animals
from posewire_bench.evaluation import CORRECT, Evaluation, evaluated
from posewire_bench.measured import false_keypoints
from posewire_bench.metrics import Interval, pck
from posewire_bench.worst import sheet, worst_frames
from posewire_models.errors import InputError, WorkError, nearest
from posewire_training.calibrate import calibration_error
from posewire_training.labels.record import labelled

PCK_LENGTHS = (0.02, 0.05, 0.1, 0.2)
PCK_PX = (2, 5, 10, 15, 20)
EMPTY = ("absent", "unknown")


def evaluate(
    model: str,
    labels: Path,
    *,
    provider: str = "auto",
    show: Path | None = None,
    report: Path | None = None,
    video: Path | None = None,
    empty: str = "absent",
    held_out: bool = False,
    animals: int | None = None,
) -> dict[str, Any]:
    """Measure a model (zoo name or file) against a label file; returns the object of ``evaluate --json``.

    ``show``: a picture of the worst frames; ``report``: an HTML file. ``video``: see `load_labels`. ``empty``: see
    `Evaluation`. ``held_out``, ``animals`` (the most of a frame): see `evaluated`. Raises InputError for what does not
    fit or cannot be written to, WorkError if writing failed.
    """
    if show is not None:
        check_target(show, PICTURES)
    if report is not None:
        check_target(report, (".html", ".htm"), "--report")
    if empty not in EMPTY:
        raise InputError(f"--empty {empty}: expected {' or '.join(EMPTY)}{nearest(empty, EMPTY)}")
    if animals is not None and animals < 1:
        raise InputError(f"--animals {animals}: expected the most animals of a frame, at least 1")
    result = evaluated(
        load_model(model), labels, provider=provider, video=video, empty=empty, held_out=held_out, most=animals
    )
    found = figures(result)
    if show is not None:
        pictures = worst_frames(result.measured, result.contract.body)
        try:
            write_picture(show, sheet([picture.image for picture in pictures]))
        except OSError as error:
            raise WorkError(f"--show {show}: cannot be written ({error.strerror or error})") from None
    if report is not None:
        from posewire_bench.report import write_report  # needs matplotlib

        write_report(report, result, found)
    return found


def figures(result: Evaluation) -> dict[str, Any]:
    """The object of ``evaluate --json``; what cannot be told is None."""
    contract, measured, overall = result.contract, result.measured, result.overall
    near = measured.errors[np.isfinite(measured.errors)]
    known = labelled(measured.labels.points)
    in_lengths = measured.errors / result.length
    calibration, judged = result.calibration, result.calibration.scores
    kinds = Counter(one.kind for one in result.confusions)
    swapped = swapped_animals(result.confusions, measured.poses, measured.labels.points, contract.symmetric)
    several: dict[str, Any] = {}
    if result.precision is not None and result.animals is not None:
        several = {
            "oks_map": _number(result.precision.mean),
            "oks_ap50": _number(result.precision.at_50),
            "oks_ap75": _number(result.precision.at_75),
            "precision": _number(result.animals[0]),
            "recall": _number(result.animals[1]),
            "most_animals": result.most,
            "found": _number(overall.count / known.sum() if known.any() else math.nan),
        }
    return {
        "model": contract.name,
        "learned_from_labels": result.provenance.seen,
        "frames": len(measured.found),
        "keypoints": list(contract.keypoints),
        "mean_px": _number(overall.mean),
        "median_px": _number(overall.median),
        "p95_px": _number(overall.p95),
        "within_15px": float((near <= 15).mean()) if near.size else None,
        "per_keypoint_px": {
            name: _number(one.mean) for name, one in zip(contract.keypoints, result.per_keypoint, strict=True)
        },
        "missed": int((known & ~(measured.poses[..., 2] >= result.min_score)).sum()),
        "false": false_keypoints(measured, result.min_score),
        "interval_px": {
            "mean": _interval(overall.interval),
            "per_keypoint": {
                name: _interval(one.interval) for name, one in zip(contract.keypoints, result.per_keypoint, strict=True)
            },
        },
        "body_length_px": _number(result.length),
        "mean_body_lengths": _number(overall.mean / result.length),
        "pck": {
            "body_lengths": _shares(PCK_LENGTHS, pck(in_lengths, PCK_LENGTHS).tolist(), result.length),
            "px": _shares(PCK_PX, pck(measured.errors, PCK_PX).tolist()),
        },
        "calibration": {
            "correct_within_body_lengths": CORRECT,
            "empty": result.empty,
            "scores": len(judged.scores),
            "correct": int(judged.correct.sum()),
            "temperature": calibration.temperature,
            "ece": _number(calibration_error(calibration.before)),
            "ece_tempered": _number(calibration_error(calibration.after)),
        },
        "confusions": {
            **{kind: kinds[kind] for kind in ("left_right", "head_tail", "other")},
            "swapped_animals": [
                {"frame": measured.labels.images[frame].name, "animal": animal} for frame, animal in swapped
            ],
            "listed": [
                {
                    "frame": measured.labels.images[one.frame].name,
                    "animal": one.animal,
                    "keypoint": contract.keypoints[one.keypoint],
                    "at": contract.keypoints[one.at],
                    "kind": one.kind,
                    "error_px": float(measured.errors[one.frame, one.animal, one.keypoint]),
                }
                for one in result.confusions
            ],
        },
        **several,
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _interval(ends: Interval) -> list[float] | None:
    return [float(end) for end in ends] if all(math.isfinite(end) for end in ends) else None


def _shares(thresholds: tuple[float, ...], shares: list[float], unit: float = 1.0) -> dict[str, float | None]:
    return {
        f"{threshold:g}": _number(share * (1 if math.isfinite(unit) else math.nan))
        for threshold, share in zip(thresholds, shares, strict=True)
    }


def readable(result: dict[str, Any]) -> str:
    """The figures as text for a terminal."""
    lines = [f"{result['model']}: {result['frames']} frames{_SEEN[result['learned_from_labels']]}"]
    animals = []
    if "oks_map" in result:
        shown = {key: "-" if result[key] is None else f"{result[key]:.3f}" for key in _SEVERAL}
        animals = ["animals    " + ", ".join(f"{label} {shown[key]}" for key, label in _SEVERAL.items())]
    if result["mean_px"] is None:
        return "\n".join([*lines, "error      no labelled keypoint was found", *animals])
    lines.append(
        f"error      mean {result['mean_px']:.2f} px{_of(result['interval_px']['mean'])}, "
        f"median {result['median_px']:.2f} px, "
        f"p95 {result['p95_px']:.2f} px; {100 * result['within_15px']:.1f} % within 15 px"
    )
    if result["body_length_px"] is not None:
        lines.append(
            f"           mean {result['mean_body_lengths']:.3f} body lengths (of {result['body_length_px']:.0f} px); "
            f"{100 * result['pck']['body_lengths']['0.1']:.1f} % within 0.1"
        )
    lines += [
        f"  {name:<20}"
        + ("no label" if value is None else f"{value:.2f} px{_of(result['interval_px']['per_keypoint'][name])}")
        for name, value in result["per_keypoint_px"].items()
    ]
    lines += animals
    confused, calibration = result["confusions"], result["calibration"]
    lines += [
        f"missed     {result['missed']} labelled keypoints below the model's min_score",
        f"false      {result['false']} unlabelled keypoints above it",
        f"confused   {confused['left_right']} left-right, {confused['head_tail']} head-tail, {confused['other']} other"
        + (
            f"; left and right of {len(swapped)} whole animals exchanged"
            if (swapped := confused["swapped_animals"])
            else ""
        ),
    ]
    if calibration["ece"] is not None:
        lines.append(
            f"scores     calibration error {calibration['ece']:.3f}, {calibration['ece_tempered']:.3f} after "
            f"temperature {calibration['temperature']:.2f}"
        )
    return "\n".join(lines)


_SEEN = {
    True: ", of a label file that the model learned from: new ones will be worse",
    False: "",
    None: "; whether the model learned from them is unknown (it has no card)",
}
_SEVERAL = {
    "precision": "precision",
    "recall": "recall",
    "found": "share of keypoints found",
    "oks_map": "OKS mAP",
    "oks_ap50": "AP50",
    "oks_ap75": "AP75",
}


def _of(interval: list[float] | None) -> str:
    return "" if interval is None else f" (95 %: {interval[0]:.2f} to {interval[1]:.2f})"
