"""Where frames come from: the registry that turns a SPEC into a source.

==========================  =====================================================================
SPEC                        source
==========================  =====================================================================
``synthetic``               drawn animals with known truth: ``synthetic:animals=2,size=640x480,fps=100``
``camera:0``                a camera through OpenCV: ``camera:0,size=640x480,fps=100``; a device path is one too
``mouse.mp4``               a video file (a file's path; ``video:mouse.mp4,fps=60`` overrides the rate)
``recording/``              a folder of images (``images:recording,fps=60``)
``fault:FAULTS|SPEC``       another source with faults, for tests: see `posewire.sources.faulty`
``marked:every=20|SPEC``    another source with a mark at known times: see `posewire.sources.marked`
==========================  =====================================================================

Further kinds come through the entry-point group ``posewire.sources``: the name is the kind (what stands before the
colon), the entry point a callable that takes the text after the colon and returns a `posewire.frame.Source`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from importlib import import_module, metadata
from pathlib import Path

from posewire.frame import Source
from posewire_models.errors import InputError, PosewireError, nearest

ENTRY_POINTS = "posewire.sources"

# Modules are imported when one of their sources is asked for: a camera needs OpenCV, a plug-in does not.
_BUILT_IN = {
    "synthetic": "posewire.sources.synthetic",
    "camera": "posewire.sources.opencv",
    "video": "posewire.sources.video",
    "images": "posewire.sources.images",
    "fault": "posewire.sources.faulty",
    "marked": "posewire.sources.marked",
}

# Two letters or more: the C of C:\mouse.mp4 is a drive.
_KIND = re.compile(r"(?P<kind>[A-Za-z][\w.+-]+):(?P<rest>.*)", re.DOTALL)


def kinds() -> list[str]:
    """The kinds of source that this installation knows, sorted: built-in ones and plug-ins."""
    return sorted({*_BUILT_IN, *(entry.name for entry in metadata.entry_points(group=ENTRY_POINTS))})


def open_source(spec: str) -> Source:
    """The source that ``spec`` describes, not yet opened.

    A kind that is known comes first, then an existing path. Raises InputError if neither fits, naming the nearest
    file or kind. A built-in kind cannot be replaced by a plug-in.
    """
    spec = spec.strip()
    if not spec:
        raise InputError("the source is empty: give synthetic, camera:0, a video file or a folder of images")
    match = _KIND.fullmatch(spec)
    kind, rest = (match["kind"], match["rest"]) if match else (spec, "")
    if kind in _BUILT_IN and (match or kind not in ("video", "images", "fault", "marked")):
        return _built_in(kind)(rest)
    plug_in = _plug_in(kind)
    if plug_in is not None:
        return plug_in(rest)
    path = Path(os.path.expanduser(spec))
    if path.is_dir():
        return _built_in("images")(str(path))
    if path.is_char_device() or spec.startswith("/dev/video"):
        return _built_in("camera")(spec)
    if path.exists():
        return _built_in("video")(str(path))
    raise _not_found(spec, path, kind if match else None)


def parse_options(text: str, kind: str, known: Iterable[str]) -> dict[str, str]:
    """The options of ``key=value,key=value``. Raises InputError for a key not in ``known`` or without a value."""
    known = list(known)
    options: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in known:
            hint = nearest(key, known) or f"; known are {', '.join(known)}"
            raise InputError(f"source {kind}: no option {key!r}{hint}")
        if not equals or not value:
            raise InputError(f"source {kind}: option {key} needs a value: {key}=...")
        if key in options:
            raise InputError(f"source {kind}: option {key} is given twice")
        options[key] = value
    return options


def parse_size(text: str, kind: str) -> tuple[int, int]:
    """Width and height in pixels of ``640x480``. Raises InputError."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None or int(match[1]) == 0 or int(match[2]) == 0:
        raise InputError(f"source {kind}: size={text} is no size; write it as 640x480")
    return int(match[1]), int(match[2])


def parse_fps(text: str, kind: str) -> float:
    """Frames/s as a number above 0 and up to 100 000. Raises InputError."""
    try:
        fps = float(text)
    except ValueError:
        fps = 0.0
    if not 0.0 < fps <= 100_000.0:
        raise InputError(f"source {kind}: fps={text} is no frame rate; write frames per second such as fps=100")
    return fps


def split_fps(text: str, kind: str) -> tuple[Path, float | None]:
    """The path and the rate of ``PATH,fps=60``; paths may hold commas and equal signs."""
    path, comma, fps = text.rpartition(",fps=")
    if not comma or Path(text).exists():
        path, fps = text, ""
    if not path:
        raise InputError(f"source {kind}: needs a path, such as {kind}:PATH")
    return Path(os.path.expanduser(path)), parse_fps(fps, kind) if fps else None


def missing_path(path: Path, what: str = "file or folder") -> InputError:
    """The error for a path that does not exist: names the nearest one in that folder."""
    parent = path.parent
    if not parent.is_dir():
        return InputError(f"no {what} '{path}': there is no folder '{parent}'")
    try:
        names = [entry.name for entry in parent.iterdir()]
    except OSError:
        names = []
    return InputError(f"no {what} '{path}'{nearest(path.name, names)}")


def _built_in(kind: str) -> Callable[[str], Source]:
    factory: Callable[[str], Source] = import_module(_BUILT_IN[kind]).open_source
    return factory


def _plug_in(kind: str) -> Callable[[str], Source] | None:
    for entry in metadata.entry_points(group=ENTRY_POINTS, name=kind):
        try:
            factory: Callable[[str], Source] = entry.load()
        except PosewireError:
            raise
        except Exception as error:  # a plug-in is foreign code: whatever it raises, the user has to hear whose it is
            package = entry.dist.name if entry.dist is not None else entry.value
            raise InputError(
                f"source kind {kind!r} comes from {package}, which could not be loaded: {error or type(error).__name__}"
            ) from error
        return factory
    return None


def _not_found(spec: str, path: Path, kind: str | None) -> InputError:
    known = kinds()
    name, comma, fps = spec.rpartition(",fps=")
    if comma and Path(name).exists():
        kind = "images" if Path(name).is_dir() else "video"
        return InputError(f"no file '{spec}'; to set the rate of a file or folder write {kind}:{name},fps={fps}")
    if kind is not None:
        hint = nearest(kind, known) or f"; known are {', '.join(known)}"
        return InputError(f"no file '{spec}', and no kind of source '{kind}'{hint}")
    if not path.suffix and path.name == spec:
        # A bare word is as likely a misspelt kind as a misspelt folder.
        hint = nearest(spec, known)
        if hint:
            return InputError(f"no file or folder '{spec}', and no such kind of source{hint}")
    return missing_path(path)
