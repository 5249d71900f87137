"""The verb `posewire refine`: which frames of a video to label next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from posewire.console import Json, Signals, emit, say, training_extra


def refine(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...")],
    model: Annotated[str, typer.Option(help="A zoo model's name or an ONNX file.")],
    count: Annotated[int, typer.Option(help="Frames to propose, of all videos together.")] = 20,
    project: Annotated[
        Path | None, typer.Option(help="Project file (or its folder): its labelled frames are not proposed.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of labeled-data; default: the project's, else here.")] = None,
    every: Annotated[int | None, typer.Option(help="Look at each K-th frame; default: some 1000 in all.")] = None,
    gap: Annotated[int, typer.Option(help="Frames between two proposed ones, at least.")] = 10,
    seed: Annotated[int, typer.Option(help="Decides between equals.")] = 0,
    signals: Annotated[str, typer.Option(help="What counts.")] = "score,jumps,limbs,flip",
    min_score: Annotated[float | None, typer.Option(help="Pre-labels below it are left empty.")] = None,
    threads: Annotated[int, typer.Option(help="Threads of the network; 0: chosen.")] = 0,
    as_json: Json = False,
) -> int:
    """Find the frames worth labelling next, and write them with predictions to correct."""
    with Signals().installed(), training_extra():
        from posewire_training.refine.refine import refine as work

        report = work(
            videos,
            model,
            count=count,
            project=project,
            out=out,
            every=every,
            gap=gap,
            seed=seed,
            signals=[name.strip() for name in signals.split(",") if name.strip()],
            min_score=min_score,
            threads=threads,
            say=say,
        )
    emit(report, _readable(report), as_json)
    return 0


def _readable(report: dict[str, Any]) -> str:
    lines = [f"{Path(frame['image']).name}  worth {frame['worth']:.2f}  {frame['why']}" for frame in report["frames"]]
    lines.append(
        f"{len(report['frames'])} frames; {report['looked_at']} were looked at, one in {report['every']}, of a typical "
        f"worth of {report['typical_worth']:.2f}"
    )
    lines += [f"correct {file}, and save it as CollectedData_<your name>.csv beside it" for file in report["predicted"]]
    return "\n".join(lines)
