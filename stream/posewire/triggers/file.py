"""Rules file 1: from TOML to the records of `posewire.triggers.rules`. docs/rules.md describes the format.

Whatever is wrong is refused in one line with the file, the line and the mend.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posewire.outputs.spec import OutputSpec
from posewire.triggers.doubts import Doubt, doubts_of
from posewire.triggers.lines import line_numbers
from posewire.triggers.names import RESERVED, Names
from posewire.triggers.output_tables import read_output, refuse_twin
from posewire.triggers.rule_tables import Defaults, read_defaults, read_rule
from posewire.triggers.rules import Rule, Rules, Zone
from posewire.triggers.tables import Place, Table, Unfit, shown
from posewire.triggers.zone_tables import read_zone
from posewire_models.errors import InputError
from posewire_models.zoo import find_model, read_model, zoo_card, zoo_names

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

VERSION = 1


@dataclass(frozen=True)
class RulesFile:
    """A rules file as read, with what only its text knows: ``rule_lines`` by name, and what is ``doubts`` in it.

    ``frame`` (width, height in px) is None, and ``fps`` 0, where nobody said it.
    """

    rules: Rules
    rule_lines: dict[str, int]
    output_lines: dict[str, int]
    frame: tuple[int, int] | None
    fps: float
    doubts: tuple[Doubt, ...]


def read_rules(
    path: Path, keypoints: tuple[str, ...] | None = None, frame: tuple[int, int] | None = None, animals: str = ""
) -> Rules:
    """The rules of a file. ``keypoints``, ``animals`` (``one``, ``many``) and ``frame`` (width, height in px) are those
    of the run's model and source; without them the file's own ``model`` and ``frame`` count. Raises InputError."""
    return read_file(path, keypoints, frame, animals).rules


def read_file(
    path: Path,
    keypoints: tuple[str, ...] | None = None,
    frame: tuple[int, int] | None = None,
    animals: str = "",
    fps: float = 0.0,
) -> RulesFile:
    """As `read_rules`, with the lines and the doubts."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    top = _top(path, content)
    version = top.take("rules")
    if isinstance(version, bool) or version != VERSION:
        hint = "; each rule stands under its own [[rule]]" if isinstance(version, (list, dict)) else ""
        raise top.wrong("rules", f"rules = {VERSION}, the version of the format that this program reads{hint}")
    if keypoints is None:
        keypoints, animals = _model(top, path.parent)
    else:
        top.text("model", "the name of a model", "?")  # known by name of keypoints: any model that has them will do
    frame = _frame(top, frame)
    own_fps = top.number("fps", "frames/s, a number above 0", 0.0, above=0.0, most=100_000.0)
    fps = fps or own_fps
    seed = top.whole("seed", "a whole number", 0, most=2**63 - 1)
    blind = top.flag("blind", False)
    defaults = read_defaults(top)
    roles = _roles(top, animals)
    names = Names(keypoints, roles, _zones(top, frame), animals, frame, path.parent)
    outputs, output_lines, unsure = _outputs(top)
    rules, rule_lines = _rules(top, names, outputs, defaults)
    top.done()
    read = Rules(
        keypoints,
        rules,
        roles,
        tuple(outputs.values()),
        seed,
        blind,
        hashlib.sha256(content).hexdigest(),
        str(path),
        content.decode("utf-8-sig"),
    )
    doubts = [*unsure, *doubts_of(read, animals, fps, rule_lines)]
    return RulesFile(read, rule_lines, output_lines, frame, fps, tuple(sorted(doubts, key=lambda doubt: doubt.line)))


def _top(path: Path, content: bytes) -> Table:
    """The whole file as one table. Raises InputError for what is no TOML."""
    try:
        text = content.decode("utf-8-sig")  # editors on Windows may put a mark before it
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8; save the file in this encoding") from None
    try:
        data: dict[str, Any] = tomllib.loads(text)
        return Table(Place(str(path), line_numbers(text)), (), data)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)", str(error))
        line = int(found.group(1)) if found and found.group(1) else text.count("\n", 0, len(text.rstrip())) + 1
        what = str(error)[: found.start()] if found else str(error)
        place = found.group(2) if found else None
        column = f", column {place}" if place else ""
        hint = _hint(text.split("\n")[line - 1], int(place)) if place else ""
        raise InputError(f"{path}:{line}: not valid TOML: {what}{column}{hint}") from None
    except RecursionError:
        raise InputError(f"{path}:1: not valid TOML: tables or lists too deep inside each other") from None


def _hint(line: str, column: int) -> str:
    """What may be meant by a line that is no TOML from a column on; empty if nothing is known."""
    if re.match(r"\s*\[\[?\s*rules\s*\]", line):
        return f"; rules = {VERSION} is the version of the format, and each rule stands under its own [[rule]]"
    at = column - 1
    if at < len(line) and line[at].isalpha() and not line[at].isascii():
        before, after = re.search(r"[\w-]*$", line[:at]), re.match(r"[\w-]*", line[at:])
        word = f"{before.group() if before else ''}{after.group() if after else ''}"
        return f'; a name with letters such as {line[at]!r} stands in quotes: "{word}"'
    return ""


def _model(top: Table, folder: Path) -> tuple[tuple[str, ...], str]:
    """The keypoints and animals of the file's own ``model``, a zoo model or a file looked up from the rules file's."""
    expected = "the model whose keypoints are meant: a name of `posewire models list`, or an .onnx file"
    if not top.has("model"):
        raise top.error("", f"no model is known; give --model, or at the top of the file model = NAME, {expected}")
    name = top.text("model", expected)
    beside = folder / name
    with top.at("model"):
        try:
            return keypoints_of(str(beside) if name not in zoo_names() and beside.is_file() else name)
        except InputError as error:
            raise Unfit(str(error)) from None


def keypoints_of(model: str) -> tuple[tuple[str, ...], str]:
    """The keypoints of a model (zoo name or path), and how many ``animals`` it finds: ``one`` or ``many``.

    A zoo model's card tells, without ONNX Runtime. Raises InputError, ModelError.
    """
    if model in zoo_names():
        card = zoo_card(model)
        return tuple(card["keypoints"]), str(card["animals"])
    find_model(model)  # what is not there need not wait for ONNX Runtime
    from posewire_models.modelfile import read_contract

    contract = read_contract(read_model(model))
    return contract.keypoints, contract.animals


def _frame(top: Table, given: tuple[int, int] | None) -> tuple[int, int] | None:
    value = top.take("frame")
    if value is None:
        return given
    expected = "[width, height] of the frames in whole px"
    if not isinstance(value, list) or len(value) != 2:
        raise top.wrong("frame", expected)
    width, height = value
    if not (type(width) is int and type(height) is int and width > 0 and height > 0):
        raise top.wrong("frame", expected)
    if given is not None and given != (width, height):
        raise top.wrong(
            "frame", f"{given[0]} x {given[1]}, as the source's frames are; draw the zones anew for that size"
        )
    return width, height


def _roles(top: Table, animals: str) -> dict[str, int]:
    if not top.has("roles"):
        return {}
    table = top.table("roles", "a table, names = ids")
    table.name = "[roles]"
    for name in table.data:
        table.whole(name, "the id of an animal, a whole number from 0")
        others = [other for other in table.asked if other != name and table.data[other] == table.data[name]]
        if others:
            raise table.error(name, f"{name} = {shown(table.data[name])}: {others[0]} has this id already")
        if name in RESERVED or "." in name or not name.strip():
            raise table.error(
                name, f"{name}: a role cannot be called that; choose a word without dots, not {', '.join(RESERVED)}"
            )
    if animals == "one" and table.data:
        raise table.error("", "the model finds one animal; leave the roles out, or take a model of several")
    return dict(table.data)


def _zones(top: Table, frame: tuple[int, int] | None) -> dict[str, Zone]:
    if not top.has("zones"):
        return {}
    table = top.table("zones", "a table, names = { polygon = [...] }")
    zones = {}
    for name in table.data:
        one = table.table(name, "a table, e.g. { circle = [x, y, radius] }")
        one.name = f"zone {name!r}"
        zones[name] = read_zone(name, one, frame)
    return zones


def _outputs(top: Table) -> tuple[dict[str, OutputSpec], dict[str, int], list[Doubt]]:
    outputs: dict[str, OutputSpec] = {}
    lines, doubts = {}, []
    if top.has("outputs"):
        table = top.table("outputs", "tables, [outputs.NAME]")
        for name in table.data:
            one = table.table(name, f'a table, [outputs.{name}], with kind = "..."')
            one.name = f"output {name!r}"
            spec, unsure = read_output(name, one)
            refuse_twin(spec, outputs.values(), one)
            outputs[name] = spec
            lines[name] = one.line
            doubts += [Doubt(one.line, one.name, text) for text in unsure]
    return outputs, lines, doubts


def _rules(
    top: Table, names: Names, outputs: dict[str, OutputSpec], defaults: Defaults
) -> tuple[tuple[Rule, ...], dict[str, int]]:
    expected = "rules, each under its own [[rule]]"
    if not top.has("rule"):
        top.done()  # a word that was meant to be `rule` is named before its lack
        raise top.error("", f"no rule; expected {expected}")
    rules: list[Rule] = []
    lines: dict[str, int] = {}
    followed: dict[str, str] = {}
    for table in top.tables("rule", expected):
        table.name = f"rule {len(rules) + 1}"
        rule = read_rule(table, names, outputs, defaults)
        if rule.name in lines:
            raise table.error("name", f"name: line {lines[rule.name]} has a rule of this name; give each its own")
        for output in rule.outputs if rule.value is not None else ():
            if output in followed:
                raise table.error("value", f"value: output {output!r} follows rule {followed[output]!r} already")
            followed[output] = rule.name
        rules.append(rule)
        lines[rule.name] = table.line
    return tuple(rules), lines
