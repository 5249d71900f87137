"""The options of a kind of output: what each may be, and one line for what it may not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError, WorkError, nearest


@dataclass(frozen=True)
class Option:
    """``default`` says of what type it is: bool, int, float or str; ``required`` ones must be given.

    A number lies in ``least``..``most``, a text is one of ``words`` (if there are any) and is not empty.
    """

    name: str
    default: bool | int | float | str
    required: bool = False
    least: float = -math.inf
    most: float = math.inf
    words: tuple[str, ...] = ()


def read_options(spec: OutputSpec, known: Sequence[Option], modes: Sequence[str] | None = None) -> dict[str, Any]:
    """Every option of ``known`` with its value or default.

    Raises InputError, in one line that names the output, for an option that is not known (and the nearest), missing,
    of another type or out of range, and for a mode that is not one of ``modes``.
    """
    where = f"output {spec.name!r} ({spec.kind})"
    if modes is not None and spec.mode not in modes:
        raise InputError(f"{where}: mode {spec.mode!r} is nothing it can do; it takes {', '.join(modes)}")
    names = [option.name for option in known]
    for name in spec.options:
        if name not in names:
            told = f"; known are {', '.join(names)}" if names else "; it takes none"
            raise InputError(f"{where}: no option {name!r}{nearest(name, names) or told}")
    values: dict[str, Any] = {}
    for option in known:
        if option.name in spec.options:
            values[option.name] = _value(where, option, spec.options[option.name])
        elif option.required:
            raise InputError(f"{where}: needs {option.name} = {_example(option)}")
        else:
            values[option.name] = option.default
    return values


def missing_package(spec: OutputSpec, what: str, install: str) -> WorkError:
    """The error of a kind whose library is not installed."""
    return WorkError(f"output {spec.name!r} ({spec.kind}): needs {what}; install it with: {install}")


def _value(where: str, option: Option, given: Any) -> Any:
    default = option.default
    if isinstance(default, bool):
        good = isinstance(given, bool)
    elif isinstance(default, int):
        good = isinstance(given, int) and not isinstance(given, bool)
    elif isinstance(default, float):
        good = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
        given = float(given) if good else given
    else:
        good = isinstance(given, str) and bool(given.strip())
    if not good:
        raise InputError(f"{where}: {option.name} = {given!r} is not what it takes: {_expected(option)}")
    if isinstance(given, str):
        if option.words and given not in option.words:
            hint = nearest(given, option.words) or f"; it takes {', '.join(option.words)}"
            raise InputError(f"{where}: no {option.name} {given!r}{hint}")
    elif not isinstance(given, bool) and not option.least <= given <= option.most:
        raise InputError(f"{where}: {option.name} = {given!r} is out of range: {_expected(option)}")
    return given


def _expected(option: Option) -> str:
    if isinstance(option.default, bool):
        return "true or false"
    if isinstance(option.default, str):
        return " or ".join(repr(word) for word in option.words) or f"a text such as {_example(option)}"
    number = "a whole number" if isinstance(option.default, int) else "a number"
    if math.isfinite(option.least) and math.isfinite(option.most):
        return f"{number} from {option.least:g} to {option.most:g}"
    return f"{number} of {option.least:g} or more" if math.isfinite(option.least) else number


def _example(option: Option) -> str:
    if isinstance(option.default, bool):
        return "true"
    return f'"{option.default}"' if isinstance(option.default, str) else f"{option.default}"
