"""The verbs `posewire rules log` and `posewire rules firmware`: what a session did, and what a board needs."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from posewire.console import Json, emit, say
from posewire_models.errors import InputError, WorkError

_SKETCH = "posewire_output"
_OF_OUTPUTS = ("sent", "acknowledged", "edge", "failed", "safe", "disarmed")


def add_log_verbs(app: typer.Typer) -> None:
    """Register both verbs."""
    app.command("log")(rules_log)
    app.command("firmware")(rules_firmware)


def rules_log(
    file: Annotated[Path, typer.Argument(metavar="LOG", help="A session's log of decisions.")],
    csv: Annotated[Path | None, typer.Option(help="Write it as a table.")] = None,
    as_json: Json = False,
) -> int:
    """Check a log's checksums, tell what happened, and write it as CSV. Status 1 if it was changed."""
    from posewire.outputs.log import export_csv, read_log

    if csv is not None and csv.suffix.lower() != ".csv":
        raise InputError(f"--csv {csv}: expected a name that ends in .csv")
    if csv is not None and not csv.parent.is_dir():
        raise InputError(f"--csv {csv}: there is no folder {csv.parent}")
    counts: Counter[str] = Counter()
    rules: dict[str, Counter[str]] = {}
    header: dict[str, Any] = {}
    try:
        reader = read_log(file)
        for record in reader:
            kind = record["record"]
            counts[kind] += 1
            if kind == "header":
                header = record
            elif record.get("rule"):
                word = f"withheld ({record['reason']})" if kind == "withheld" else kind
                rules.setdefault(record["rule"], Counter())[word] += 1
        if csv is not None:
            export_csv(file, csv)
            say(f"wrote {csv}")
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: no such file; expected the log of a session (--log)") from None
    except OSError as error:
        raise WorkError(f"{error.filename or file}: {error.strerror}") from None
    if not header:
        raise InputError(f"{file}: no log of Posewire; expected the log of a session (--log)")
    assert reader.end is not None
    result = {
        "file": str(file),
        "state": reader.end.state,
        "text": reader.end.text,
        "session": header.get("session"),
        "rules_sha256": header.get("rules_sha256"),
        "records": dict(counts),
        "rules": {name: dict(one) for name, one in rules.items()},
    }
    lines = [f"session {header.get('session')}, stream {header.get('stream')}, source {header.get('source')}"]
    lines += [f"{name}: " + ", ".join(f"{count} {word}" for word, count in one.items()) for name, one in rules.items()]
    told = [f"{counts[kind]} {kind}" for kind in _OF_OUTPUTS if counts[kind]]
    lines += ["outputs: " + ", ".join(told)] if told else []
    emit(result, "\n".join([*lines, f"{file}: {reader.end.text}"]), as_json)
    return 1 if reader.end.state == "broken" else 0


def rules_firmware(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the sketch's folder goes.")],
) -> int:
    """Copy out the sketch for Arduino and Teensy, ready to be opened in the Arduino IDE."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give one that exists")
    target = folder / _SKETCH
    if target.exists():
        raise InputError(f"{target}: exists already; give another folder, or remove it")
    source = Path(__file__).parent / "outputs" / "firmware" / _SKETCH
    try:
        shutil.copytree(source, target)
    except OSError as error:
        raise WorkError(f"{target}: cannot be written ({error.strerror})") from None
    typer.echo(f"{target / (_SKETCH + '.ino')}: open it in the Arduino IDE, choose the board, upload")
    return 0
