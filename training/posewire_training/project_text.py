"""The text of a new project file: what a user may want to change, each line with a word on what it does."""

from __future__ import annotations

import json
from collections.abc import Sequence

from posewire_training.suggest import Suggestion

_TEXT = """\
# A Posewire project. Train with: posewire train {folder}
# Every key is described in docs/projects.md and docs/training.md; those left out here have sensible values.

project = 1  # version of this file
name = {name}  # of the model; runs are kept in runs/<name>-<number>

# The points to find, in the order in which they are published.
{keypoints_line}

# The most animals in one frame.
animals = {animals}

# Lines drawn between keypoints{skeleton_note}.
skeleton = {skeleton}

# Left and right partners: they change places when a training view is mirrored{symmetric_note}.
{symmetric_line}

# Colours of keypoints (#rrggbb); the others get colours of their own.
colours = {{}}

[data]
# Label files, from this folder: every one saved here is learned from.
labels = ["labeled-data/*/CollectedData_*.csv"]
# Videos of the project: `posewire frames` chooses frames of them to label.
videos = {videos}
# Share of the labelled frames that is held out to measure the error; 0 trains on all.
validation = {validation:g}

[network]
# Frames are shrunk by this before the network: smaller is faster, larger is finer.
scale = {scale:g}
# "gray" for gray recordings, "bgr" for colour.
color = {color}
# Pixels of the shrunk frame per cell of what the network puts out: 8 is faster, 4 finds dense keypoints better.
stride = {stride}

[augment]
# Training views are turned by up to this many degrees: 180 for a camera above, 15 for a side view.
rotation_degrees = {rotation_degrees:g}
# Share of mirrored views; 0 where a mirrored view never comes.
flip = {flip:g}

[schedule]
# Longer is better, with less and less to gain.
steps = {steps}
{crop_line}{size_line}"""


def project_text(
    *,
    folder: str,
    name: str,
    keypoints: Sequence[str],
    animals: int,
    skeleton: Sequence[tuple[str, str]],
    skeleton_guessed: bool,
    symmetric: Sequence[tuple[str, str]],
    symmetric_guessed: bool,
    videos: Sequence[str],
    settings: Suggestion,
) -> str:
    """The project file; ``folder`` is what the user calls the project's folder."""
    crop = settings.crop
    return _TEXT.format(
        folder=folder,
        name=_value(name),
        keypoints_line=f"keypoints = {_value(keypoints)}"
        if keypoints
        else "# keypoints = [...]  left out: all those labelled",
        animals=animals,
        skeleton=_value(skeleton),
        skeleton_note=" (guessed from the labels: near ones that move together)" if skeleton_guessed else "",
        # An empty list would keep training from looking at the names.
        symmetric_line=f"symmetric = {_value(symmetric)}"
        if keypoints
        else "# symmetric = [...]  left out: by the names",
        symmetric_note=" (guessed from the names)" if symmetric_guessed else "",
        videos=_value(videos),
        validation=settings.validation,
        scale=settings.scale,
        color=_value(settings.color),
        stride=settings.stride,
        rotation_degrees=settings.rotation_degrees,
        flip=settings.flip,
        steps=settings.steps,
        crop_line=""
        if crop is None
        else f"# Close views round the animal, in pixels after shrinking: cheaper steps.\ncrop = [{crop}, {crop}]\n",
        size_line=""
        if settings.size is None
        else "# Of a frame this large, a part is learned from at a time (pixels after shrinking); the network finds\n"
        f"# keypoints in all of it.\nsize = {_value(list(settings.size))}\n",
    )


def _value(value: object) -> str:
    """A TOML string or array of them; long arrays one element a line. TOML reads JSON's strings."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) or len(text) <= 90:
        return text
    assert isinstance(value, Sequence)
    return "[\n" + "".join(f"    {json.dumps(part, ensure_ascii=False)},\n" for part in value) + "]"
