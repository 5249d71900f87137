"""The verbs `posewire new` and `posewire frames`: a project, and the frames of its videos worth labelling."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from posewire.console import Json, Signals, emit, say, training_extra


def add_project_verbs(app: typer.Typer) -> None:
    """Give the command the verbs of this file."""
    app.command()(new)
    app.command()(frames)


def new(
    folder: Annotated[Path, typer.Argument(help="The project's folder, not there yet or empty.")],
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the folder's.")] = None,
    labels: Annotated[
        list[Path] | None, typer.Option(help="A label file, copied with its images; as often as needed.")
    ] = None,
    video: Annotated[list[Path] | None, typer.Option(help="A video, copied; as often as needed.")] = None,
    link: Annotated[bool, typer.Option("--link", help="Leave the videos where they are.")] = False,
    keypoints: Annotated[str | None, typer.Option(metavar="A,B,...", help="Default: those labelled.")] = None,
    animals: Annotated[int | None, typer.Option(min=1, help="The most in a frame; default: as labelled.")] = None,
    skeleton: Annotated[
        str | None, typer.Option(metavar="A-B,B-C,...", help="Edges; default: as labelled, or guessed.")
    ] = None,
    symmetric: Annotated[
        str | None, typer.Option(metavar="LEFT-RIGHT,...", help="Default: guessed from the names.")
    ] = None,
    scorer: Annotated[str | None, typer.Option(help="Who labelled: part of the label files' names.")] = None,
    as_json: Json = False,
) -> int:
    """Make a project: labels, videos and training settings that suit them in one folder."""
    signals = Signals()
    with signals.installed(), training_extra():
        _quiet()
        from posewire_training.new_project import new_project

        made = new_project(
            folder,
            name=name,
            labels=labels or [],
            videos=video or [],
            keypoints=_listed(keypoints),
            animals=animals,
            skeleton=_listed(skeleton),
            symmetric=_listed(symmetric),
            scorer=scorer,
            link=link,
            running=signals.running,
            say=say,
        )
    if link and video:
        say(f"{folder}: its videos stay where they are and do not come along when the folder is moved or zipped")
    settings = asdict(made.settings) if made.settings else None
    result = {
        "project": str(made.file),
        "frames": made.frames,
        "videos": made.videos,
        "keypoints": list(made.keypoints),
        "settings": settings,
    }
    text = f"{made.file}: {made.frames} labelled frames, {made.videos} videos, {len(made.keypoints)} keypoints"
    if settings:
        text += "\nchosen: " + ", ".join(f"{key} {value}" for key, value in settings.items() if value is not None)
    following = f"posewire train {folder}" if made.frames else f"posewire frames {folder}" if made.videos else None
    emit(result, text + (f"\nnext: {following}" if following else ""), as_json)
    return 0


def frames(
    places: Annotated[
        list[Path], typer.Argument(metavar="PROJECT_OR_VIDEOS...", help="A project, or videos, or both.")
    ],
    count: Annotated[int, typer.Option(help="How many frames, over all videos.")] = 40,
    method: Annotated[str, typer.Option(help="uniform, appearance or features.")] = "appearance",
    model: Annotated[str | None, typer.Option(help="For features: a zoo model's name or an ONNX file.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another choice.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: the project's labeled-data.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="The contact sheet, .jpg or .png.")] = None,
    as_json: Json = False,
) -> int:
    """Choose distinct frames of videos to label, and write them as images."""
    signals = Signals()
    with signals.installed(), training_extra():
        _quiet()
        from posewire_training.frames.select import select_frames

        made = select_frames(
            places,
            count=count,
            method=method,
            model=model,
            seed=seed,
            out=out,
            sheet=sheet,
            running=signals.running,
        )
    chosen = [{"video": str(f.video), "frame": f.frame, "image": str(f.image)} for f in made.frames]
    result = {
        "asked": count,
        "method": method,
        "seed": seed,
        "looked_at": made.looked_at,
        "known": made.known,
        "frames": chosen,
        "folder": str(made.folder),
        "sheet": str(made.sheet) if made.sheet else None,
    }
    lines = [f"{len(chosen)} frames of {len({f.video for f in made.frames})} videos in {made.folder}"]
    if len(chosen) < count:
        known = f", {made.known} of them like frames that are there already" if made.known else ""
        lines.append(f"{count} were asked for: no more are distinct among the {made.looked_at} looked at{known}")
    if made.sheet:
        lines.append(f"contact sheet: {made.sheet}")
    emit(result, "\n".join(lines), as_json)
    return 0


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


def _quiet() -> None:
    """Damaged videos are told by our own lines, not by FFmpeg's."""
    from posewire.sources.video import quiet_opencv

    quiet_opencv()
