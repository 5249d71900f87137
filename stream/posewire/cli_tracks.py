"""The verbs `posewire tracks ...`: identities of recorded poses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from posewire.console import Json, Signals, emit
from posewire_models.errors import InputError

tracks_app = typer.Typer(help="Identities of recorded poses.", no_args_is_help=True, rich_markup_mode=None)


@tracks_app.callback()
def _tracks() -> None:
    # One verb alone would take the place of the group.
    pass


@tracks_app.command("refine")
def tracks_refine(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An .npz of poses, or what `listen --json` printed.")],
    out: Annotated[Path | None, typer.Option(help="The .npz to write; default: NAME.refined.npz beside FILE.")] = None,
    animals: Annotated[int | None, typer.Option(help="How many animals there are, if it is known.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second, where the file tells none.")] = None,
    as_json: Json = False,
) -> int:
    """Decide who is who in recorded poses, by what came before and after."""
    with Signals().installed():
        from posewire.recorded import read_recording, write_recording
        from posewire.track.refine import refine

        if animals is not None and animals < 1:
            raise InputError(f"--animals {animals}: expected 1 or more")
        target = out or file.with_name(f"{file.stem}.refined.npz")
        if target.suffix.lower() != ".npz":
            raise InputError(f"--out {target}: expected a name that ends in .npz")
        if target.exists() and file.exists() and target.samefile(file):
            raise InputError(f"--out {target}: is the file that is read; give another name")
        recording = read_recording(file, fps)
        refined = refine(recording.poses, recording.times_ns.tolist(), recording.skeleton, animals=animals)
        try:
            write_recording(target, recording, refined.ids, refined.scores)
        except OSError as error:
            raise InputError(f"--out {target}: cannot be written ({error.strerror})") from None
    ids = sorted({int(number) for frame in refined.ids for number in frame if number >= 0})
    report = {
        "file": str(file),
        "out": str(target),
        "frames": len(recording.frames),
        "poses": sum(len(frame) for frame in recording.poses),
        "nobody": sum(int((frame < 0).sum()) for frame in refined.ids),
        "animals": len(ids),
        "joins": refined.joins,
        "unsure": [int(recording.frames[n]) for n in refined.unsure],
    }
    emit(report, _readable(report), as_json)
    return 0


def _readable(report: dict[str, Any]) -> str:
    unsure = report["unsure"]
    lines = [
        f"{report['out']}: {report['animals']} animals in {report['frames']} frames, {report['poses']} poses"
        + (f", {report['nobody']} of them nobody's" if report["nobody"] else "")
    ]
    if unsure:
        shown = ", ".join(map(str, unsure[:12])) + (" ..." if len(unsure) > 12 else "")
        lines.append(f"who is who could nearly as well be otherwise from frame {shown} on: look at these")
    return "\n".join(lines)
