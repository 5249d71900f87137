"""The project file of a training run, read from TOML: keypoints, skeleton, and the tables of `settings.py`.

Unknown keys are refused with the nearest right name.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from glob import escape, glob, has_magic
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, Field, ValidationError, field_validator, model_validator

from posewire_models.errors import InputError, nearest
from posewire_models.skeleton import Pair, Skeleton, skeleton_problems
from posewire_training.settings import (
    AugmentSettings,
    DataSettings,
    NetworkSettings,
    Part,
    PhantomSettings,
    ScheduleSettings,
    TargetSettings,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DATA_ENVIRONMENT = "POSEWIRE_DATA"
PROJECT_FILE = "project.toml"
PROJECT_VERSION = 1


def _hex_colour(text: str) -> str:
    if not re.fullmatch("#[0-9A-Fa-f]{6}", text):
        raise ValueError(f"{text!r}; expected #rrggbb, as in #ff4040")
    return text


class Project(Part):
    """A whole project file. Exactly one of ``data`` and ``phantom`` says where frames come from."""

    project: int = PROJECT_VERSION
    """Version of the project file."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the model; also of its run folders."""
    keypoints: tuple[str, ...] = ()
    """The keypoints to learn, a choice of those labelled; empty: all of the first label file (or the phantom)."""
    animals: Annotated[int, Field(ge=1, le=100)] = 1
    """The most animals in one frame. More than one: the network learns part affinity fields, which need a skeleton."""
    skeleton: tuple[tuple[str, str], ...] = ()
    """Edges, as pairs of keypoint names."""
    symmetric: tuple[tuple[str, str], ...] = ()
    """Mirror partners, as pairs of keypoint names; default: what the label file says, else names that differ by left
    and right, or L and R."""
    colours: dict[str, Annotated[str, AfterValidator(_hex_colour)]] = Field(default_factory=dict)
    """Colours that keypoints are drawn in: ``#rrggbb`` by keypoint name; the others get colours of their own."""
    data: DataSettings | None = None
    phantom: PhantomSettings | None = None
    network: NetworkSettings = NetworkSettings()
    targets: TargetSettings = TargetSettings()
    augment: AugmentSettings = AugmentSettings()
    schedule: ScheduleSettings = ScheduleSettings()

    @model_validator(mode="after")
    def _one_source(self) -> Project:
        if (self.data is None) == (self.phantom is None):
            raise ValueError("one table of [data] (labelled images) and [phantom] (drawn animals) is needed")
        return self

    @field_validator("project")
    @classmethod
    def _known_version(cls, version: int) -> int:
        if version != PROJECT_VERSION:
            raise ValueError(
                f"{version}: this Posewire reads project file {PROJECT_VERSION}; a newer Posewire may read it"
            )
        return version

    @model_validator(mode="after")
    def _colours_of_keypoints(self) -> Project:
        if self.keypoints and (problem := self._colour_problem(self.keypoints)):
            raise ValueError(problem)
        return self

    def _colour_problem(self, keypoints: tuple[str, ...]) -> str | None:
        unknown = next((name for name in self.colours if name not in keypoints), None)
        return unknown and f"colours: {unknown!r} is no keypoint{nearest(unknown, keypoints)}"

    def body(self, keypoints: tuple[str, ...]) -> Skeleton:
        """The skeleton on ``keypoints``. Raises InputError for a name (of an edge, a pair, a colour) that is none of
        them."""
        if problem := self._colour_problem(keypoints):
            raise InputError(problem)

        def pairs(field: str, names: tuple[tuple[str, str], ...]) -> tuple[Pair, ...]:
            for name in (name for pair in names for name in pair):
                if name not in keypoints:
                    raise InputError(
                        f"{field}: {name!r} is no keypoint{nearest(name, keypoints)} (there are {', '.join(keypoints)})"
                    )
            return tuple((keypoints.index(a), keypoints.index(b)) for a, b in names)

        edges, symmetric = pairs("skeleton", self.skeleton), pairs("symmetric", self.symmetric)
        if problems := skeleton_problems(keypoints, edges, symmetric):
            raise InputError("; ".join(problems))
        return Skeleton(keypoints, edges, symmetric)


def project_file(path: Path) -> Path:
    """The project file that ``path`` is, or that of the folder ``path``: ``project.toml``, else its only ``.toml``.

    Raises InputError for a folder without.
    """
    if not path.is_dir():
        return path
    if (path / PROJECT_FILE).is_file():
        return path / PROJECT_FILE
    files = sorted(path.glob("*.toml"))
    if len(files) > 1:
        raise InputError(f"{path}: holds {len(files)} project files (*.toml); name the one that is meant")
    if not files:
        raise InputError(f"{path}: holds no {PROJECT_FILE}; expected a project's folder (`posewire new` makes one)")
    return files[0]


def read_project(path: Path) -> Project:
    """Read and check a project file, or that of a project's folder.

    Raises InputError, one line naming the file and each wrong key.
    """
    path = project_file(path)
    try:
        with path.open("rb") as file:
            return parse_project(tomllib.load(file), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected a project file (TOML)") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from None


def parse_project(fields: Mapping[str, Any], where: str) -> Project:
    """Check decoded settings; ``where`` names them in errors."""
    try:
        return Project.model_validate(fields)
    except ValidationError as error:
        reasons = [_reason(found["loc"], found["type"], found["msg"]) for found in error.errors()]
        raise InputError(f"{where}: {'; '.join(reasons)}") from None


def _reason(loc: tuple[int | str, ...], kind: str, message: str) -> str:
    """One pydantic finding as half a sentence: the key, what is wrong, the nearest right name."""
    key = ".".join(str(part) for part in loc)
    message = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        table: type[BaseModel] = Project
        for part in loc[:-1]:
            options = (table.model_fields[str(part)].annotation,)
            table = next(t for o in options for t in (o, *get_args(o)) if isinstance(t, type) and issubclass(t, Part))
        return f"{key}: unknown key{nearest(str(loc[-1]), table.model_fields)}"
    if kind == "missing":
        return f"{key}: missing"
    return f"{key}: {message[:1].lower()}{message[1:]}" if key else message


def find_data(text: str, project_folder: Path, root: str | None, what: str) -> Path:
    """A file or folder that a project file names.

    Looked up from POSEWIRE_DATA, else from ``root`` (relative to the project file), if one of them is given; then from
    the project file's folder and, if neither is given, from each folder above it. Raises InputError if it is nowhere.
    """
    for folder in (folders := _data_folders(project_folder, root)):
        path = folder / Path(text).expanduser()
        if path.exists():
            return path
    raise InputError(
        f"{what} {text!r} not found in {_places(folders)}; "
        f"set the environment variable {DATA_ENVIRONMENT} or [data] root to the folder that holds it"
    )


def find_all_data(text: str, project_folder: Path, root: str | None, what: str) -> list[Path]:
    """All files that a pattern with ``*``, ``?`` or ``[...]`` means, in alphabetical order, from the first folder that
    holds any; of a plain name the one file. Looked up like `find_data`. Raises InputError if there is none."""
    if not has_magic(text):
        return [find_data(text, project_folder, root, what)]
    for folder in (folders := _data_folders(project_folder, root)):
        found = sorted(
            Path(name) for name in glob(os.path.join(escape(str(folder)), Path(text).expanduser()), recursive=True)
        )
        if found:
            return found
    raise InputError(
        f"{what} {text!r} not found: no file in {_places(folders)} fits; put one there, "
        f"or set the environment variable {DATA_ENVIRONMENT} or [data] root to the folder that holds some"
    )


def _data_folders(project_folder: Path, root: str | None) -> list[Path]:
    """Where data is looked up. The project's own folder is always among them: one that holds its data is found to do
    so wherever POSEWIRE_DATA points to."""
    given = os.environ.get(DATA_ENVIRONMENT) or root
    if given:
        return list(dict.fromkeys([project_folder / Path(given).expanduser(), project_folder]))
    return [project_folder, *project_folder.parents]


def _places(folders: list[Path]) -> str:
    return f"{folders[0]} and {folders[1]}" if len(folders) == 2 else f"{folders[0]} and the folders above it"
