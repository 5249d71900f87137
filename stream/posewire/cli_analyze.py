"""The verb `posewire analyze`: recorded videos, as fast as the machine goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from posewire.console import Json, Signals, StatusLine, Stopped, emit, say


def analyze(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO...", help="Videos, or folders of videos.")],
    model: Annotated[str | None, typer.Option(help="A zoo model's name or an ONNX file.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the outputs; default: beside each video.")] = None,
    format: Annotated[
        str | None, typer.Option(help="h5, csv, parquet, slp, nwb, with commas between; default: h5, else csv.")
    ] = None,
    crop: Annotated[str | None, typer.Option(help="full, or X,Y,W,H in pixels of the frame.")] = None,
    animals: Annotated[int | None, typer.Option(help="How many animals there are, if it is known.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Least score of a keypoint of several animals.")] = None,
    refine: Annotated[bool, typer.Option(help="Decide who is who also by what comes after (several animals).")] = True,
    provider: Annotated[str | None, typer.Option(help="auto, tensorrt, cuda, cpu.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each network on the CPU; 0: 1.")] = None,
    batch: Annotated[int | None, typer.Option(help="Frames in a network at once; 0: chosen.")] = None,
    workers: Annotated[int | None, typer.Option(help="Networks at work at once; 0: one for each core.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace what is there of an earlier analysis.")] = False,
    as_json: Json = False,
) -> int:
    """Find the poses in every frame of recorded videos, and write them to files."""
    options = {name: value for name, value in locals().items() if name not in ("videos", "as_json")}
    signals = Signals()
    with signals.installed():
        from posewire.analyze.options import analyze_settings
        from posewire.analyze.service import Analysis, readable

        settings = analyze_settings(options)
        analysis = Analysis(settings, videos, say, signals.stop)
        if model is None:
            say(f"no --model given: {settings.model} is taken, which finds drawn animals")
        signals.running()
        status = 0
        try:
            with StatusLine(analysis.progress.text):
                status = analysis.run()
        except Stopped:
            pass
        report = analysis.report()
        emit(report, readable(report), as_json)
    return status
