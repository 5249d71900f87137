"""The verbs `posewire labels ...`: what a label file holds, what is wrong in it, and another kind of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from posewire.console import Json, emit

labels_app = typer.Typer(help="Label files of all common kinds.", no_args_is_help=True, rich_markup_mode=None)

File = Annotated[Path, typer.Argument(metavar="FILE", help="DeepLabCut, SLEAP, COCO, NWB or Label Studio.")]
Video = Annotated[Path | None, typer.Option(help="The video whose frames are labelled, if the file does not find it.")]


@labels_app.command("show")
def labels_show(file: File, video: Video = None, as_json: Json = False) -> int:
    """Show what a label file holds."""
    from posewire_training.labels.inspect import show_file

    held = show_file(file, video)
    emit(held, _shown(held), as_json)
    return 0


def _shown(held: dict[str, Any]) -> str:
    empty = f" ({held['empty_frames']} without a label)" if held["empty_frames"] else ""
    names = f": {', '.join(held['individuals'])}" if held["individuals"] else ""
    lines = [
        f"{held['file']}: {held['frames']} frames{empty}, {held['animals']} animals, "
        f"at most {held['most_animals_in_a_frame']} in a frame{names}",
        f"pictures: {', '.join(held['pictures'][:3])}{' ...' if len(held['pictures']) > 3 else ''}",
    ]
    if held["missing_pictures"]:
        lines.append(f"the pictures of {held['missing_pictures']} frames were not found")
    if held["predicted_animals"]:
        lines.append(f"{held['predicted_animals']} animals are predicted, not labelled by hand")
    for key in ("skeleton", "symmetric"):
        if held[key]:
            lines.append(f"{key}: {', '.join('-'.join(pair) for pair in held[key])}")
    width = max(len(name) for name in held["keypoints"]) + 2
    lines.append(f"{'keypoint':<{width}}{'labelled':>10}{'hidden':>8}{'share':>8}")
    for name, counts in held["keypoints"].items():
        share = counts["labelled"] / max(1, held["animals"])
        lines.append(f"{name:<{width}}{counts['labelled']:>10}{counts['hidden']:>8}{share:>8.0%}")
    return "\n".join(lines)


@labels_app.command("check")
def labels_check(file: File, video: Video = None, as_json: Json = False) -> int:
    """Find what is wrong in labels; exit status 2 if something is."""
    from posewire_training.labels.inspect import check_file

    result = check_file(file, video)
    emit(result, _findings(result), as_json)
    return 2 if result["findings"] else 0


def _findings(result: dict[str, Any]) -> str:
    lines = []
    for found in result["findings"]:
        where = [found["file"], found["image"]]
        where += [f"{key} {found[key]}" for key in ("animal", "keypoint") if found[key] is not None]
        lines.append(
            f"{': '.join((where[0], ', '.join(part for part in where[1:] if part)))}: {found['kind']}: {found['why']}"
        )
    count = len(lines)
    total = f"{result['file']}: {result['frames']} frames, {result['animals']} animals: "
    return "\n".join(
        [*lines, total + (f"{count} findings" if count > 1 else "1 finding" if count else "nothing wrong")]
    )


@labels_app.command("convert")
def labels_convert(
    file: File,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A file ending in .csv, .h5, .slp, .json or .nwb.")],
    video: Video = None,
    kind: Annotated[
        str | None, typer.Option(help="deeplabcut, sleap, coco, label-studio, nwb; by default from OUT's ending.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write labels as another kind of file; tells what that kind cannot hold."""
    from posewire_training.labels.convert import convert_labels

    labels, remarks = convert_labels(file, out, video, kind)
    written = {"file": str(out), "frames": len(labels), "remarks": remarks}
    emit(written, "\n".join([*remarks, f"{out}: {len(labels)} frames"]), as_json)
    return 0
