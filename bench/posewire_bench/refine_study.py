"""Are frames that refine proposes worth more than random ones?

    python -m posewire_bench.refine_study --set openfield --work FOLDER [--data FOLDER] [--seeds 5] [--steps 800]

For each seed some of a set's labelled frames are held back, a network learns from 10 random ones of the rest, and what
remains is the pool: its frames stand in for a video, their labels are looked at only when they are chosen. Two
trainings go on from that network with 10 frames more, chosen by refine's own signals and choice (of single pictures,
nothing jumps) or at random, with the same steps, rate and seed. The result is the difference of their mean errors on
the held-back frames, with Student's 95 % interval over the seeds. Further arms part the method: ``doubtful`` takes the
frames of the highest worth alone, ``diverse`` chooses by looks alone.

Everything finished leaves a small file in the work folder: the study may be stopped and taken up. One process; for one
thread set TF_NUM_INTRAOP_THREADS=1 and TF_NUM_INTEROP_THREADS=1 (and OMP_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire_bench.measured import compared
from posewire_bench.refine_sets import SETS, START, LabelledSet, Numbers, body_of, parted
from posewire_bench.studies import summary, toml_of
from posewire_models.errors import InputError
from posewire_models.files import write_whole
from posewire_training.config import DATA_ENVIRONMENT
from posewire_training.export import export
from posewire_training.images import Image, read_images
from posewire_training.labels import Labels, load_labels
from posewire_training.labels.record import labelled
from posewire_training.refine.appearance import looks_of
from posewire_training.refine.choose import Candidates, choose, worth_of
from posewire_training.refine.look import signals_of, values_of
from posewire_training.refine.predict import Predictions, Predictor, joined
from posewire_training.run_folder import read_json, write_json
from posewire_training.train import train
from posewire_training.validation import NEAR_PX, missed_counted

MORE = 10
ARMS = ("random", "refined", "doubtful", "diverse")


@dataclass(frozen=True)
class Study:
    """What all trainings of a study share."""

    name: str
    data: Path
    work: Path
    steps: int

    @property
    def set(self) -> LabelledSet:
        return SETS[self.name]

    def labels(self) -> Labels:
        video = self.data / self.set.video if self.set.video else None
        labels = load_labels(self.data / self.set.labels, video=video)
        return labels.pick(n for n, image in enumerate(labels.images) if image.name != self.set.leave_out)


def study(what: Study, seeds: Sequence[int], arms: Sequence[str]) -> dict[str, Any]:
    """Train what is not trained yet; returns errors of all arms and their differences from ``random``."""
    labels = what.labels()
    names = [image.name for image in labels.images]
    errors: dict[str, list[float]] = {arm: [] for arm in ("start", *arms)}
    ranks: dict[str, list[float]] = {}
    for seed in seeds:
        held_back, first, pool = parted(len(labels), seed, film=bool(what.set.video))
        folder = what.work / what.name / f"seed{seed}"
        start = _trained(what, folder / "start", names, first, held_back, seed, str(_backbone(what.data)))
        errors["start"].append(start)
        picks = _picks(what, folder, labels, first, pool, seed)
        for name, value in picks["rank_correlation"].items():
            ranks.setdefault(name, []).append(value)
        for arm in arms:
            chosen = [names.index(name) for name in picks[arm]]
            learned = np.sort(np.concatenate([first, chosen]))
            weights = str((folder / "start" / "run").absolute())
            errors[arm].append(_trained(what, folder / arm, names, learned, held_back, seed, weights))
    differences = {
        arm: summary([a - b for a, b in zip(errors[arm], errors["random"], strict=True)])
        for arm in arms
        if arm != "random"
    }
    return {
        "set": what.name,
        "steps": what.steps,
        "start_frames": START,
        "more_frames": MORE,
        "errors_px": {arm: summary(values) for arm, values in errors.items()},
        "minus_random_px": differences,
        "rank_correlation_with_error": {name: float(np.mean(values)) for name, values in ranks.items()},
    }


def _trained(
    what: Study, folder: Path, names: Sequence[str], learned: Numbers, held_back: Numbers, seed: int, weights: str
) -> float:
    """Mean error (px) on the held-back frames of a network that learned from those frames; a keypoint that is not found
    counts as 15 px or more (`HeldOutError.score`)."""
    result = folder.with_suffix(".json")
    if result.is_file():
        return float(read_json(result)["mean_px"])
    body = {} if what.set.video else dict(zip(("skeleton", "symmetric"), body_of(what.set, what.data), strict=True))
    video = {"video": what.set.video} if what.set.video else {}
    fields = {
        "name": what.name,
        "animals": what.set.animals,
        **body,
        "data": {
            "labels": [{"file": what.set.labels, **video}],
            "root": str(what.data.absolute()),
            "train_images": [names[n] for n in learned],
            "validation_images": [names[n] for n in held_back],
        },
        "network": {"weights": weights, "scale": what.set.scale, "color": "gray"},
        "schedule": {
            "steps": what.steps,
            "seed": seed,
            "crop": [what.set.crop, what.set.crop],
            "crop_share": what.set.crop_share,
            "learning_rate": what.set.learning_rate,
            "warmup": 50,
            "average": 0.99,
            "validate_every": what.steps,
            "checkpoint_every": what.steps,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "project.toml", toml_of(fields).encode())
    train(folder / "project.toml", run=folder / "run", quiet=True)
    nothing: dict[str, Any] = {"mean": NEAR_PX, "median": None, "within_15px": 0.0, "found": 0.0}  # found in no frame
    error = read_json(folder / "run" / "run.json")["error_px"] or nothing
    found = error.get("found", 1.0)
    score = missed_counted(error["mean"], found)
    kept = {key: error[key] for key in ("median", "within_15px")}
    write_json(result, {"mean_px": score, "found": found, **kept, "learned": [names[n] for n in learned], "seed": seed})
    sys.stderr.write(f"{folder}: {score:.2f} px\n")
    return float(score)


def _picks(what: Study, folder: Path, labels: Labels, first: Numbers, pool: Numbers, seed: int) -> dict[str, Any]:
    """Names of the frames that each arm adds, and how well each signal ranks the pool's frames by their true error."""
    result = folder / "picks.json"
    if result.is_file():
        return read_json(result)
    run = folder / "start" / "run"
    # Scores are calibrated on the held-back frames, whose labels the choice must not know.
    write_json(run / "run.json", read_json(run / "run.json") | {"calibration": None})
    predictor = Predictor(str(export(run)), what.set.animals)
    needed = {*first.tolist(), *pool.tolist()}
    images: dict[int, Image] = {n: image for n, image in read_images(labels.images) if n in needed}
    plain, mirrored = _predicted(predictor, [images[n] for n in pool])
    values = values_of(signals_of(plain, mirrored, predictor.contract, neighbours=bool(what.set.video)))
    worth = worth_of(values)
    looks = np.stack([looks_of(images[n], points) for n, points in zip(pool, plain.points, strict=True)])
    known = np.stack([looks_of(images[n], labels.points[n]) for n in first])
    everywhere = np.ones(len(pool), np.bool_)

    def taken(value: npt.NDArray[np.float64]) -> list[int]:
        candidates = Candidates(value, looks, np.zeros(len(pool), np.int64), pool, everywhere)
        return choose(candidates, known, MORE, gap=1, seed=seed)

    chosen: dict[str, Sequence[int] | Numbers] = {
        "random": np.random.default_rng([seed, 11]).permutation(len(pool))[:MORE],
        "refined": taken(worth),
        "doubtful": np.argsort(-worth, kind="stable")[:MORE],
        "diverse": taken(np.ones(len(pool))),
    }
    there = labels.pick(pool.tolist())
    order = [labels.keypoints.index(name) for name in predictor.contract.keypoints]
    there = replace(there, keypoints=predictor.contract.keypoints, points=there.points[:, :, order])
    error = _frame_errors(there, plain, one=what.set.animals == 1)
    picks: dict[str, Any] = {
        arm: [labels.images[pool[n]].name for n in sorted(places)] for arm, places in chosen.items()
    }
    picks["rank_correlation"] = {
        name: _rank_correlation(value, error) for name, value in (*values.items(), ("worth", worth))
    }
    picks["start_error_px"] = {arm: float(error[list(places)].mean()) for arm, places in chosen.items()}
    picks["start_error_px"]["pool"] = float(error.mean())
    write_json(result, picks)
    return picks


def _frame_errors(labels: Labels, found: Predictions, one: bool) -> npt.NDArray[np.float64]:
    """Mean error of each frame in px; a keypoint that is not found counts as 15 px."""
    animals = [
        np.concatenate([points, scores[..., None]], axis=-1)[labelled(points).any(axis=-1)]
        for points, scores in zip(found.points, found.scores, strict=True)
    ]
    errors = compared(labels, animals, one).errors
    return np.asarray(np.nanmean(np.where(np.isinf(errors), NEAR_PX, errors), axis=(1, 2)))


def _predicted(predictor: Predictor, images: Sequence[Image]) -> tuple[Predictions, Predictions]:
    found = [predictor.predict([image]) for image in images]  # one by one: sizes may differ
    return joined([plain for plain, _ in found]), joined([mirrored for _, mirrored in found])


def _rank_correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """Spearman's."""
    ranks = np.stack([np.argsort(np.argsort(values)) for values in (a, b)]).astype(np.float64)
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _backbone(data: Path) -> Path | str:
    """ImageNet's weights in the data folder, else Keras' download."""
    folder = data / "mobilenetv2-imagenet"
    return folder.absolute() if folder.is_dir() else "imagenet"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=os.environ.get(DATA_ENVIRONMENT))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=["random", "refined"])
    arguments = parser.parse_args()
    if arguments.data is None:
        raise InputError(f"--data: name the folder that holds the sets, or set {DATA_ENVIRONMENT}")
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    arms = list(dict.fromkeys(["random", *arguments.arms]))
    what = Study(arguments.set, arguments.data.resolve(), arguments.work, arguments.steps)
    sys.stdout.write(json.dumps(study(what, seeds, arms)) + "\n")


if __name__ == "__main__":
    main()
