"""The verb `posewire rules dry-run`: what rules would have done with a recording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posewire.console import Json, Signals, StatusLine, emit, say


def add_dry_run_verb(app: typer.Typer) -> None:
    """Give the rules' verbs the one of this file."""
    app.command("dry-run")(dry_run)


def dry_run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A rules file (TOML).")],
    on: Annotated[str, typer.Option(metavar="VIDEO|POSES", help="A recording: a video, or a file of its poses.")],
    model: Annotated[str | None, typer.Option(help="Finds the poses; wins over the rules file's own.")] = None,
    poses: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Poses of the video: taken if it is there, else kept (.npz).")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a report with pictures.")] = None,
    strip: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Write the pictures alone.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second; default: what the recording says.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Try the first N frames only.")] = None,
    latency_ms: Annotated[float, typer.Option(help="From a frame to the decision on it.")] = 20.0,
    animals: Annotated[int | None, typer.Option(min=1, max=100, help="How many there are, if it is known.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Keypoints below it are unknown; default: as a run.")] = None,
    lead_ms: Annotated[float | None, typer.Option(help="As of `posewire run`, for rules on predicted points.")] = None,
    as_json: Json = False,
) -> int:
    """Tell what rules would have done with a recording. Nothing is opened, nothing is sent."""
    signals = Signals()
    with signals.installed():
        from posewire.dryrun.show import check_outputs, show
        from posewire.dryrun.summary import text_of
        from posewire.dryrun.supply import Options
        from posewire.dryrun.work import DryRun

        check_outputs(out, strip, poses)
        options = Options(file, on, model, poses, fps, frames, latency_ms, animals, min_score, lead_ms)
        work = DryRun(options, say, signals.stop)
        with StatusLine(work.status):
            result = work.run(signals.running)
            show(result, work.file.rules, work.supply.poses, work.supply.video, out, strip, say, signals.stop)
    emit(result, text_of(result, work.file.rules), as_json)
    return 0
