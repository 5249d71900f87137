"""How far predicted keypoints are from where they then were, beside holding the last pose, and what the run says.

    python -m posewire_bench.prediction [VIDEO] [--model mouse-topview] [--seeds 3 4 5] [--frames 1200] [--live 10]

Drawn scenes at 100 frames/s go through the shipped network; where keypoints will be is predicted ``--lead-ms`` after
they are known, for poses of ``--ages-ms`` (how old a pose is then is the machine's business; each age is tried on the
same poses), and compared with the drawn truth. ``--live`` starts `posewire run` at real pace for so many seconds for
each seed, and prints its report's own comparison. A video is predicted one frame ahead and compared with the pose
measured in that frame; its first half is left out of the figures (and may have been used to choose the predictors).

Columns (px), over visible keypoints: error of what was predicted, of holding, the share by which the first is lower;
``network`` is the error of the network's own places at those times, which nobody can go below. ``said`` is the run's
self-score against what came, ``true`` its estimate against the truth (of all keypoints that were found, hidden ones
too), given the network's error on these frames, ``card`` the same given the error on the model's card, each over what
is computed here.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats
from posewire.pipeline import Pipeline, StepStamps
from posewire.predict import Predictor
from posewire.session import load_model
from posewire.sources import open_source
from posewire_bench.program import machine, run_report

Numbers = npt.NDArray[np.float64]
DRAWN = "synthetic-animal"


@dataclass(frozen=True)
class Recording:
    """Poses of every frame of a source, float32 [F, 1, K, 3], its truth [F, K, 2] and visibility, and frames/s."""

    poses: Floats
    truth: Numbers | None
    visible: npt.NDArray[np.bool_] | None
    fps: float


def record(pipeline: Pipeline, spec: str, frames: int) -> Recording:
    """The first ``frames`` frames of a source through all stages."""
    source = open_source(spec)
    info = source.open()
    names = pipeline.model.contract.keypoints
    pipeline.fit(info.width, info.height)
    poses: list[Floats] = []
    truth: list[Numbers] = []
    visible: list[npt.NDArray[np.bool_]] = []
    stamps = StepStamps()
    try:
        while len(poses) < frames and (frame := source.read()) is not None:
            pipeline.step(frame.image, stamps, None, round(len(poses) * 1e9 / info.fps))
            poses.append(pipeline.poses.copy())
            if frame.truth is not None:
                order = [frame.truth.keypoints.index(name) for name in names]
                truth.append(frame.truth.points[0, order].astype(np.float64))
                visible.append(frame.truth.visible[0, order])
    finally:
        source.close()
    pipeline.forget()
    return Recording(
        np.array(poses), np.array(truth) if truth else None, np.array(visible) if truth else None, info.fps
    )


@dataclass(frozen=True)
class Outcome:
    """Mean errors in px: of what was predicted, of holding, of the network itself (0 without truth), over visible
    keypoints; of what was predicted against what came; against the truth over all that were found, and the network's
    over the same; then what the predictor said: its error against what came, and its estimate against the truth given
    the model's card (None without one)."""

    error: float
    hold: float
    network: float
    came: float
    found: float
    found_network: float
    said: float
    said_card: float | None

    @property
    def gain(self) -> float:
        return 1 - self.error / self.hold

    @property
    def said_true(self) -> float:
        return math.hypot(self.said, self.found_network)


def outcome(recording: Recording, predictor: Predictor, age_ms: float, lead_ms: float, begin: int) -> Outcome:
    """Predicts all frames, scores those from ``begin`` on against the truth, or else against what was measured."""
    predictor.reset()
    poses, count = recording.poses, len(recording.poses)
    times = np.round(np.arange(count) * 1e9 / recording.fps).astype(np.int64)
    targets = times + round((age_ms + lead_ms) * 1e6)
    predicted = np.empty_like(poses)
    for n in range(count):
        if n == begin:
            predictor.forget_scores()
        predicted[n] = predictor.step(poses[n], None, int(times[n]), int(targets[n]))
    at: Numbers = targets.astype(np.float64) * recording.fps / 1e9
    rows = np.arange(begin, count)[at[begin:] < count - 1]
    came = between(poses[:, 0, :, :2].astype(np.float64), at[rows])
    there = came if recording.truth is None else between(recording.truth, at[rows])
    off, held = (np.linalg.norm(some[rows, 0, :, :2] - there, axis=-1) for some in (predicted, poses))
    own = np.linalg.norm(came - there, axis=-1)
    found = np.isfinite(off) & np.isfinite(held) & np.isfinite(own)
    counts = found
    if recording.visible is not None:
        before = np.floor(at[rows]).astype(int)
        counts = found & recording.visible[before] & recording.visible[np.minimum(before + 1, count - 1)]
    figures = predictor.figures()
    said = figures["error_px"]
    return Outcome(
        float(off[counts].mean()),
        float(held[counts].mean()),
        float(own[counts].mean()),
        float(np.nanmean(np.linalg.norm(predicted[rows, 0, :, :2] - came, axis=-1))),
        float(off[found].mean()),
        float(own[found].mean()),
        math.nan if said is None else said,
        figures["true_px"],
    )


def between(places: Numbers, at: Numbers) -> Numbers:
    """``places`` [F, K, 2] at frames ``at`` that need not be whole, on straight lines."""
    before = np.clip(np.floor(at).astype(int), 0, len(places) - 2)
    share = (at - before)[:, None, None]
    joined: Numbers = places[before] * (1 - share) + places[before + 1] * share
    # At a whole frame, what comes after it says nothing.
    return np.where(share == 0, places[before], joined)


def main() -> None:
    """Run all of it and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--model", default="mouse-topview", help="for the video")
    parser.add_argument("--seeds", type=int, nargs="*", default=[3, 4, 5, 6, 7])
    parser.add_argument("--size", default="640x480", help="of drawn frames")
    parser.add_argument("--frames", type=int, default=1200)
    parser.add_argument("--lead-ms", type=float, default=20.0)
    parser.add_argument("--ages-ms", type=float, nargs="*", default=[0.0, 5.0, 10.0, 15.0])
    parser.add_argument("--live", type=float, default=0.0, metavar="SECONDS")
    arguments = parser.parse_args()
    write = sys.stdout.write
    write(f"{machine()}\n")
    if arguments.seeds and arguments.frames:
        _drawn(arguments, write)
    if arguments.live:
        write(f"\n{'posewire run':16}{'age':>7}{'error':>8}{'hold':>8}{'gain':>8}{'said':>8}{'true':>7}\n")
        for seed in arguments.seeds:
            source = f"synthetic:seed={seed},fps=100,size={arguments.size},frames={round(100 * arguments.live)}"
            report = run_report(
                *("--source", source, "--model", DRAWN, "--lead-ms", arguments.lead_ms),
                *("--publish", "tcp://127.0.0.1:*"),
            )
            said = report["prediction"]
            age = report["latency_ms"]["total"]["p50"] - report["latency_ms"]["publish"]["p50"]
            write(
                f"seed {seed:<11}{age:7.1f}{said['truth_px']:8.3f}{said['truth_hold_px']:8.3f}{said['truth_gain']:8.1%}"
                f"{said['error_px']:8.3f}{said['true_px'] / said['found_truth_px']:7.3f}\n"
            )
    if arguments.video is not None:
        pipeline = Pipeline(load_model(arguments.model), lead_ms=arguments.lead_ms)
        assert pipeline.predictor is not None
        recording = record(pipeline, str(arguments.video), 10**9)
        found = outcome(recording, pipeline.predictor, 0.0, 1e3 / recording.fps, len(recording.poses) // 2)
        write(f"\n{'video':16}{'':7}{'error':>8}{'hold':>8}{'gain':>8}{'said':>8}\n")
        write(
            f"{arguments.video.stem[:15]:16}{'':7}{found.error:8.3f}{found.hold:8.3f}{found.gain:8.1%}"
            f"{found.said / found.error:8.3f}\n"
        )


def _drawn(arguments: argparse.Namespace, write: Any) -> None:
    write(f"{'drawn':16}{'age':>7}{'error':>8}{'hold':>8}{'gain':>8}{'network':>9}{'said':>7}{'true':>7}{'card':>7}\n")
    pipeline = Pipeline(load_model(DRAWN), lead_ms=arguments.lead_ms)
    assert pipeline.predictor is not None
    means: dict[float, list[Outcome]] = {}
    for seed in arguments.seeds:
        recording = record(pipeline, f"synthetic:seed={seed},fps=100,size={arguments.size}", arguments.frames)
        for age in arguments.ages_ms:
            found = outcome(recording, pipeline.predictor, age, arguments.lead_ms, 100)
            means.setdefault(age, []).append(found)
            write(f"seed {seed:<11}{age:7.1f}" + _line(found))
    for age, several in means.items():
        fields = (np.mean([getattr(one, name) for one in several]) for name in ("error", "hold", "network"))
        rest = (
            np.mean([getattr(one, name) for one in several])
            for name in ("came", "found", "found_network", "said", "said_card")
        )
        write(f"{'all':16}{age:7.1f}" + _line(Outcome(*(float(x) for x in fields), *(float(x) for x in rest))))


def _line(found: Outcome) -> str:
    card = "" if found.said_card is None else f"{found.said_card / found.found:7.3f}"
    said, true = found.said / found.came, found.said_true / found.found
    return f"{found.error:8.3f}{found.hold:8.3f}{found.gain:8.1%}{found.network:9.3f}{said:7.3f}{true:7.3f}{card}\n"


if __name__ == "__main__":
    main()
