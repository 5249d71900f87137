"""Settings of a run, from a rig file (TOML) and the command line; unknown keys are refused by name."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from posewire.compute import Compute
from posewire.endpoint import DEFAULT_ENDPOINT
from posewire_models.contract import ModelContract
from posewire_models.decoding import Decoding, decoding_of, decoding_problems
from posewire_models.errors import InputError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_MODEL = "synthetic-animal"


CROP_WORDS = ("full", "follow", "auto")
DEFAULT_BUDGET_MS = 5.0


class ComputeSettings(BaseModel):
    """The rig's table ``[compute]``: what `posewire.compute.Compute` says beyond provider and threads."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spinning: Literal["auto", "on", "off"] = "auto"
    peaks: Literal["auto", "graph", "host"] = "auto"
    fp16: bool = Field(default=True, strict=True)
    cuda_graph: bool = Field(default=True, strict=True)
    pinned: bool = Field(default=True, strict=True)
    engine_cache: str = Field(default="auto", min_length=1)


class RunSettings(BaseModel):
    """Everything `posewire run` can be told; each field is an option of the same name and a key of the rig file."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    source: str = "synthetic"
    model: str = DEFAULT_MODEL
    publish: str = DEFAULT_ENDPOINT
    stream: str = "main"
    frames: int | None = Field(default=None, ge=1)
    duration: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    pace: Literal["real", "max"] = "real"
    wait_subscribers: int = Field(default=0, ge=0)
    crop: str = "full"
    follow_px: int = Field(default=0, ge=0, le=10_000)
    follow_every: int = Field(default=30, ge=1, le=1_000_000)
    budget_ms: float | None = Field(default=None, gt=0, le=10_000, allow_inf_nan=False)
    animals: int | None = Field(default=None, ge=1, le=100)
    appearance: Literal["colour", "none"] = "colour"
    decoding: dict[str, Any] = Field(default_factory=dict)
    min_score: float | None = Field(default=None, ge=0, le=1)
    lead_ms: float | None = Field(default=None, ge=0, le=1_000, allow_inf_nan=False)
    provider: str = "auto"
    threads: int = Field(default=0, ge=0)
    compute: ComputeSettings = Field(default_factory=ComputeSettings)
    show: Path | None = None
    rules: Path | None = None
    log: Path | None = None
    unsafe: bool = False
    insecure: bool = False
    realtime: bool = False


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises InputError naming file, line and what is wrong."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid TOML ({error})") from None


def decoding_rules(settings: RunSettings, contract: ModelContract) -> Decoding:
    """The rules of the model file, with those that the rig's table ``[decoding]`` sets. Raises InputError."""
    if contract.animals == "one" and (settings.decoding or settings.animals):
        what = "[decoding]" if settings.decoding else "--animals"
        raise InputError(f"{what}: {contract.name} is a model of one animal; leave it out, or take one of several")
    problems = decoding_problems(settings.decoding, len(contract.skeleton))
    if problems:
        raise InputError(f"[decoding] {problems[0]}")
    rules = decoding_of({**contract.decoding, **settings.decoding})
    return rules if settings.animals is None else replace(rules, max_animals=settings.animals)


def crop_budget(settings: RunSettings, contract: ModelContract) -> float | None:
    """The time in ms that a frame may take for ``--crop auto``, None for any other crop. Raises InputError."""
    if settings.follow_px and settings.crop != "follow":
        raise InputError(f"follow_px is for crop = follow, and the crop is {settings.crop}: give one of the two")
    if settings.crop != "auto":
        if settings.budget_ms is not None:
            raise InputError(f"--budget-ms is for --crop auto, and the crop is {settings.crop}: give one of the two")
        return None
    if contract.animals != "one":
        raise InputError(
            f"--crop auto: {contract.name} is a model of several animals; give full, follow or X,Y,W,H instead"
        )
    return settings.budget_ms or DEFAULT_BUDGET_MS


def compute_of(settings: RunSettings) -> Compute:
    """How networks are computed: provider and threads, and the rig's table ``[compute]``."""
    return Compute(settings.provider, settings.threads, **settings.compute.model_dump())


def _refuse_source_as_target(settings: RunSettings) -> None:
    """Raises InputError if ``--show`` would write over the recording that is read, or among its images."""
    if settings.show is None:
        return
    source = Path(settings.source.removeprefix("video:").removeprefix("images:").partition(",fps=")[0])
    target = settings.show.resolve()
    if source.exists() and source.resolve() in (target, target.parent if source.is_dir() else target):
        raise InputError(f"--show {settings.show}: is, or lies in, the source {source}; give another file")


def run_settings(rig: Path | None, options: dict[str, Any]) -> RunSettings:
    """Rig file first, then the options that were given (not None). Raises InputError for the first wrong key."""
    if rig is not None and rig.suffix.lower() != ".toml":
        raise InputError(f"{rig}: expected a rig file ending in .toml; for a video or a folder write --source {rig}")
    from_rig = {key.replace("-", "_"): value for key, value in read_toml(rig).items()} if rig else {}
    if type(from_rig.get("rules")) is int:
        raise InputError(f"{rig}: this is a rules file, not a rig file; give it as --rules {rig}")
    given = {key: value for key, value in options.items() if value is not None}
    try:
        settings = RunSettings.model_validate({**from_rig, **given})
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        names = list(RunSettings.model_fields)
        if len(first["loc"]) > 1 and key == "compute":
            key, names = f"[compute] {first['loc'][1]}", list(ComputeSettings.model_fields)
        where = f"--{key.replace('_', '-')}" if key in given or rig is None else f"{rig}: {key}"
        if first["type"] == "extra_forbidden":
            raise InputError(
                f"{where}: no such key{nearest(str(first['loc'][-1]), names)}; there are {', '.join(names)}"
            ) from None
        raise InputError(f"{where} = {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}") from None
    _refuse_source_as_target(settings)
    return _with_model_of_rules(settings)


def _with_model_of_rules(settings: RunSettings) -> RunSettings:
    """Rules were written for a model: where no other is given, it is that one."""
    if settings.rules is None or "model" in settings.model_fields_set:
        return settings
    from posewire.triggers.named_model import named_model

    name = named_model(settings.rules)
    return settings if name is None else settings.model_copy(update={"model": name})
