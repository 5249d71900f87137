"""Training, from project file to run folder; the loop reads top to bottom.

Every batch is drawn from (seed, step) alone, so a run taken up from its checkpoint goes on with the views it would
have seen.
"""

from __future__ import annotations

import math
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from posewire_models.errors import InputError, WorkError
from posewire_training.augment import Augment
from posewire_training.batches import Batches, padded, whole_size
from posewire_training.config import Project, parse_project, project_file, read_project
from posewire_training.dataset import Frames
from posewire_training.images import Image
from posewire_training.learner import LOSSES, Learner
from posewire_training.preview import write_preview
from posewire_training.run_claim import claimed, is_new
from posewire_training.run_folder import (
    Curve,
    changed_settings,
    new_run,
    path_from,
    read_arrays,
    read_json,
    read_settings,
    write_arrays,
    write_json,
)
from posewire_training.source import Source, open_source
from posewire_training.transfer import start_of
from posewire_training.validation import HeldOutError, calibration_of, error_of

_PARITY_FRAMES = 4


def train(
    project: Path,
    *,
    run: Path | None = None,
    weights: str | None = None,
    steps: int | None = None,
    fold: str | None = None,
    everything: bool = False,
    resume: bool = True,
    quiet: bool = False,
    stop: threading.Event | None = None,
    running: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Train the network of a project file (or a project's folder); returns the run folder.

    ``run``: the folder to write, or an unfinished run to take up (``resume``); default: a new
    ``runs/<name>-<number>`` beside the project file. ``weights`` and ``steps`` win over the file;
    ``fold`` ("2/5") holds out that part of so many equal parts; ``everything`` holds nothing out.
    ``stop`` ends the training after the step under way, with a checkpoint; ``running`` is called when the first step
    is about to begin, from when on somebody looks at ``stop``; ``say`` receives one-line remarks.
    Raises InputError for wrong settings or data or a run folder that another training writes to, WorkError if training
    diverges.
    """
    project = project_file(project)
    settings = with_options(read_project(project), weights=weights, steps=steps, fold=fold, everything=everything)
    run = run or new_run(project, settings.name)
    with claimed(run):
        return _train(project, settings, run, resume, quiet, stop, running, say)


def _train(
    project: Path,
    settings: Project,
    run: Path,
    resume: bool,
    quiet: bool,
    stop: threading.Event | None,
    running: Callable[[], None],
    say: Callable[[str], None],
) -> Path:
    folder = project.absolute().parent
    record = _take_up(run, settings, resume)
    if record.get("finished"):
        say(f"{run}: is finished; nothing was trained")
        return run
    source = open_source(settings, folder)
    edges = source.body.edges if settings.animals > 1 else ()
    start = None if record.get("step") else start_of(settings, folder, source.body, _some_frames(source.train))
    learner = Learner(settings, len(source.body.keypoints), len(edges), start)
    step = 0
    if record.get("step"):
        state = read_arrays(run / "checkpoint.npz")
        if record["data_sha256"] != source.train.sha256():
            raise InputError(f"{run}: the data changed since this run was started; start a new run")
        learner.restore(state, str(run))
        step = int(state["step"])
        say(f"{run}: going on after step {step}")
    else:
        record = _start(run, settings, source, project)
    curve = Curve(run, step)
    augment = Augment(settings.augment, source.body.flip_order)
    schedule, sums, since = settings.schedule, np.zeros(len(LOSSES)), 0
    begun = time.perf_counter()
    running()
    views = Batches(settings, source.train, augment, step, edges)
    with _progress(quiet, schedule.steps, step) as show, views as batches:
        for batch in batches:
            losses = learner.learn(batch, step)
            step, sums, since = step + 1, sums + losses, since + 1
            if not np.isfinite(losses[0]):
                raise WorkError(f"{run}: the loss is no number at step {step}; lower schedule.learning_rate")
            last = step == schedule.steps
            if last or step % schedule.validate_every == 0:
                error = error_of(learner, source.held_out, edges)
                curve.add([step, *(sums / since), learner.learning_rate(step - 1), *error.figures])
                sums, since = np.zeros(len(LOSSES)), 0
                watched = schedule.patience > 0 and not math.isnan(error.score)  # NaN: nothing is held out
                if watched:
                    last = _keep_best(run, learner, record, step, error) >= schedule.patience or last
                if last and watched and record["best"]["step"] != step:
                    learner.restore_average(read_arrays(run / "best.npz"))
                    error = error_of(learner, source.held_out, edges)
                record["error_px"] = error.card(source.held_out.names)
                absent = settings.targets.empty == "absent"
                record["calibration"] = calibration_of(error, source.held_out, absent) if record["error_px"] else None
            stopped = not last and stop is not None and stop.is_set()
            if last or stopped or step % schedule.checkpoint_every == 0:
                write_arrays(run / "checkpoint.npz", {"step": np.array(step), **learner.state()})
                record |= {"step": step, "seconds": record["seconds"] + time.perf_counter() - begun}
                begun = time.perf_counter()
                write_json(run / "run.json", record | {"finished": _now() if last else None})
            show(step, float(losses[0]), curve.rows[-1]["mean_px"] if curve.rows else math.nan)
            if last or stopped:
                break
    if stopped:
        say(f"stopped after step {step} of {schedule.steps}; to go on: the same command with --run {run}")
    elif step < schedule.steps:
        say(
            f"no better for {schedule.patience} measurements: ended at step {step} with the weights of step "
            f"{record['best']['step']}"
        )
    return run


def with_options(
    settings: Project,
    *,
    weights: str | None = None,
    steps: int | None = None,
    fold: str | None = None,
    everything: bool = False,
) -> Project:
    """The settings with what the command line says. Raises InputError for an impossible value."""

    def changed(table: str, **values: object) -> Project:
        fields = settings.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        return parse_project(fields | {table: fields.get(table, {}) | values}, "command line")

    if weights is not None:
        settings = changed("network", weights=weights)
    if steps is not None:
        settings = changed("schedule", steps=steps)
    if fold is not None:
        number, _, count = fold.partition("/")
        if settings.data is None or not (number.isdigit() and count.isdigit()):
            raise InputError(f"--fold {fold}: expected N/K, like 2/5, and a project with labelled images")
        settings = changed("data", fold=int(number), folds=int(count))
    if everything:
        if fold is not None:
            raise InputError(f"--fold {fold} and --all: expected one of them")
        if settings.data is not None:
            settings = changed("data", validation=0, validation_images=[], fold=1, folds=0)
        else:
            settings = changed("phantom", validation_frames=0)
    return settings


def preview(project: Path, output: Path) -> None:
    """Write a picture of the views that a training would begin with. Raises InputError for wrong settings or data."""
    project = project_file(project)
    settings = read_project(project)
    source = open_source(settings, project.absolute().parent)
    edges = source.body.edges if settings.animals > 1 else ()
    batches = Batches(settings, source.train, Augment(settings.augment, source.body.flip_order), 0, edges)
    write_preview(output, batches, source.body, settings.network.color, settings.network.stride, dict(settings.colours))


def _keep_best(run: Path, learner: Learner, record: dict[str, Any], step: int, error: HeldOutError) -> int:
    """Keep the running mean if it is the best so far; returns how many measurements ago the best one was."""
    best = record.get("best") or {"score": math.inf, "step": 0, "ago": 0}
    if error.score < best["score"]:
        write_arrays(run / "best.npz", learner.average_state())
        best = {"score": error.score, "step": step, "ago": 0}
    else:
        best = best | {"ago": best["ago"] + 1}
    record["best"] = best
    return int(best["ago"])


def _some_frames(frames: Frames) -> list[Image]:
    """A few padded frames, from all over the data."""
    room = whole_size(frames)
    chosen = np.linspace(0, len(frames) - 1, min(_PARITY_FRAMES, len(frames))).round().astype(int)
    return [padded(frames.images[i], room) for i in chosen]


def _take_up(run: Path, settings: Project, resume: bool) -> dict[str, Any]:
    """The record of the run so far; empty for a new one. Raises InputError if it is another run's folder."""
    if is_new(run):
        return {}
    if not resume:
        raise InputError(f"{run}: already holds a run; give another folder, or take it up")
    kept = read_settings(run)
    if changed := changed_settings(kept.model_dump(mode="json"), settings.model_dump(mode="json")):
        raise InputError(
            f"{run}: was started with other settings ({', '.join(changed)}); start a new run, or set them back"
        )
    return read_json(run / "run.json")


def _start(run: Path, settings: Project, source: Source, project: Path) -> dict[str, Any]:
    """Write what is known before the first step."""
    size = settings.schedule.size or whole_size(source.train)
    shown = source.held_out if len(source.held_out) else source.train
    write_arrays(run / "frames.npz", {"frames": np.stack(_some_frames(shown))})
    write_json(run / "settings.json", settings.model_dump(mode="json"))
    record = {
        "name": settings.name,
        "project": path_from(run, project.absolute().parent),
        "project_file": project.name,
        "started": _now(),
        "finished": None,
        "step": 0,
        "seconds": 0.0,
        "seed": settings.schedule.seed,
        "keypoints": list(source.body.keypoints),
        "skeleton": [list(pair) for pair in source.body.edges],
        "symmetric": [list(pair) for pair in source.body.symmetric],
        "input_size": list(size),
        "trained_on": {"data": source.data, "licence": source.licence, "frames": len(source.train)},
        "learned_from": list(source.learned),
        "held_out": {"how": source.how, "frames": list(source.held_out.names)},
        "error_px": None,
        "data_sha256": source.train.sha256(),
        "versions": {
            "python": platform.python_version(),
            "posewire": version("posewire"),
            **{name: version(name) for name in ("tensorflow", "keras", "numpy")},
        },
        "machine": f"{platform.system()} {platform.machine()}",
    }
    write_json(run / "run.json", record)
    return record


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


@contextmanager
def _progress(quiet: bool, steps: int, done: int) -> Iterator[Any]:
    """A function to call after each step; the bar goes to stderr."""
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(file=sys.stderr), disable=quiet) as bar:
        task = bar.add_task("training", total=steps, completed=done, note="")

        def show(step: int, loss: float, mean_px: float) -> None:
            note = f"loss {loss:.3f}" + ("" if math.isnan(mean_px) else f"  held out {mean_px:.2f} px")
            bar.update(task, completed=step, note=note)

        yield show
