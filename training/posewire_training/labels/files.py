"""Which reader and writer a label file needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from posewire_models.errors import InputError, WorkError, nearest
from posewire_models.files import beside, put_in_place
from posewire_training.labels.arrays import read_arrays
from posewire_training.labels.coco import read_coco, write_coco
from posewire_training.labels.deeplabcut import read_deeplabcut
from posewire_training.labels.deeplabcut_write import write_deeplabcut
from posewire_training.labels.jsonfile import read_json
from posewire_training.labels.labelstudio import read_label_studio, write_label_studio
from posewire_training.labels.nwb import read_nwb
from posewire_training.labels.nwb_write import write_nwb
from posewire_training.labels.record import Labels
from posewire_training.labels.sleap import read_sleap, write_sleap
from posewire_training.labels.sound import refuse_bad_points, refuse_missing, refuse_twice

Writer = Callable[[Labels, Path, Path], list[str]]

KINDS: dict[str, tuple[tuple[str, ...], Writer]] = {
    "deeplabcut": ((".csv", ".h5"), write_deeplabcut),
    "sleap": ((".slp",), write_sleap),
    "coco": ((".json",), write_coco),
    "label-studio": ((".json",), write_label_studio),
    "nwb": ((".nwb",), write_nwb),
}
"""What can be written: endings, and the writer."""

IMAGES_ONLY = ("deeplabcut", "coco", "label-studio")
"""Kinds that know image files, not frames of videos."""

_READ = ".csv or .h5 (DeepLabCut), .slp (SLEAP), .json (COCO or Label Studio), .nwb, .npz"


def load_labels(
    path: Path, keypoints: Sequence[str] | None = None, video: Path | None = None, strict: bool = True
) -> Labels:
    """Read a label file of any kind, of one animal or several.

    ``keypoints`` chooses and orders; None takes all of the file. ``video``: the video whose frames the labels mean, for
    files that tell frame numbers only or name a video that lies elsewhere. ``strict=False`` reads what can be read: a
    missing picture keeps the path it should have, and bad coordinates and pictures that stand twice stay as they are.

    Raises InputError for a file that is none and unknown keypoints; if ``strict``, also for missing pictures, pictures
    that stand twice, infinite coordinates, and x without y.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a label file: {_READ}")
    if video is not None and not video.is_file():
        raise InputError(f"{path}: its video {video} is no file")
    labels = _read(path, video)
    if not len(labels):
        raise InputError(f"{path}: holds no labelled image")
    if strict:
        refuse_twice(labels, path)
        refuse_bad_points(labels, path)
        refuse_missing(labels, path)
    return labels.choose(keypoints, str(path)) if keypoints else labels


def _read(path: Path, video: Path | None) -> Labels:
    ending = path.suffix.lower()
    if ending in (".csv", ".h5", ".hdf5", ".hdf"):
        _refuse_video(path, video)
        return read_deeplabcut(path)
    if ending == ".slp":
        return read_sleap(path, video)
    if ending == ".nwb":
        return read_nwb(path, video)
    if ending == ".npz":
        return read_arrays(path, video)
    if ending == ".json":
        content = read_json(path)
        if isinstance(content, dict) and "categories" in content:
            _refuse_video(path, video)
            return read_coco(path, content)
        if isinstance(content, list) or (isinstance(content, dict) and "data" in content):
            return read_label_studio(path, content, video)
        raise InputError(
            f"{path}: expected COCO keypoints (images, annotations, categories) or a list of Label Studio's tasks"
        )
    raise InputError(f"{path}: expected a label file: {_READ}")


def _refuse_video(path: Path, video: Path | None) -> None:
    if video is not None:
        raise InputError(f"{path}: names image files, so the video {video} has no part in it; leave it out")


def kind_of(path: Path, kind: str | None = None) -> str:
    """The kind to write ``path`` as, from its ending or as told. Raises InputError if that is unclear."""
    if kind is not None and kind not in KINDS:
        raise InputError(f"kind {kind!r} is none of {', '.join(KINDS)}{nearest(kind, KINDS)}")
    fitting = [name for name, (endings, _) in KINDS.items() if path.suffix.lower() in endings]
    if kind is not None and kind not in fitting:
        raise InputError(f"{path}: a file of kind {kind} ends in {' or '.join(KINDS[kind][0])}")
    if kind is None and len(fitting) > 1:
        raise InputError(f"{path}: {path.suffix} may be {' or '.join(fitting)}; choose one with kind (--kind)")
    if not fitting:
        endings = ", ".join(f"{' or '.join(endings)} ({name})" for name, (endings, _) in KINDS.items())
        raise InputError(f"{path}: labels are written to files ending in {endings}")
    return kind or fitting[0]


def save_labels(labels: Labels, path: Path, kind: str | None = None) -> list[str]:
    """Write ``labels`` to ``path``, whole or not at all, as ``kind`` (default: by the ending).

    Returns a line for everything in ``labels`` that this kind has no place for. Raises InputError if the file exists,
    if points are bad (see `load_labels`), for frames of videos where the kind knows image files only
    (`extract_pictures` makes some), and for what else cannot be written; WorkError if the disk refuses.
    """
    kind = refuse_unwritable(path, kind)
    refuse_bad_points(labels, path)
    if kind in IMAGES_ONLY and any(image.frame is not None for image in labels.images):
        raise InputError(f"{path}: {kind} knows image files, not frames of videos; extract the frames first")
    part = beside(path)
    try:
        remarks = KINDS[kind][1](labels, path, part)
        put_in_place(path)
    except OSError as error:
        raise WorkError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        part.unlink(missing_ok=True)
    return remarks


def refuse_unwritable(path: Path, kind: str | None = None) -> str:
    """The kind that `save_labels` would write; raises its InputErrors that need no labels."""
    kind = kind_of(path, kind)
    if path.exists():
        raise InputError(f"{path}: is there already; choose another name, or move it away")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.absolute().parent}")
    return kind
