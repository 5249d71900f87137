"""The verbs `posewire train`, `evaluate` and `export`: from labels to a measured model file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from posewire.console import Json, Signals, emit, say, training_extra


def add_training_verbs(app: typer.Typer) -> None:
    """Give the command the verbs of this file."""
    app.command()(train)
    app.command()(evaluate)
    app.command()(export)


def train(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="A project file or a project's folder.")],
    run: Annotated[Path | None, typer.Option(help="Folder of the run; an unfinished one goes on.")] = None,
    weights: Annotated[str | None, typer.Option(help="imagenet, none, a weight file, a run, or a model.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps, in place of the project's.")] = None,
    fold: Annotated[str | None, typer.Option(help="N/K: hold out part N of K equal parts.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Learn from every frame; hold nothing out.")] = False,
    preview: Annotated[
        Path | None, typer.Option(help="Write a picture of what the network would see, and end.")
    ] = None,
    no_export: Annotated[bool, typer.Option("--no-export", help="Leave the finished network unexported.")] = False,
) -> int:
    """Train a network from labels and export it. Ctrl-C keeps what was learned; with --run it goes on."""
    signals = Signals()
    with signals.installed(), training_extra():
        from posewire_training.config import read_project
        from posewire_training.run_folder import finished

        read_project(project)  # a wrong file is told before TensorFlow takes its seconds to load
        from posewire_training.train import preview as look
        from posewire_training.train import train as work

        if preview is not None:
            look(project, preview)
            sys.stdout.write(f"{preview}\n")
            return 0
        folder = work(
            project,
            run=run,
            weights=weights,
            steps=steps,
            fold=fold,
            everything=everything,
            stop=signals.stop,
            running=signals.running,
            say=say,
        )
        if not no_export and finished(folder):
            from posewire_training.export import export as write

            say(f"exported {write(folder)}")
    sys.stdout.write(f"{folder}\n")
    return 0


def evaluate(
    model: str,
    labels: Path,
    report: Annotated[Path | None, typer.Option(help="Write figures, curves and worst frames as one .html.")] = None,
    show: Annotated[Path | None, typer.Option(help="Write a picture of the worst frames.")] = None,
    video: Annotated[Path | None, typer.Option(help="The video whose frames are labelled.")] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only frames that the run held out in whose folder MODEL lies.")
    ] = False,
    animals: Annotated[
        int | None, typer.Option(help="The most animals of a frame; default: as many as are labelled in one.")
    ] = None,
    empty: Annotated[str, typer.Option(help="What no label means: absent, or unknown.")] = "absent",
    provider: Annotated[str, typer.Option(help="auto, tensorrt, cuda, cpu.")] = "auto",
    as_json: Json = False,
) -> int:
    """Measure a model against labelled frames."""
    with training_extra():
        from posewire_bench.accuracy import evaluate as work
        from posewire_bench.accuracy import readable

        result = work(
            model,
            labels,
            provider=provider,
            show=show,
            report=report,
            video=video,
            empty=empty,
            held_out=held_out,
            animals=animals,
        )
    emit(result, readable(result), as_json)
    return 0


def export(
    run: Path,
    output: Annotated[Path | None, typer.Option(help="The ONNX file to write.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the model.")] = None,
    error_from: Annotated[
        list[Path] | None,
        typer.Option(help="A run that held frames out, for the card's error; may be repeated (folds)."),
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32, fp16 (for GPUs), int8 (for CPUs with VNNI).")] = "fp32",
    allow_loss: Annotated[bool, typer.Option("--allow-loss", help="Keep a file that loses accuracy.")] = False,
) -> int:
    """Export a run to ONNX with a parity card."""
    with training_extra():
        from posewire_training.export import export as work
    written = work(
        run, output=output, name=name, error_from=error_from or (), precision=precision, allow_loss=allow_loss
    )
    sys.stdout.write(f"{written}\n")
    return 0
