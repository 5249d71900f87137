"""The verbs `posewire rules ...`: what a rules file means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posewire.cli_rules_dry_run import add_dry_run_verb
from posewire.cli_rules_log import add_log_verbs
from posewire.console import Json, emit
from posewire_models.errors import InputError, WorkError

if TYPE_CHECKING:
    from posewire.triggers.file import RulesFile

rules_app = typer.Typer(help="Rules files: from a pose to a stimulus.", no_args_is_help=True, rich_markup_mode=None)
add_dry_run_verb(rules_app)
add_log_verbs(rules_app)


@rules_app.command("check")
def rules_check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A rules file (TOML).")],
    model: Annotated[str | None, typer.Option(help="Whose keypoints are meant; wins over the file's own.")] = None,
    frame: Annotated[str | None, typer.Option(metavar="WxH", help="Size of the frames, e.g. 640x480.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames a second, to check times against.")] = None,
    as_json: Json = False,
) -> int:
    """Say each rule in one sentence; refuse what is wrong or can never be, with its line."""
    from posewire.triggers.file import keypoints_of, read_file
    from posewire.triggers.sentences import output_sentence, sentence

    size = None if frame is None else _size(frame)
    if fps is not None and not 0 < fps < 100_000:
        raise InputError(f"--fps {fps:g}: expected frames/s, a number above 0")
    keypoints, animals = (None, "") if model is None else keypoints_of(model)
    read = read_file(file, keypoints, size, animals, fps or 0.0)
    rules = read.rules
    warnings = [{"line": doubt.line, "text": f"{doubt.what}: {doubt.text}"} for doubt in read.doubts]
    warnings += _check_kinds(read)
    _check_controls(read)
    result: dict[str, Any] = {
        "file": str(file),
        "rules": [
            {"name": rule.name, "sentence": sentence(rule, rules), "line": read.rule_lines[rule.name]}
            for rule in rules.rules
        ],
        "outputs": [
            {"name": spec.name, "sentence": output_sentence(spec), "line": read.output_lines[spec.name]}
            for spec in rules.outputs
        ],
        "blind": rules.blind,
        "seed": rules.seed,
        "sha256": rules.sha256,
        "warnings": warnings,
    }
    emit(result, _told(result), as_json)
    return 0


def _check_kinds(read: RulesFile) -> list[dict[str, Any]]:
    """Looks at the options of each output's kind, and opens nothing. What is not installed here is a warning."""
    from posewire.outputs.kinds import open_device

    warnings = []
    for spec in read.rules.outputs:
        line = read.output_lines[spec.name]
        try:
            device = open_device(spec, "main")
        except InputError as error:
            meant = "".join(f"; {doubt.text}" for doubt in read.doubts if doubt.line == line and "meant" in doubt.text)
            raise InputError(f"{read.rules.path}:{line}: {error}{meant}") from None
        except WorkError as error:
            warnings.append({"line": line, "text": str(error)})
            continue
        if spec.mode in ("while", "toggle") and not device.watchdog:
            text = (
                f"output {spec.name!r}: a device of kind {spec.kind!r} does not go off by itself if the program dies: "
                f"a run refuses it for mode {spec.mode!r}, unless it is harmless and you give --unsafe"
            )
            warnings.append({"line": line, "text": text})
    return warnings


def _check_controls(read: RulesFile) -> None:
    """Makes the controls of all rules as a run does. Raises InputError with the line of the rule."""
    from posewire.outputs.past import read_past
    from posewire.triggers.controls import schedule_of

    rules = read.rules
    lasting = {spec.name for spec in rules.outputs if spec.mode == "while"}
    for rule in rules.rules:
        try:
            schedule_of(rule, rules.seed, read_past, not lasting.isdisjoint(rule.outputs))
        except InputError as error:
            raise InputError(f"{rules.path}:{read.rule_lines[rule.name]}: {error}") from None


def _told(result: dict[str, Any]) -> str:
    lines = [one["sentence"] for one in (*result["rules"], *result["outputs"])]
    if result["blind"]:
        lines.append("Blind: which decisions were shams is hidden until the log is closed.")
    lines += [f"{result['file']}:{one['line']}: warning: {one['text']}" for one in result["warnings"]]
    return "\n".join(lines)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text.strip())
    if match is None or 0 in (width := int(match[1]), height := int(match[2])):
        raise InputError(f"--frame {text}: expected WIDTHxHEIGHT in px, e.g. 640x480")
    return width, height
