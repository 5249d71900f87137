"""The files that a dry run leaves for people: a report, a strip of pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from posewire.draw import check_target, write_picture
from posewire.dryrun.page import page
from posewire.dryrun.pictures import MOST, Shot, frames_of, picture, shots_of, strip, words_of
from posewire.dryrun.poses import Poses
from posewire.dryrun.recorded_frames import some_images
from posewire.dryrun.summary import counts_text
from posewire.frame import Image
from posewire.triggers.rules import Rules
from posewire_models.errors import WorkError
from posewire_models.files import write_whole

Pictures = Mapping[str, Sequence[tuple[str, Image]]]
_NO_VIDEO = "There are no pictures: poses were given without their video (--on VIDEO --poses FILE shows them)."


def check_outputs(out: Path | None, strip_path: Path | None, poses: Path | None) -> None:
    """That the files can be written. Raises InputError."""
    if out is not None:
        check_target(out, (".html", ".htm"), "--out")
    if strip_path is not None:
        check_target(strip_path, (".png", ".jpg", ".jpeg"), "--strip")
    if poses is not None and not poses.exists():
        check_target(poses, (".npz",), "--poses")


def show(
    result: Mapping[str, Any],
    rules: Rules,
    poses: Poses,
    video: str | None,
    out: Path | None,
    strip_path: Path | None,
    say: Callable[[str], None],
    stop: threading.Event,
) -> None:
    """Write what is asked for; ``video`` is the source of the frames, None if there is none. Raises PosewireError."""
    if out is None and strip_path is None:
        return
    pictures: Pictures = {} if video is None else take_pictures(result, rules, poses, video, stop)
    if video is None:
        say(f"poses without their video: no pictures{'' if strip_path is None else f', and no {strip_path}'}")
    for name, taken in pictures.items():
        left = len(result["rules"][name]["times"]) - len(taken)
        if left:
            say(f"{name}: pictures of {len(taken)} decisions, evenly chosen ({MOST} at most); {left} are left out")
    try:
        if out is not None:
            content = page(result, rules, pictures, _NO_VIDEO if video is None else "", poses.animals != "one")
            write_whole(out, content.encode("utf-8"))
            say(f"wrote {out}")
        if strip_path is not None and video is not None:
            titles = {name: f"{name}: {counts_text(result['rules'][name])}" for name in pictures}
            write_picture(strip_path, strip([(titles[name], taken) for name, taken in pictures.items()]))
            say(f"wrote {strip_path}")
    except OSError as error:
        raise WorkError(f"{error.filename or out or strip_path}: cannot be written ({error.strerror})") from None


def take_pictures(
    result: Mapping[str, Any], rules: Rules, poses: Poses, video: str, stop: threading.Event
) -> dict[str, list[tuple[str, Image]]]:
    """Of each rule that decides its pictures, with the words to each. Raises PosewireError."""
    shots: dict[str, list[Shot]] = {}
    size = poses.size or (1, 1)
    for rule in rules.rules:
        if rule.when is not None:
            shots[rule.name] = shots_of(rule, result["rules"][rule.name]["times"], poses, size)
    wanted = frames_of([shot for several in shots.values() for shot in several], poses)
    images = some_images(video, wanted, stop)
    known = {rule.name: rule for rule in rules.rules}
    return {
        name: [(words_of(shot, poses), picture(shot, known[name], poses, images)) for shot in several]
        for name, several in shots.items()
    }
